import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.data.checks import check_dataset
from components.data.dataset import Dataset
from components.data.manifest import Manifest, build_manifest
from tests.tiny_dataset import read_dataset, tiny_manifest

LABEL = np.array([[0, 3], [8, 11]], dtype=np.uint8)


def make_camvid(root: Path) -> Path:
    for split, names in (("train", ("a", "b")), ("val", ("c",))):
        for folder in ("images", "labels"):
            (root / split / folder).mkdir(parents=True)
        for name in names:
            Image.fromarray(np.full((2, 2, 3), ord(name), dtype=np.uint8)).save(root / split / f"images/{name}.png")
            Image.fromarray(LABEL).save(root / split / f"labels/{name}.png")
    return root


def change_photo(root: Path, name: str) -> None:
    Image.fromarray(np.zeros((2, 2, 3), dtype=np.uint8)).save(root / name)


def test_manifest_lists_the_files_relative_to_the_root_as_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_camvid(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    manifest = tiny_manifest("camvid", Path("data"))
    assert (manifest.format, manifest.reader, manifest.root, manifest.work) == (2, "camvid", "data", None)
    assert [entry.name for entry in manifest.train] == ["a", "b"]
    entry = manifest.val[0]
    assert (entry.name, entry.image, entry.label) == ("c", "val/images/c.png", "val/labels/c.png")
    assert (entry.instance, entry.condition, entry.instance_count) == (None, None, None)
    assert (entry.height, entry.width) == (2, 2)
    assert entry.class_pixels == (1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1)
    assert manifest.class_pixels["train"] == (2, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 2)  # of two pictures
    assert manifest.class_pixels["val"] == entry.class_pixels
    assert entry.sha256["label"] == hashlib.sha256(Path("data/val/labels/c.png").read_bytes()).hexdigest()
    record = manifest.records("val")[0]
    assert (record.name, record.image) == ("c", Path("data/val/images/c.png"))
    assert (record.label, record.instance) == (Path("data/val/labels/c.png"), None)


def test_written_manifest_loads_equal_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    manifest = tiny_manifest("camvid", make_camvid(tmp_path / "data"))
    path = tmp_path / "build" / "manifest.json"
    manifest.write(path)
    assert Manifest.load(path) == manifest
    assert list(path.parent.iterdir()) == [path]


def test_manifest_of_another_format_is_refused_naming_file_and_field(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    tiny_manifest("camvid", make_camvid(tmp_path / "data")).write(path)
    path.write_text(path.read_text().replace('"format": 2', '"format": 1'))
    with pytest.raises(ValueError, match=r"(?s)manifest\.json: not a manifest of format 2: .*format\n"):
        Manifest.load(path)


def test_fingerprints_do_not_depend_on_where_the_dataset_lies(tmp_path: Path) -> None:
    first = tiny_manifest("camvid", make_camvid(tmp_path / "data"))
    second = tiny_manifest("camvid", Path(shutil.copytree(tmp_path / "data", tmp_path / "elsewhere")))
    assert first.root != second.root
    assert first.fingerprint == second.fingerprint
    assert first.validation_fingerprint == second.validation_fingerprint
    assert len({first.fingerprint, first.validation_fingerprint}) == 2


def test_changed_training_photo_changes_only_the_fingerprint_of_both_splits(tmp_path: Path) -> None:
    root = make_camvid(tmp_path)
    before = tiny_manifest("camvid", root)
    change_photo(root, "train/images/a.png")
    after = tiny_manifest("camvid", root)
    assert after.fingerprint != before.fingerprint
    assert after.validation_fingerprint == before.validation_fingerprint


def test_changed_validation_photo_changes_both_fingerprints(tmp_path: Path) -> None:
    root = make_camvid(tmp_path)
    before = tiny_manifest("camvid", root)
    change_photo(root, "val/images/c.png")
    after = tiny_manifest("camvid", root)
    assert after.fingerprint != before.fingerprint
    assert after.validation_fingerprint != before.validation_fingerprint


def test_renamed_picture_changes_the_fingerprint(tmp_path: Path) -> None:
    root = make_camvid(tmp_path)
    before = tiny_manifest("camvid", root)
    for folder in ("images", "labels"):
        (root / f"train/{folder}/b.png").rename(root / f"train/{folder}/d.png")
    assert tiny_manifest("camvid", root).fingerprint != before.fingerprint


def test_a_moved_manifest_names_the_new_place_only_where_its_root_lies_in_what_moved(tmp_path: Path) -> None:
    make_camvid(tmp_path / "build" / "data")
    manifest = tiny_manifest("camvid", tmp_path / "build" / "data")
    assert manifest.moved(tmp_path / "build", Path("done")).root == "done/data"
    assert manifest.moved(tmp_path / "other", Path("done")).root == manifest.root


def test_files_that_the_reader_made_are_found_in_its_folder_wherever_that_moves(tmp_path: Path) -> None:
    root, work = make_camvid(tmp_path / "data"), tmp_path / "build" / "derived"
    dataset, _ = read_dataset("camvid", root)
    made = work / "c.png"
    made.parent.mkdir(parents=True)
    Image.fromarray(LABEL).save(made)
    val = (replace(dataset.val[0], instance=made),)
    facts, problems = check_dataset(Dataset(dataset.classes, dataset.train, val))
    assert problems == []
    manifest = build_manifest("camvid", root, dataset.classes, facts, work=work, instances_made=True)
    assert (manifest.work, manifest.instances_made) == (str(work), True)
    assert (manifest.val[0].made, manifest.val[0].instance) == (("instance",), "c.png")
    assert manifest.records("val") == val
    moved = manifest.moved(tmp_path / "build", tmp_path / "final")
    assert moved.records("val")[0].instance == tmp_path / "final" / "derived" / "c.png"
    assert moved.records("val")[0].image == val[0].image

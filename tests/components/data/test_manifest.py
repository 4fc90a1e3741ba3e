import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.data.dataset import DatasetError
from components.data.manifest import Manifest, prepare

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


def test_manifest_lists_the_files_relative_to_the_root_as_it_was_named(tmp_path, monkeypatch):
    make_camvid(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    manifest = prepare("camvid", Path("data"))
    assert (manifest.format, manifest.reader, manifest.root) == (1, "camvid", "data")
    assert [entry.name for entry in manifest.train] == ["a", "b"]
    entry = manifest.val[0]
    assert (entry.name, entry.image, entry.label) == ("c", "val/images/c.png", "val/labels/c.png")
    assert (entry.instance, entry.condition, entry.instance_count) == (None, None, None)
    assert (entry.height, entry.width) == (2, 2)
    assert entry.class_pixels == (1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1)
    record = manifest.records("val")[0]
    assert (record.name, record.image) == ("c", Path("data/val/images/c.png"))
    assert (record.label, record.instance) == (Path("data/val/labels/c.png"), None)


def test_written_manifest_loads_equal_and_leaves_no_temporary_file(tmp_path):
    manifest = prepare("camvid", make_camvid(tmp_path / "data"))
    path = tmp_path / "build" / "manifest.json"
    manifest.write(path)
    assert Manifest.load(path) == manifest
    assert list(path.parent.iterdir()) == [path]


def test_manifest_of_another_format_is_refused_naming_file_and_field(tmp_path):
    path = tmp_path / "manifest.json"
    prepare("camvid", make_camvid(tmp_path / "data")).write(path)
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(ValueError, match=r"(?s)manifest\.json: not a manifest of format 1: .*format\n"):
        Manifest.load(path)


def test_fingerprints_do_not_depend_on_where_the_dataset_lies(tmp_path):
    first = prepare("camvid", make_camvid(tmp_path / "data"))
    second = prepare("camvid", Path(shutil.copytree(tmp_path / "data", tmp_path / "elsewhere")))
    assert first.root != second.root
    assert first.fingerprint == second.fingerprint
    assert first.validation_fingerprint == second.validation_fingerprint
    assert len({first.fingerprint, first.validation_fingerprint}) == 2


def test_changed_training_photo_changes_only_the_fingerprint_of_both_splits(tmp_path):
    root = make_camvid(tmp_path)
    before = prepare("camvid", root)
    change_photo(root, "train/images/a.png")
    after = prepare("camvid", root)
    assert after.fingerprint != before.fingerprint
    assert after.validation_fingerprint == before.validation_fingerprint


def test_changed_validation_photo_changes_both_fingerprints(tmp_path):
    root = make_camvid(tmp_path)
    before = prepare("camvid", root)
    change_photo(root, "val/images/c.png")
    after = prepare("camvid", root)
    assert after.fingerprint != before.fingerprint
    assert after.validation_fingerprint != before.validation_fingerprint


def test_renamed_picture_changes_the_fingerprint(tmp_path):
    root = make_camvid(tmp_path)
    before = prepare("camvid", root)
    for folder in ("images", "labels"):
        (root / f"train/{folder}/b.png").rename(root / f"train/{folder}/d.png")
    assert prepare("camvid", root).fingerprint != before.fingerprint


def test_problems_of_pairing_and_of_checks_are_raised_together(tmp_path):
    root = make_camvid(tmp_path)
    (root / "train/labels/b.png").unlink()
    (root / "train/images/a.png").write_bytes(b"")
    Image.fromarray(np.full((2, 2), 12, dtype=np.uint8)).save(root / "val/labels/c.png")
    with pytest.raises(DatasetError) as caught:
        prepare("camvid", root)
    assert [line.split(":")[0] for line in caught.value.problems] == [
        f"{root}/train/images/b.png",
        f"{root}/train/images/a.png",
        f"{root}/val/labels/c.png",
    ]
    assert "12 (4 pixels)" in caught.value.problems[2]


def test_empty_validation_split_is_a_problem(tmp_path):
    root = make_camvid(tmp_path)
    shutil.rmtree(root / "val")
    with pytest.raises(DatasetError, match="no validation pair found"):
        prepare("camvid", root)


def test_missing_root_is_one_problem(tmp_path):
    with pytest.raises(DatasetError) as caught:
        prepare("camvid", tmp_path / "nowhere")
    assert len(caught.value.problems) == 1


def test_unknown_reader_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="reader: expected one of camvid, cityscapes, .*, got kitti"):
        prepare("kitti", tmp_path)


def test_a_moved_manifest_names_the_new_place_only_where_its_root_lies_in_what_moved(tmp_path):
    make_camvid(tmp_path / "build" / "data")
    manifest = prepare("camvid", tmp_path / "build" / "data")
    assert manifest.moved(tmp_path / "build", Path("done")).root == "done/data"
    assert manifest.moved(tmp_path / "other", Path("done")).root == manifest.root

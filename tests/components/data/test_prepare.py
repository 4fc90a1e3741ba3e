import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.data.dataset import DatasetError
from components.data.prepare import prepare_dataset
from components.data.readers import READERS
from tests.given import given
from tests.tiny_dataset import pixels_of, random_photo, tiny_manifest, tiny_prepare, write_picture


def write_labelled_folders(root: Path, label: list[list[int]], classes: list[dict[str, Any]]) -> Path:
    for seed, split in enumerate(("train", "val")):
        write_picture(root / f"{split}_img" / "p.png", random_photo(seed, len(label), len(label[0])))
        write_picture(root / f"{split}_label" / "p.png", label)
    (root / "classes.json").write_text(json.dumps(classes))
    return root


SKY = {"index": 0, "name": "sky", "colour": [0, 0, 255]}
CAR = {"index": 1, "name": "car", "colour": [255, 0, 0], "has_instances": True}


def test_the_generated_dataset_is_read_like_any_other(tmp_path: Path) -> None:
    manifest = prepare_dataset(tiny_prepare(), tmp_path / "out")
    assert manifest == tiny_manifest("labelled_folders", tmp_path / "out" / "street_scenes")
    assert len(manifest.train) == 2
    assert len(manifest.val) == 1
    assert all((entry.height, entry.width) == (32, 64) for entry in (*manifest.train, *manifest.val))
    for record in manifest.records("train"):
        assert record.image.is_file()
        assert given(record.label).is_file()
        assert given(record.instance).is_file()


def test_the_same_seed_gives_the_same_fingerprint_wherever_it_lies(tmp_path: Path) -> None:
    def fingerprint(folder: str, seed: int) -> str:
        scenes = tiny_prepare().street_scenes.model_copy(update={"seed": seed})
        return prepare_dataset(tiny_prepare(street_scenes=scenes), tmp_path / folder).fingerprint

    assert fingerprint("a", 1) == fingerprint("b", 1)
    assert fingerprint("c", 2) != fingerprint("a2", 1)


def test_a_dataset_that_exists_is_read_where_it_is(tmp_path: Path) -> None:
    for seed, split in enumerate(("train", "val")):
        for kind in ("A", "B"):
            write_picture(tmp_path / "data" / f"{split}_{kind}" / "p.png", random_photo(seed))
    manifest = prepare_dataset(tiny_prepare(reader="paired_folders", root=tmp_path / "data"), tmp_path / "out")
    assert manifest.root == str(tmp_path / "data")
    assert manifest.reader == "paired_folders"
    assert not (tmp_path / "out").exists()


def test_what_a_reader_makes_lies_in_the_folder_of_the_stage_and_is_found_after_it_moved(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for number in range(4):
        write_picture(root / f"{number}.png", random_photo(number, 8, 8))
    manifest = prepare_dataset(tiny_prepare(reader="edges_of_photos", root=root), tmp_path / "out")
    conditions = [record.condition for record in manifest.records("val")]
    assert [given(path).parent for path in conditions] == [tmp_path / "out" / "derived" / "edges" / "val"] * 2
    (tmp_path / "out").rename(tmp_path / "final")
    moved = manifest.moved(tmp_path / "out", tmp_path / "final")
    assert all(given(record.condition).is_file() and record.image.is_file() for record in moved.records("train"))


def test_instance_maps_are_made_from_components_where_the_parameters_say_so(tmp_path: Path) -> None:
    root = write_labelled_folders(tmp_path / "data", [[1, 0, 1]], [SKY, CAR])
    config = tiny_prepare(reader="labelled_folders", root=root)
    without = prepare_dataset(config, tmp_path / "without")
    assert not without.instances_made
    assert without.records("train")[0].instance is None
    made = prepare_dataset(config.model_copy(update={"instances": "components"}), tmp_path / "made")
    assert made.instances_made
    assert pixels_of(made.records("train")[0].instance) == [[256, 0, 257]]
    assert made.train[0].instance_count == 3
    assert made.fingerprint != without.fingerprint


def test_instance_maps_of_the_dataset_are_kept(tmp_path: Path) -> None:
    root = write_labelled_folders(tmp_path / "data", [[1, 0, 1]], [SKY, CAR])
    for split in ("train", "val"):
        write_picture(root / f"{split}_inst" / "p.png", [[7, 0, 7]])
    manifest = prepare_dataset(
        tiny_prepare(reader="labelled_folders", root=root, instances="components"), tmp_path / "out"
    )
    assert not manifest.instances_made
    assert pixels_of(manifest.records("train")[0].instance) == [[7, 0, 7]]


def test_components_of_classes_without_instances_are_refused(tmp_path: Path) -> None:
    root = write_labelled_folders(tmp_path / "data", [[0, 0]], [SKY])
    config = tiny_prepare(reader="labelled_folders", root=root, instances="components")
    with pytest.raises(DatasetError, match=r"prepare\.instances: found components, expected dataset"):
        prepare_dataset(config, tmp_path / "out")


@pytest.mark.parametrize("reader", sorted(READERS))
def test_problems_of_a_dataset_are_raised_and_nothing_is_left(tmp_path: Path, reader: str) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(DatasetError, match="nowhere"):
        prepare_dataset(tiny_prepare(reader=reader, root=tmp_path / "nowhere"), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_label_past_the_classes_is_named_with_its_file(tmp_path: Path) -> None:
    root = write_labelled_folders(tmp_path / "data", np.full((8, 8), 9).tolist(), [SKY])
    with pytest.raises(DatasetError) as caught:
        prepare_dataset(tiny_prepare(reader="labelled_folders", root=root), tmp_path / "out")
    assert len(caught.value.problems) == 2
    assert str(root / "train_label" / "p.png") in caught.value.problems[0]
    assert "9" in caught.value.problems[0]
    assert not (tmp_path / "out").exists()

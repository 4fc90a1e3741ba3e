import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.data.dataset import DatasetError
from components.data.manifest import prepare
from components.data.prepare import PrepareConfig, prepare_dataset
from components.data.street_scenes import StreetScenesConfig

SCENES = StreetScenesConfig(train=2, val=1, height=32, width=64, seed=1)


def test_the_generated_dataset_is_read_like_any_other(tmp_path: Path) -> None:
    config = PrepareConfig(reader="street_scenes", root=tmp_path / "unused", street_scenes=SCENES)
    manifest = prepare_dataset(config, tmp_path / "out")
    assert manifest == prepare("labelled_folders", tmp_path / "out" / "street_scenes")
    assert len(manifest.train) == 2
    assert len(manifest.val) == 1
    assert all((entry.height, entry.width) == (32, 64) for entry in (*manifest.train, *manifest.val))
    for record in manifest.records("train"):
        assert record.image.is_file()
        assert record.label.is_file()
        assert record.instance.is_file()


def test_the_same_seed_gives_the_same_fingerprint_wherever_it_lies(tmp_path: Path) -> None:
    def fingerprint(folder: str, seed: int) -> str:
        scenes = SCENES.model_copy(update={"seed": seed})
        config = PrepareConfig(reader="street_scenes", root=tmp_path, street_scenes=scenes)
        return prepare_dataset(config, tmp_path / folder).fingerprint

    assert fingerprint("a", 1) == fingerprint("b", 1)
    assert fingerprint("c", 2) != fingerprint("a2", 1)


def test_a_dataset_that_exists_is_read_where_it_is(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for kind in ("A", "B"):
            path = tmp_path / "data" / f"{split}_{kind}" / "p.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
    config = PrepareConfig(reader="paired_folders", root=tmp_path / "data", street_scenes=SCENES)
    manifest = prepare_dataset(config, tmp_path / "out")
    assert manifest.root == str(tmp_path / "data")
    assert manifest.reader == "paired_folders"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("reader", ["cityscapes", "camvid", "labelled_folders", "paired_folders"])
def test_problems_of_a_dataset_are_raised_and_nothing_is_left(tmp_path: Path, reader: str) -> None:
    (tmp_path / "out").mkdir()
    config = PrepareConfig(reader=reader, root=tmp_path / "nowhere", street_scenes=SCENES)
    with pytest.raises(DatasetError, match="nowhere"):
        prepare_dataset(config, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_label_past_the_classes_is_named_with_its_file(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for split in ("train", "val"):
        for kind, pixels in (("label", np.full((8, 8), 9, np.uint8)), ("img", np.zeros((8, 8, 3), np.uint8))):
            path = root / f"{split}_{kind}" / "p.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(pixels).save(path)
    (root / "classes.json").write_text(json.dumps([{"index": 0, "name": "sky", "colour": [0, 0, 255]}]))
    config = PrepareConfig(reader="labelled_folders", root=root, street_scenes=SCENES)
    with pytest.raises(DatasetError) as caught:
        prepare_dataset(config, tmp_path / "out")
    assert len(caught.value.problems) == 2
    assert str(root / "train_label" / "p.png") in caught.value.problems[0]
    assert "9" in caught.value.problems[0]
    assert not (tmp_path / "out").exists()

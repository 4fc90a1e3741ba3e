import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from components.data.store import Sample, ShardStore
from components.export.config import ExportConfig
from components.export.samples import PictureContent, chosen_scenes, samples_document
from components.inference import Bundle
from components.inference.samples import Samples
from tests.tiny import tiny_store, write_store
from tests.tiny_bundle import write_tiny_bundle

ROAD, CAR, SKY = 1, 2, 3


def _config(samples: int, gallery: int) -> ExportConfig:
    return ExportConfig(
        opset=20, tolerance=1, precisions=(), int8_max_loss=0.01, calibration_maps=1, samples=samples, gallery=gallery
    )


def _picture(label: NDArray[np.uint8], instance: NDArray[np.int32]) -> Sample:
    image = np.zeros((*label.shape, 3), np.uint8)
    return {"label": label, "instance": instance.astype(np.uint8), "image": image}


def _street() -> Sample:
    """16 x 40 of road with a car of 4 x 10, and of 4 x 6 that the picture's edge cuts."""
    label = np.full((16, 40), ROAD, np.uint8)
    instance = np.zeros((16, 40), np.int32)
    for number, (rows, columns) in enumerate([(slice(4, 8), slice(2, 12)), (slice(10, 14), slice(34, 40))], 1):
        label[rows, columns], instance[rows, columns] = CAR, number
    return _picture(label, instance)


def _store(folder: Path, pictures: list[Sample]) -> ShardStore:
    ids = [tuple(range(int(each["instance"].max()) + 1)) for each in pictures]
    return write_store(folder, pictures, ids, split="val")


def _read_back(folder: Path, document: object) -> Samples:
    """Through a bundle, whose reader checks all of it."""
    write_tiny_bundle(folder, class_names=["unlabelled", "road", "car", "sky"])
    text = json.dumps(document)
    (folder / "samples.json").write_text(text)
    description = json.loads((folder / "bundle.json").read_text())
    description["files"]["samples.json"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(description))
    return Samples.load(Bundle.load(folder))


def test_scenes_and_masks_come_back_as_they_lie_in_the_shards(tmp_path: Path) -> None:
    street = _street()
    store = _store(tmp_path / "val", [street])
    samples = _read_back(tmp_path / "bundle", samples_document(store, _config(3, 8), size_multiple=4))
    (scene,), (mask,) = samples.scenes, samples.gallery
    assert scene.name == "picture_0"
    assert np.array_equal(scene.label, street["label"])
    assert np.array_equal(scene.instance, street["instance"])
    assert mask.class_index == CAR
    assert mask.mask.all()
    assert mask.mask.shape == (4, 10)


def test_the_same_set_gives_the_same_document(tmp_path: Path) -> None:
    first = tiny_store(tmp_path / "a", count=9)
    documents = [
        samples_document(store, _config(4, 3), size_multiple=8) for store in (first, ShardStore(tmp_path / "a"))
    ]
    assert documents[0] == documents[1]
    assert documents[0] is not None
    assert len(_read_back(tmp_path / "bundle", documents[0]).scenes) == 4


@pytest.mark.parametrize(("samples", "gallery", "found"), [(0, 2, (0, 1)), (2, 0, (1, 0))])
def test_a_number_of_zero_turns_scenes_or_masks_off(
    tmp_path: Path, samples: int, gallery: int, found: tuple[int, int]
) -> None:
    document = samples_document(_store(tmp_path / "val", [_street()]), _config(samples, gallery), size_multiple=4)
    assert document is not None
    assert (len(document["scenes"]), len(document["gallery"])) == found


def test_with_both_off_or_without_classes_there_is_no_document(tmp_path: Path) -> None:
    assert samples_document(tiny_store(tmp_path / "a"), _config(0, 0), size_multiple=4) is None
    assert samples_document(tiny_store(tmp_path / "b", rgb=True), _config(6, 8), size_multiple=4) is None


def test_a_picture_that_the_model_cannot_take_is_no_scene(tmp_path: Path) -> None:
    store = _store(tmp_path / "val", [_street(), _street()])
    document = samples_document(store, _config(2, 8), size_multiple=32)
    assert document is not None
    assert document["scenes"] == []
    assert len(document["gallery"]) == 1


def test_each_stretch_gives_the_picture_with_most_that_is_new() -> None:
    classes = [{1}, {1, 2}, {1}, {1, 2}, {1, 3}, {1}]
    evenness = [0.0, 0.1, 0.3, 0.2, 0.1, 0.4]
    pictures = [PictureContent(n, frozenset(c), e) for n, (c, e) in enumerate(zip(classes, evenness, strict=True))]
    # Of 0..1 the one with two classes; of 2..3, which add none, the more even one; of 4..5 the one with class 3.
    assert chosen_scenes(pictures, 3) == [1, 2, 4]
    assert chosen_scenes(pictures, 99) == [0, 1, 2, 3, 4, 5]
    assert chosen_scenes([], 3) == []


def test_names_become_parts_of_addresses_and_stay_different(tmp_path: Path) -> None:
    store = _store(tmp_path / "val", [_street(), _street(), _street()])
    index = store.index.model_copy(update={"names": ("städte/a b", "städte/a_b", "...")})
    store.index = index
    document = samples_document(store, _config(3, 0), size_multiple=4)
    assert document is not None
    assert [scene["name"] for scene in document["scenes"]] == ["st_dte_a_b", "st_dte_a_b-2", "scene"]

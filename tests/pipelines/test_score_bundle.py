"""Scores and pictures of bundles, with an evaluator that reads the class where the tiny bundle writes it: in red."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from components.data.encoding import to_bytes
from pipelines import score_bundle as module
from pipelines.score_bundle import score_bundle, scoring_key, write_comparison
from tests.tiny import CLASSES, tiny_store
from tests.tiny_bundle import write_tiny_bundle
from tests.tiny_evaluation import evaluate_config

NAMES = [each.name for each in CLASSES]
ROAD, SKY = 1, 3


class RedReader:
    """Predicts what is in red, and road for sky."""

    classes = CLASSES

    def to(self, device: torch.device) -> "RedReader":
        return self

    def eval(self) -> "RedReader":
        return self

    def predict(self, image: Tensor) -> Tensor:
        red = to_bytes(image)[..., 0].long()
        return torch.where(red == SKY, ROAD, red)


@pytest.fixture
def read_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_segmenter", lambda folder, classes: RedReader())


def test_scores_are_those_of_the_pictures_that_the_bundle_makes(tmp_path: Path, read_red: None) -> None:
    store = tiny_store(tmp_path / "val")
    labels = np.concatenate([sample["label"].ravel() for sample in store])
    road, car, sky = (np.count_nonzero(labels == index) for index in (1, 2, 3))
    bundle = write_tiny_bundle(tmp_path / "bundle", class_names=NAMES)
    scores = score_bundle(bundle, tmp_path / "val", tmp_path, evaluate_config())
    assert scores is not None
    assert set(scores.class_iou) == {"road", "car", "sky"}
    values = {name: iou and iou.value for name, iou in scores.class_iou.items()}
    assert values == {"road": pytest.approx(road / (road + sky)), "car": 1.0, "sky": 0.0}
    assert scores.mean_iou.value == pytest.approx((road / (road + sky) + 1) / 3)
    assert scores.pixel_accuracy.value == pytest.approx((road + car) / (road + car + sky))
    assert scores.mean_iou.low <= scores.mean_iou.value <= scores.mean_iou.high
    assert scores.mean_iou.low < scores.mean_iou.high


def test_a_bundle_of_other_classes_is_an_error_that_names_them(tmp_path: Path, read_red: None) -> None:
    tiny_store(tmp_path / "val")
    bundle = write_tiny_bundle(tmp_path / "bundle")
    with pytest.raises(
        ValueError, match=r"has the classes \['road', 'car', 'sky'\], the validation set \['unlabelled'"
    ):
        score_bundle(bundle, tmp_path / "val", tmp_path, evaluate_config())


def test_without_classes_there_is_nothing_to_score(tmp_path: Path) -> None:
    tiny_store(tmp_path / "val", rgb=True)
    bundle = write_tiny_bundle(tmp_path / "bundle", inputs=("picture",))
    assert score_bundle(bundle, tmp_path / "val", tmp_path, evaluate_config()) is None


def test_the_comparison_shows_condition_each_bundle_and_photo_in_rows(tmp_path: Path) -> None:
    store = tiny_store(tmp_path / "val", count=5)
    challenger = write_tiny_bundle(tmp_path / "challenger", class_names=NAMES)
    champion = write_tiny_bundle(tmp_path / "champion", class_names=NAMES, inputs=("label",))
    write_comparison(tmp_path / "shown.png", [challenger, champion], tmp_path / "val", rows=2)
    shown = np.asarray(Image.open(tmp_path / "shown.png"))
    assert shown.shape == (2 * 34, 4 * 66, 3)  # of 32 x 64, with white gaps of 2
    first, *_, last = store
    by_challenger, by_champion, photo = (shown[:32, 66 * column : 66 * column + 64] for column in (1, 2, 3))
    assert np.array_equal(by_challenger[..., 0], first["label"])
    assert np.array_equal(by_challenger[..., 1], first["instance"])
    assert np.array_equal(by_champion, np.stack([first["label"], 0 * first["label"], 0 * first["label"]], axis=-1))
    assert np.array_equal(photo, first["image"])
    assert np.array_equal(shown[34:66, 66:130, 0], last["label"])


def test_a_bundle_for_pictures_is_shown_too(tmp_path: Path) -> None:
    store = tiny_store(tmp_path / "val", rgb=True)
    bundle = write_tiny_bundle(tmp_path / "bundle", inputs=("picture",))
    write_comparison(tmp_path / "shown.png", [bundle], tmp_path / "val", rows=1)
    shown = np.asarray(Image.open(tmp_path / "shown.png"))
    assert np.array_equal(shown[:32, :64], shown[:32, 66:130]), "the tiny bundle gives the condition back"
    assert np.array_equal(shown[:32, 132:196], next(iter(store))["image"])


def _key(folder: Path, **config: Any) -> str:
    return scoring_key(folder / "val", folder / "segmenter", evaluate_config(**config))


def test_the_key_changes_with_validation_set_evaluator_and_bootstrap(tmp_path: Path) -> None:
    tiny_store(tmp_path / "val")
    (tmp_path / "segmenter").mkdir()
    (tmp_path / "segmenter" / "weights").write_text("a")
    keys = [_key(tmp_path), _key(tmp_path, confidence=0.9)]
    (tmp_path / "segmenter" / "weights").write_text("b")
    keys.append(_key(tmp_path))
    assert keys[2] == _key(tmp_path, grid_rows=9), "what changes no score changes no key"
    assert len(set(keys)) == 3

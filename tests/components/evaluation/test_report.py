import csv
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from components.data.loader import Batch
from components.evaluation.measure import Results, Segmentation
from components.evaluation.report import write_class_scores, write_confusion, write_grid, write_spectrum
from components.evaluation.scores import ScoreEstimates, Scores
from tests.tiny import CLASSES, mixed_store, tiny_maker, tiny_samples, write_store


def _rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_class_scores_have_a_row_for_each_class_and_source_that_has_an_iou(tmp_path: Path) -> None:
    def scores(*iou: float | None) -> Scores:
        names = ("road", "car", "sky")
        accuracy = dict.fromkeys(names, 0.75) | {"sky": None}
        return Scores(0, 0, 0, class_accuracy=accuracy, class_iou=dict(zip(names, iou, strict=True)))

    def segmentation(everywhere: ScoreEstimates, near: ScoreEstimates | None) -> Segmentation:
        return Segmentation(everywhere, near, torch.zeros(4, 4), np.zeros(1))

    synthesized = ScoreEstimates(scores(0.5, None, 0), low=scores(0.25, None, 0), high=scores(2 / 3, None, 0))
    near = ScoreEstimates(scores(None, None, 0.125), scores(None, None, 0.1), scores(None, None, 0.2))
    oracle = ScoreEstimates(*[scores(None, 1, None)] * 3)
    results = Results(
        {}, segmentation(oracle, None), segmentation(synthesized, near), np.zeros(1), np.zeros((2, 14)), False
    )
    write_class_scores(tmp_path / "scores.csv", results, CLASSES)
    header, *rows = _rows(tmp_path / "scores.csv")
    names = ("iou", "accuracy", "boundary_iou")
    assert header == ["class", "source", *(f"{name}{end}" for name in names for end in ("", "_low", "_high"))]
    assert rows == [
        ["road", "synthesized", "0.5000", "0.2500", "0.6667", *["0.7500"] * 3, *[""] * 3],
        ["sky", "synthesized", *["0.0000"] * 3, *[""] * 3, "0.1250", "0.1000", "0.2000"],
        ["car", "oracle", *["1.0000"] * 3, *["0.7500"] * 3, *[""] * 3],
    ]


def test_the_spectrum_has_a_row_for_each_period(tmp_path: Path) -> None:
    spectrum = np.stack([np.arange(14) / 8, np.full(14, -3.0)])
    write_spectrum(tmp_path / "spectrum.csv", Results({}, None, None, np.zeros(1), spectrum, None))
    header, *rows = _rows(tmp_path / "spectrum.csv")
    assert header == ["period", "down", "across"]
    assert rows[0] == ["12.80", "0.00", "-3.00"]  # the band from 1/16 to 3/32 of a cycle
    assert rows[-1] == ["2.06", "1.62", "-3.00"]
    assert len(rows) == 14


def test_confusion_gives_shares_of_each_scored_class(tmp_path: Path) -> None:
    confusion = torch.tensor([[0, 0, 0, 0], [0, 6, 2, 0], [0, 1, 3, 0], [0, 0, 0, 0]])
    write_confusion(tmp_path / "confusion.csv", confusion, CLASSES)
    assert _rows(tmp_path / "confusion.csv") == [
        ["actual", "predicted", "share"],
        ["road", "road", "0.7500"],
        ["road", "car", "0.2500"],
        ["road", "sky", "0.0000"],
        ["car", "road", "0.2500"],
        ["car", "car", "0.7500"],
        ["car", "sky", "0.0000"],
        ["sky", "road", "0.0000"],  # a class without a pixel
        ["sky", "car", "0.0000"],
        ["sky", "sky", "0.0000"],
    ]


def test_the_grid_shows_condition_image_and_photo_of_pictures_spread_over_the_split(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(3, 32, 64, rgb=False, seed=0)
    for sample in samples:
        sample["label"][:], sample["instance"][:] = 2, 0
        sample["instance"][:, 32:] = 1  # a boundary at columns 31 and 32
    maker = tiny_maker(write_store(tmp_path / "val", samples, instance_ids))

    def black(batch: Batch) -> torch.Tensor:
        return torch.full_like(batch.image, -1.0)

    write_grid(tmp_path / "grid.png", maker, black, rows=2)
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert grid.shape == (2 * (32 + 2), 3 * (64 + 2), 3)
    for row, sample in enumerate((samples[0], samples[2])):
        line = grid[34 * row : 34 * row + 32]
        condition = np.broadcast_to(np.array(CLASSES[2].colour, np.uint8), (32, 64, 3)).copy()
        condition[:, 31:33] = 255
        assert np.array_equal(line[:, :64], condition)
        assert not line[:, 66:130].any()
        assert np.array_equal(line[:, 132:196], sample["image"])
    assert (grid[32:34] == 255).all()
    assert (grid[:, 64:66] == 255).all()


def test_the_grid_of_rgb_conditions_shows_them_as_they_are(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(1, 32, 64, rgb=True, seed=0)
    maker = tiny_maker(write_store(tmp_path / "val", samples, instance_ids))
    write_grid(tmp_path / "grid.png", maker, lambda batch: batch.image, rows=5)
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert grid.shape == (34, 198, 3)
    assert np.array_equal(grid[:32, :64], samples[0]["condition"])
    assert np.array_equal(grid[:32, 66:130], samples[0]["image"])


def test_the_grid_takes_pictures_of_several_sizes(tmp_path: Path) -> None:
    maker = tiny_maker(mixed_store(tmp_path / "val", [(32, 64), (16, 48)]))
    write_grid(tmp_path / "grid.png", maker, lambda batch: batch.image, rows=2)
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert grid.shape == (32 + 2 + 16 + 2, 3 * (64 + 2), 3)
    first, second = (sample["image"] for sample in maker.store)
    assert np.array_equal(grid[:32, 66:130], first)
    assert np.array_equal(grid[34:50, 66:114], second)
    assert (grid[34:, 114:132] == 255).all()

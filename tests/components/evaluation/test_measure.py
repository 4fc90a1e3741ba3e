import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from components.evaluation import measure as measure_module
from components.evaluation.measure import Subject, measure
from components.evaluation.segmenter import Segmenter
from tests.tiny_evaluation import evaluate_config, tiny_segmenter, tiny_subject

NAMES = {"mean_iou", "pixel_accuracy", "frequency_weighted_iou", "boundary_mean_iou"}


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return tiny_segmenter()


def test_photos_in_place_of_synthesized_pictures_score_as_the_oracle(tmp_path: Path, segmenter: Segmenter) -> None:
    results = measure(tiny_subject(tmp_path, segmenter, samples=2), evaluate_config())
    for name in NAMES:
        estimate = results.estimates[name]
        assert estimate == results.estimates[f"oracle_{name}"]
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert results.estimates["mean_absolute_difference"].value == 0
    assert results.estimates["spectrum_distance"].value == 0
    assert not results.spectrum.any()
    assert results.estimates["segmenter_frechet_distance"].value == pytest.approx(0, abs=1e-9)
    assert results.estimates["segmenter_kernel_distance"].value <= 0  # without bias it can be below
    assert results.estimates["diversity_segmenter_features"].value == 0


def test_figures_are_plain_numbers_with_their_bounds(tmp_path: Path, segmenter: Segmenter) -> None:
    results = measure(tiny_subject(tmp_path, segmenter, samples=2, change=40), evaluate_config())
    figures = results.figures()
    others = {"mean_absolute_difference", "spectrum_distance", "diversity_segmenter_features"}
    others |= {"segmenter_frechet_distance", "segmenter_kernel_distance"}
    names = NAMES | {f"oracle_{name}" for name in NAMES} | others
    assert set(figures) == {f"{name}{end}" for name in names for end in ("", "_low", "_high")} | {"evaluator_too_weak"}
    assert figures["mean_iou"] == pytest.approx(results.estimates["mean_iou"].value, rel=1e-4)
    assert figures["diversity_segmenter_features"] > 0
    np.testing.assert_allclose(results.spectrum, np.full((2, 14), 10 * np.log10(1 / 4)), atol=0.1)  # darker by half
    assert figures["spectrum_distance"] == pytest.approx(10 * np.log10(4), abs=0.1)
    assert all(np.isfinite(figure) for figure in figures.values())
    assert figures["evaluator_too_weak"] == 0


def test_one_sample_of_each_map_has_no_diversity(tmp_path: Path, segmenter: Segmenter) -> None:
    results = measure(tiny_subject(tmp_path, segmenter), evaluate_config())
    assert "diversity_segmenter_features" not in results.estimates


def test_the_scores_near_boundaries_are_those_of_the_band(tmp_path: Path, segmenter: Segmenter) -> None:
    subject = tiny_subject(tmp_path, segmenter)
    near, everywhere = (measure(subject, evaluate_config(boundary_band=band)) for band in (1, 64))
    assert near.oracle is not None
    assert near.oracle.near_boundaries is not None
    assert near.estimates["boundary_mean_iou"] != near.estimates["mean_iou"]
    assert everywhere.estimates["boundary_mean_iou"] == everywhere.estimates["mean_iou"]


def test_an_evaluator_too_weak_on_real_photos_is_told_of_before_anything_is_judged(
    tmp_path: Path, segmenter: Segmenter, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def segment(subject: Subject, *arguments: Any) -> Any:
        seen.append(len(caplog.records))
        return original(subject, *arguments)

    seen: list[int] = []
    original = measure_module._segment
    monkeypatch.setattr(measure_module, "_segment", segment)
    with caplog.at_level(logging.WARNING):
        results = measure(tiny_subject(tmp_path, segmenter), evaluate_config(minimum_oracle_mean_iou=0.9))
    assert "the evaluator is too weak to judge" in caplog.text
    assert "evaluate.minimum_oracle_mean_iou asks for 0.9000" in caplog.text
    assert results.figures()["evaluator_too_weak"] == 1
    assert seen == [0, 1]


def test_without_classes_only_what_needs_none_is_measured(tmp_path: Path) -> None:
    figures = measure(tiny_subject(tmp_path, None, change=40), evaluate_config()).figures()
    names = ("mean_absolute_difference", "spectrum_distance")
    assert set(figures) == {f"{name}{end}" for name in names for end in ("", "_low", "_high")}
    assert figures["mean_absolute_difference_low"] < figures["mean_absolute_difference"]


@pytest.mark.parametrize("classes", [True, False])
def test_weights_of_inception_give_fid_and_kid_in_place_of_the_evaluators_distances(
    tmp_path: Path, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch, classes: bool
) -> None:
    def load(path: Path, device: torch.device) -> Any:
        assert path == Path("weights.pth")
        return lambda images: images.mean((2, 3))

    monkeypatch.setattr(measure_module, "inception_features", load)
    subject = tiny_subject(tmp_path, segmenter if classes else None, change=40)
    found = measure(subject, evaluate_config(inception_weights="weights.pth")).estimates
    assert found["fid"].value > 0
    assert "kid" in found
    assert not [name for name in found if name.startswith("segmenter_")]


def test_one_picture_has_no_distances_and_that_is_said(
    tmp_path: Path, segmenter: Segmenter, caplog: pytest.LogCaptureFixture
) -> None:
    results = measure(tiny_subject(tmp_path, segmenter, count=1), evaluate_config())
    assert "segmenter_frechet_distance and segmenter_kernel_distance: found one picture" in caplog.text
    assert not [name for name in results.estimates if name.startswith("segmenter_")]
    mean_iou = results.estimates["mean_iou"]
    assert mean_iou.low == mean_iou.value == mean_iou.high

import re
from base64 import b64decode
from dataclasses import replace
from html import unescape
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.evaluation.measure import Results, measure
from components.evaluation.results_page import _best_and_worst, _data, _fullest_window, write_results_page
from components.evaluation.segmenter import Segmenter
from tests.tiny import CLASSES
from tests.tiny_evaluation import evaluate_config, tiny_segmenter, tiny_subject


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return tiny_segmenter()


def _text(page: str) -> str:
    return unescape(" ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split()))


def _results(differences: list[float]) -> Results:
    """Of pictures without classes."""
    return Results({}, None, None, np.array(differences), np.zeros((2, 14)), None)


def test_the_page_tells_the_scores_beside_the_oracles_and_needs_nothing_from_elsewhere(
    tmp_path: Path, segmenter: Segmenter
) -> None:
    subject = tiny_subject(tmp_path, segmenter, samples=2, change=40)
    config = evaluate_config()
    results = measure(subject, config)
    write_results_page(tmp_path / "results.html", subject, results, config)
    page = (tmp_path / "results.html").read_text()
    assert "<script" not in page
    assert all(source.startswith("data:image/") for source in re.findall(r'(?:src|href)="([^"#]+)"', page))
    mean, oracle = results.estimates["mean_iou"], results.estimates["oracle_mean_iou"]
    row = f"Mean IoU {mean.value:.3f} {mean.low:.3f} to {mean.high:.3f} {oracle.value:.3f} {oracle.low:.3f} to"
    assert row in _text(page)
    for words in ("Pixel accuracy", "Frequency-weighted IoU", "not FID", "not KID", "Diversity", "road", "car", "sky"):
        assert words in _text(page)
    assert "unlabelled" not in _text(page)
    assert page.count("<article>") == 2  # the best and the worst of three
    assert page.count('class="whole"') == 2 * 4  # map, synthesized, photo, mistakes
    assert "too weak" not in page


def test_a_weak_evaluator_is_named_on_the_page(tmp_path: Path, segmenter: Segmenter) -> None:
    subject, config = tiny_subject(tmp_path, segmenter), evaluate_config(minimum_oracle_mean_iou=0.9)
    write_results_page(tmp_path / "results.html", subject, measure(subject, config), config)
    assert "The evaluator is too weak to judge." in (tmp_path / "results.html").read_text()


def test_without_classes_the_page_ranks_by_the_difference_to_the_photo(tmp_path: Path) -> None:
    subject, config = tiny_subject(tmp_path, None, change=40), evaluate_config()
    results = measure(subject, config)
    write_results_page(tmp_path / "results.html", subject, results, config)
    text = _text((tmp_path / "results.html").read_text())
    worst, best = int(results.absolute_differences.argmax()), int(results.absolute_differences.argmin())
    for kind, position in (("Worst", worst), ("Best", best)):
        pattern = rf"{kind} pictures By the difference to the photo.*?picture_{position} · "
        assert re.search(pattern + f"{results.absolute_differences[position]:.1f} grey levels", text)
    assert "Classes" not in text


def test_best_and_worst_begin_with_the_very_best_and_worst_and_share_none() -> None:
    results = _results([5, 1, 4, 2, 3])
    assert _best_and_worst(results, 1) == ([1], [0])
    assert _best_and_worst(results, 2) == ([1, 3], [0, 2])
    assert _best_and_worst(results, 9) == ([1, 3, 4], [0, 2])
    assert _best_and_worst(_results([7]), 3) == ([0], [])


def test_a_picture_without_a_scored_pixel_is_neither(tmp_path: Path, segmenter: Segmenter) -> None:
    results = measure(tiny_subject(tmp_path, segmenter), evaluate_config())
    assert results.synthesized is not None
    synthesized = replace(results.synthesized, picture_mean_ious=np.array([0.5, np.nan, 0.7]))
    assert _best_and_worst(replace(results, synthesized=synthesized), 3) == ([2], [0])


def test_the_crop_is_where_most_boundaries_are() -> None:
    marks = np.zeros((9, 12), np.bool_)
    marks[0, 0] = marks[5, 7] = marks[6, 8] = True
    top, left, height, width = _fullest_window(marks)
    assert (height, width) == (3, 4)
    assert marks[top : top + height, left : left + width].sum() == 2


def test_maps_are_embedded_without_loss_and_large_pictures_smaller() -> None:
    colours = np.array([each.colour for each in CLASSES], np.uint8)
    labels = np.random.default_rng(0).integers(len(CLASSES), size=(8, 12))
    kind, _, content = _data(colours[labels]).partition(";base64,")
    assert kind == "data:image/png"
    assert np.array_equal(np.asarray(Image.open(BytesIO(b64decode(content))).convert("RGB")), colours[labels])
    photo = np.random.default_rng(1).integers(256, size=(300, 1280, 3), dtype=np.uint8)
    kind, _, content = _data(photo).partition(";base64,")
    assert kind == "data:image/jpeg"
    assert Image.open(BytesIO(b64decode(content))).size == (640, 150)

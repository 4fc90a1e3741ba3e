"""Tables and pictures of the evaluation, in the forms that `dvc plots` shows.

Shapes: C classes; B pictures, H x W pixels.
"""

import csv
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from PIL import Image
from torch import Tensor

from components.data.dataset import ClassInfo
from components.data.draws import Draw
from components.data.loader import BatchMaker
from components.data.pictures import Picture, comparison_rows, grid, spread_positions
from components.evaluation.bootstrap import Estimate
from components.evaluation.evaluate import Images
from components.evaluation.measure import CLASS_SCORES, Results
from components.evaluation.spectrum import BORDERS


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def write_class_scores(path: Path, results: Results, classes: Sequence[ClassInfo]) -> None:
    """Write each class's scores on synthesized pictures and on real photos, with the bounds of their intervals.

    A class without an IoU has no row; another score that it lacks is left empty.
    """
    header = ["class", "source"] + [f"{name}{bound}" for name in CLASS_SCORES for bound in ("", "_low", "_high")]
    rows = [
        [each.name, source, *chain.from_iterable(map(_cells, scores.values()))]
        for source, found in (("synthesized", results.synthesized), ("oracle", results.oracle))
        for each in classes
        if found and not each.ignored_in_scores and (scores := found.of_class(each.name))["iou"]
    ]
    write_table(path, header, rows)


def write_confusion(path: Path, confusion: Tensor, classes: Sequence[ClassInfo]) -> None:
    """Write a confusion matrix (C, C): the share of each scored class's pixels that each class was predicted for."""
    totals = confusion.sum(1).clamp(min=1)
    rows = [
        (actual.name, predicted.name, f"{confusion[actual.index, predicted.index] / totals[actual.index]:.4f}")
        for actual in classes
        for predicted in classes
        if not actual.ignored_in_scores and not predicted.ignored_in_scores
    ]
    write_table(path, ("actual", "predicted", "share"), rows)


def write_spectrum(path: Path, results: Results) -> None:
    """Write how far the pictures' power is above the photos', in decibels, down and across, by period in pixels."""
    periods = 2 / (BORDERS[:-1] + BORDERS[1:])
    rows = [[f"{figure:.2f}" for figure in row] for row in zip(periods, *results.spectrum, strict=True)]
    write_table(path, ("period", "down", "across"), rows)


def write_grid(path: Path, maker: BatchMaker, images: Images, *, rows: int) -> None:
    """Write a PNG of pictures spread over the split, a row each: condition, synthesized, real."""
    lines: list[tuple[Picture, ...]] = []
    for position in spread_positions(len(maker.store), rows):  # one at a time: they may be of several sizes
        batch = maker.make([Draw(position)])
        lines += comparison_rows(batch, images(batch), maker.store.index.classes)
    Image.fromarray(grid(lines)).save(path)


def _cells(estimate: Estimate | None) -> list[str]:
    if estimate is None:
        return ["", "", ""]
    return [f"{figure:.4f}" for figure in (estimate.value, estimate.low, estimate.high)]

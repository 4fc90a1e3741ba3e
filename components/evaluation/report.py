"""Tables and pictures of the evaluation, in the forms that `dvc plots` shows.

Shapes: C classes; B pictures, H x W pixels.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from components.data.dataset import ClassInfo
from components.data.draws import Draw
from components.data.loader import BatchMaker
from components.data.pictures import Picture, comparison_rows, grid, spread_positions
from components.evaluation.evaluate import Images
from components.evaluation.scores import Scores


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def write_class_iou(path: Path, synthesized: Scores, oracle: Scores) -> None:
    """Write each class's IoU on synthesized images and on real photos; a class without one has no row."""
    rows = [
        (name, source, f"{iou:.4f}")
        for source, scores in (("synthesized", synthesized), ("oracle", oracle))
        for name, iou in scores.class_iou.items()
        if iou is not None
    ]
    write_table(path, ("class", "source", "iou"), rows)


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


def write_grid(path: Path, maker: BatchMaker, images: Images, *, rows: int) -> None:
    """Write a PNG of pictures spread over the split, a row each: condition, synthesized, real."""
    lines: list[tuple[Picture, ...]] = []
    for position in spread_positions(len(maker.store), rows):  # one at a time: they may be of several sizes
        batch = maker.make([Draw(position)])
        lines += comparison_rows(batch, images(batch), maker.store.index.classes)
    Image.fromarray(grid(lines)).save(path)

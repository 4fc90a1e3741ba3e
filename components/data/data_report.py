"""The data report: a page that shows a person what a dataset holds and what is odd about it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from components.data.dataset import SPLITS, ClassInfo, Record, Split
from components.data.dataset_warnings import dataset_warnings
from components.data.decoding import read_instance, read_label, read_photo
from components.data.manifest import Manifest, ManifestEntry
from components.data.overlays import (
    DETAIL_FACTOR,
    Picture,
    borders,
    detail,
    overlay,
    paint_classes,
    resized,
    shown_size,
    write_names,
)
from components.pages import render_page

PAGE = "index.html"
SAMPLES: dict[Split, int] = {"train": 6, "val": 3}
ODD_SAMPLES = 6  # pictures with warnings that are shown as well
TEMPLATE = Path(__file__).with_suffix(".html")


@dataclass(frozen=True)
class ClassRow:
    """A class of the frequency table.

    Attributes:
        info: the class.
        share: of all pixels of a split, 0..1.
        pictures: how many pictures of a split have it.
    """

    info: ClassInfo
    share: dict[Split, float]
    pictures: dict[Split, int]


@dataclass(frozen=True)
class Sample:
    """A picture that the report shows.

    Attributes:
        split: where it is from.
        entry: what the manifest says of it.
        panels: caption and file name of each picture.
        legend: its classes and their shares of its pixels, the largest first.
    """

    split: Split
    entry: ManifestEntry
    panels: tuple[tuple[str, str], ...]
    legend: tuple[tuple[ClassInfo, float], ...]


def write_report(manifest: Manifest, folder: Path) -> Path:
    """Write the page and its pictures, which need nothing from elsewhere.

    Args:
        manifest: of the dataset, whose files are where it says.
        folder: a new folder.

    Returns:
        The page.
    """
    folder.mkdir(parents=True)
    page = render_page(
        TEMPLATE,
        manifest=manifest,
        dataset=Path(manifest.root).name,
        splits=SPLITS,
        warnings=dataset_warnings(manifest),
        classes=_class_rows(manifest),
        sizes=_sizes(manifest),
        instances={split: _instance_counts(manifest.split(split)) for split in SPLITS},
        samples=[_write_sample(manifest, split, index, folder) for split, index in _chosen(manifest)],
    )
    path = folder / PAGE
    path.write_text(page, encoding="utf-8")
    return path


def _class_rows(manifest: Manifest) -> list[ClassRow]:
    totals = {split: max(1, sum(manifest.class_pixels[split])) for split in SPLITS}
    return [
        ClassRow(
            info=each,
            share={split: manifest.class_pixels[split][each.index] / totals[split] for split in SPLITS},
            pictures={
                split: sum(entry.class_pixels[each.index] > 0 for entry in manifest.split(split)) for split in SPLITS
            },
        )
        for each in manifest.classes
    ]


def _sizes(manifest: Manifest) -> list[tuple[str, dict[Split, int]]]:
    """Give each size, the most frequent first, and how many pictures of a split have it."""
    counts = {split: Counter((entry.width, entry.height) for entry in manifest.split(split)) for split in SPLITS}
    total = counts["train"] + counts["val"]
    return [
        (f"{width} × {height}", {split: counts[split][width, height] for split in SPLITS})
        for (width, height), _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))
    ]


def _instance_counts(entries: Sequence[ManifestEntry]) -> tuple[int, float, int] | None:
    """Give the smallest, the mean and the largest number of ids a picture; None without instance maps."""
    counts = [entry.instance_count for entry in entries if entry.instance_count is not None]
    return (min(counts), sum(counts) / len(counts), max(counts)) if counts else None


def _chosen(manifest: Manifest) -> list[tuple[Split, int]]:
    """Choose pictures spread over both splits, as neighbours in a video look alike, and some that have warnings."""
    chosen: list[tuple[Split, int]] = []
    for split in SPLITS:
        last = len(manifest.split(split)) - 1
        chosen += [(split, index) for index in sorted({round(at) for at in np.linspace(0, last, SAMPLES[split])})]
    odd = [(split, index) for split in SPLITS for index, entry in enumerate(manifest.split(split)) if entry.warnings]
    return chosen + [each for each in odd if each not in chosen][:ODD_SAMPLES]


def _write_sample(manifest: Manifest, split: Split, index: int, folder: Path) -> Sample:
    entry = manifest.split(split)[index]
    panels: list[tuple[str, str]] = []
    for caption, picture in _panels(manifest.records(split)[index], manifest.classes):
        name = f"{split}_{index}_{len(panels)}.png"
        Image.fromarray(picture).save(folder / name)
        panels.append((caption, name))
    shares = ((each, entry.class_pixels[each.index] / (entry.height * entry.width)) for each in manifest.classes)
    present = sorted((pair for pair in shares if pair[1]), key=lambda pair: -pair[1])
    return Sample(split=split, entry=entry, panels=tuple(panels), legend=tuple(present))


def _panels(record: Record, classes: Sequence[ClassInfo]) -> list[tuple[str, Picture]]:
    """Give the pictures of a sample with their captions: its map or condition over the photo, then each alone."""
    photo = read_photo(record.image)
    instance = None if record.instance is None else read_instance(record.instance)
    label = None if record.label is None else read_label(record.label)
    size = shown_size(*photo.shape[:2])
    shown = resized(photo, size, smooth=True)
    ids = label if label is not None else instance
    lines = np.zeros(size, np.bool_)
    for each in (label, instance):
        if each is not None:
            lines |= borders(resized(each, size, smooth=False))
    panels: list[tuple[str, Picture]] = []
    if label is not None:
        shown_label = resized(label, size, smooth=False)
        colours = paint_classes(shown_label, classes)
        named = write_names(overlay(shown, colours, lines), shown_label, classes)
        panels.append(("label map over the photo", named))
        panels += [("photo", shown), ("label map", colours)]
    elif record.condition is not None:
        condition = resized(read_photo(record.condition), size, smooth=True)
        panels.append(("condition over the photo", overlay(shown, condition, lines)))
        panels += [("photo", shown), ("condition", condition)]
    if ids is not None:
        panels.append((f"detail, {DETAIL_FACTOR} times larger: the map's borders on the photo", detail(photo, ids)))
    return panels

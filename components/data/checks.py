"""Checks of every pair, so that what would break training is reported before it, with the file and the value."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.data.dataset import SPLITS, ClassInfo, Dataset, Record, Split
from components.data.decoding import ROLE_NAMES, FileRole, read_instance, read_label, read_photo
from components.progress import track_progress

_READ: dict[FileRole, Callable[[Path], npt.NDArray[Any]]] = {
    "image": read_photo,
    "label": read_label,
    "instance": read_instance,
    "condition": read_photo,
}
_WORKERS = 2  # Pillow decodes outside the interpreter lock


@dataclass(frozen=True)
class RecordFacts:
    """What the check of a sound record found.

    Attributes:
        record: the record.
        height: pixels.
        width: pixels.
        sha256: the hash of each of its files.
        class_pixels: how many pixels of the label map each class has, by class index; empty without a label map.
        instance_count: how many ids the instance map has, those of stuff included; None without an instance map.
    """

    record: Record
    height: int
    width: int
    sha256: dict[FileRole, str]
    class_pixels: tuple[int, ...]
    instance_count: int | None


def files_of(record: Record) -> dict[FileRole, Path]:
    """Give the files that a record has, by role."""
    files: dict[FileRole, Path | None] = {
        "image": record.image,
        "label": record.label,
        "instance": record.instance,
        "condition": record.condition,
    }
    return {role: path for role, path in files.items() if path is not None}


def check_record(record: Record, classes: Sequence[ClassInfo]) -> tuple[RecordFacts | None, list[str]]:
    """Decode the files of a record and compare them.

    Args:
        record: the files of one picture.
        classes: the classes that its label map may name; with none, label values are not checked.

    Returns:
        The facts, None where there are problems, and a line a problem: a file that is unreadable, truncated or of the
        wrong mode, sizes that differ from the photo's, label values that are no class.
    """
    problems: list[str] = []
    arrays: dict[FileRole, npt.NDArray[Any]] = {}
    files = files_of(record)
    for role, path in files.items():
        try:
            arrays[role] = _READ[role](path)
        except ValueError as error:
            problems.append(str(error))
    if "image" in arrays:
        problems += _size_problems(files, arrays)
    pixels = np.bincount(arrays["label"].ravel(), minlength=256) if "label" in arrays else np.zeros(0, dtype=np.int64)
    if classes and pixels[len(classes) :].any():
        problems.append(f"{record.label}: {_foreign_values(pixels, len(classes))}")
    if problems:
        return None, problems
    height, width = arrays["image"].shape[:2]
    return RecordFacts(
        record=record,
        height=height,
        width=width,
        sha256={role: _sha256(path) for role, path in files.items()},
        class_pixels=tuple(pixels[: len(classes)].tolist()),
        instance_count=len(np.unique(arrays["instance"])) if "instance" in arrays else None,
    ), []


def check_dataset(dataset: Dataset) -> tuple[dict[Split, tuple[RecordFacts, ...]], list[str]]:
    """Check every record of both splits, and that names are unique within a split.

    Returns:
        The facts of the sound records, in the order of the dataset, and a line a problem.
    """
    facts: dict[Split, tuple[RecordFacts, ...]] = {}
    problems: list[str] = []
    for split in SPLITS:
        records = dataset.split(split)
        problems += _repeated_names(split, records)
        with ThreadPoolExecutor(_WORKERS) as workers:
            checks = workers.map(lambda record: check_record(record, dataset.classes), records)
            checked = list(track_progress(checks, total=len(records), label=f"checking {split}"))
        facts[split] = tuple(found for found, _ in checked if found is not None)
        problems += [line for _, lines in checked for line in lines]
    return facts, problems


def _size_problems(files: dict[FileRole, Path], arrays: dict[FileRole, npt.NDArray[Any]]) -> list[str]:
    height, width = arrays["image"].shape[:2]
    return [
        f"{files[role]}: {ROLE_NAMES[role]} is {array.shape[1]}x{array.shape[0]}, "
        f"expected {width}x{height}, the size of {files['image']}"
        for role, array in arrays.items()
        if array.shape[:2] != (height, width)
    ]


def _foreign_values(pixels: npt.NDArray[np.int64], class_count: int) -> str:
    """Name the values past the classes; `pixels` counts the pixels of each value, (256,)."""
    found = ", ".join(f"{value} ({pixels[value]} pixels)" for value in range(class_count, 256) if pixels[value])
    return f"label map has values {found}, expected classes 0..{class_count - 1}"


def _repeated_names(split: Split, records: Sequence[Record]) -> list[str]:
    counts = Counter(record.name for record in records)
    return [
        f"{split}: {count} pictures are named {name} "
        f"({', '.join(str(record.image) for record in records if record.name == name)}), "
        "expected names to be unique within a split"
        for name, count in counts.items()
        if count > 1
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

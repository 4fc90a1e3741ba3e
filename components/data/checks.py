"""Checks of every pair, so that what would break training is reported before it, with the file and the value.

A problem stops the preparation. A warning does not: it stands in the manifest, the log and the data report.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.data.dataset import SPLITS, ClassInfo, Dataset, Record, Split
from components.data.decoding import (
    ROLE_NAMES,
    FileRole,
    exif_orientation,
    read_instance,
    read_label,
    read_photo,
    verify_file,
)
from components.data.duplicates import perceptual_hash, pixel_hash
from components.data.processes import map_in_processes
from components.progress import track_progress

_READ: dict[FileRole, Callable[[Path], npt.NDArray[Any]]] = {
    "image": read_photo,
    "label": read_label,
    "instance": read_instance,
    "condition": read_photo,
}
_LISTED = 8  # values or ids that a message names one by one


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
        pixel_hash: of the decoded photo.
        perceptual_hash: of the photo, 64 bits.
        warnings: what is odd but no error, by the file that it is about.
    """

    record: Record
    height: int
    width: int
    sha256: dict[FileRole, str]
    class_pixels: tuple[int, ...]
    instance_count: int | None
    pixel_hash: str
    perceptual_hash: int
    warnings: dict[FileRole, tuple[str, ...]] = field(default_factory=dict)


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
        The facts, None where there are problems, and a line a problem: a file that is unreadable, damaged or of the
        wrong mode, sizes that differ from the photo's, label values that are no class.
    """
    problems: list[str] = []
    arrays: dict[FileRole, npt.NDArray[Any]] = {}
    sha256: dict[FileRole, str] = {}
    files = files_of(record)
    for role, path in files.items():
        try:
            verify_file(path)
            arrays[role] = _READ[role](path)
            sha256[role] = _sha256(path)
        except (ValueError, OSError) as error:
            problems.append(str(error) if str(path) in str(error) else f"{path}: {error}")
    if "image" in arrays:
        problems += _size_problems(files, arrays)
    pixels = np.bincount(arrays["label"].ravel(), minlength=256) if "label" in arrays else np.zeros(0, dtype=np.int64)
    if classes and pixels[len(classes) :].any():
        problems.append(f"{record.label}: {_foreign_values(pixels, len(classes))}")
    if problems:
        return None, problems
    height, width = arrays["image"].shape[:2]
    warnings: dict[FileRole, tuple[str, ...]] = {
        "image": _rotation_warnings(files, height, width),
        "instance": _crossing_warnings(arrays, classes),
    }
    return RecordFacts(
        record=record,
        height=height,
        width=width,
        sha256=sha256,
        class_pixels=tuple(pixels[: len(classes)].tolist()),
        instance_count=len(np.unique(arrays["instance"])) if "instance" in arrays else None,
        pixel_hash=pixel_hash(arrays["image"]),
        perceptual_hash=perceptual_hash(arrays["image"]),
        warnings={role: lines for role, lines in warnings.items() if lines},
    ), []


def check_dataset(
    dataset: Dataset, *, processes: int | None = None
) -> tuple[dict[Split, tuple[RecordFacts, ...]], list[str]]:
    """Check every record of both splits, and that names are unique within a split.

    Args:
        dataset: the records.
        processes: how many work on it, None for as many as the pictures are worth; the result is the same.

    Returns:
        The facts of the sound records, in the order of the dataset, and a line a problem.
    """
    facts: dict[Split, tuple[RecordFacts, ...]] = {}
    problems: list[str] = []
    for split in SPLITS:
        records = dataset.split(split)
        problems += _repeated_names(split, records)
        checks = map_in_processes(partial(check_record, classes=dataset.classes), records, processes)
        checked = list(track_progress(checks, total=len(records), label=f"checking {split}"))
        facts[split] = tuple(found for found, _ in checked if found is not None)
        problems += [line for _, lines in checked for line in lines]
    return facts, problems


def _size_problems(files: dict[FileRole, Path], arrays: dict[FileRole, npt.NDArray[Any]]) -> list[str]:
    height, width = arrays["image"].shape[:2]
    lines = []
    for role, array in arrays.items():
        if array.shape[:2] == (height, width):
            continue
        advice = "export both at one size, maps without smoothing"
        turned = exif_orientation(files["image"])
        if turned >= 5 and array.shape[:2] == (width, height):
            advice = (
                f"the photo's EXIF orientation {turned} turns it, the {ROLE_NAMES[role]} fits the pixels as stored; "
                "turn it likewise, or remove the orientation from the photo"
            )
        lines.append(
            f"{files[role]}: {ROLE_NAMES[role]} is {array.shape[1]}x{array.shape[0]}, "
            f"expected {width}x{height}, the size of {files['image']}: {advice}"
        )
    return lines


def _foreign_values(pixels: npt.NDArray[np.int64], class_count: int) -> str:
    """Name the values past the classes; `pixels` counts the pixels of each value, (256,)."""
    values = [value for value in range(class_count, 256) if pixels[value]]
    found = ", ".join(f"{value} ({pixels[value]} pixels)" for value in values[:_LISTED])
    if len(values) > _LISTED:
        rest = sum(int(pixels[value]) for value in values[_LISTED:])
        found += f" and {len(values) - _LISTED} others ({rest} pixels)"
    advice = "give each of them a class, or the index of one"
    if class_count not in values and 255 in values:
        advice = "where 255 marks unlabelled pixels, give them the index of a class that scores ignore"
    elif values == [class_count] and not pixels[0]:
        advice = "no pixel has 0, so the indices may start at 1; if so, subtract 1"
    return f"label map has values {found}, expected classes 0..{class_count - 1}: {advice}"


def _rotation_warnings(files: dict[FileRole, Path], height: int, width: int) -> tuple[str, ...]:
    """Warn of a rotation that sizes cannot confirm: by half a turn, mirrored, or of a square."""
    orientation = exif_orientation(files["image"])
    if orientation == 1 or len(files) == 1 or (orientation >= 5 and height != width):
        return ()
    return (
        f"turned by EXIF orientation {orientation}, and sizes do not tell whether the maps follow: compare them in the "
        "data report, and remove the orientation from the photo if they do not fit",
    )


def _crossing_warnings(arrays: dict[FileRole, npt.NDArray[Any]], classes: Sequence[ClassInfo]) -> tuple[str, ...]:
    """Warn of instances that lie in more than one class: their style would be a mixture."""
    if not classes or "label" not in arrays or "instance" not in arrays:
        return ()
    pairs = arrays["instance"].astype(np.int64) << 8 | arrays["label"]
    ids, class_counts = np.unique(np.unique(pairs) >> 8, return_counts=True)
    crossing = ids[class_counts > 1]
    if not crossing.size:
        return ()
    found = []
    for instance in crossing[:_LISTED]:
        pixels = np.bincount(arrays["label"][arrays["instance"] == instance], minlength=len(classes))
        parts = [f"{pixels[index]} pixels of {classes[index].name}" for index in np.flatnonzero(pixels)[:_LISTED]]
        found.append(f"{instance} ({', '.join(parts)})")
    more = f" and {crossing.size - _LISTED} others" if crossing.size > _LISTED else ""
    return (
        f"ids cross a border of the label map: {'; '.join(found)}{more}; expected one class an id: check that both "
        "maps belong to this photo and are not shifted, and give each class's stuff an id of its own",
    )


def _repeated_names(split: Split, records: Sequence[Record]) -> list[str]:
    counts = Counter(record.name for record in records)
    return [
        f"{split}: {count} pictures are named {name} "
        f"({', '.join(str(record.image) for record in records if record.name == name)}), "
        "expected names to be unique within a split: rename all but one"
        for name, count in counts.items()
        if count > 1
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

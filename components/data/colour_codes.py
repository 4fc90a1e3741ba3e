"""Label maps that give each class by its colour, and the list of the colours.

Shapes: coloured map (H, W, 3) uint8; label map (H, W) uint8.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.data.dataset import ClassInfo

# Of CamVid's 32 classes, those that are counted.
THINGS = frozenset(
    ("Animal", "Bicyclist", "Car", "CartLuggagePram", "Child", "MotorcycleScooter", "OtherMoving", "Pedestrian")
    + ("SUVPickupTruck", "SignSymbol", "TrafficCone", "TrafficLight", "Train", "Truck_Bus")
)
IGNORED = frozenset(("Void", "Unlabelled", "Unlabeled", "unlabelled", "unlabeled"))
_LISTED_COLOURS = 5


def read_label_colours(path: Path) -> tuple[tuple[ClassInfo, ...], list[str]]:
    """Read CamVid's label_colors.txt: a line a class, three numbers 0..255 and a name, the index that of the line.

    Returns:
        The classes, none where there is a problem, and a line a problem.
    """
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        return (), [f"{path}: unreadable, expected a line 'R G B NAME' a class ({error})"]
    classes, problems = [], []
    for index, words in enumerate(lines):
        colour = tuple(int(word) for word in words[:3] if word.isdecimal() and int(word) < 256)
        if len(words) < 4 or len(colour) != 3:
            problems.append(f"{path}: line {index + 1} is {' '.join(words)!r:.80}, expected 'R G B NAME' of 0..255")
            continue
        name = " ".join(words[3:])
        classes.append(ClassInfo(index, name, colour, has_instances=name in THINGS, ignored_in_scores=name in IGNORED))
    names = Counter(each.name for each in classes)
    repeated = [name for name, count in names.items() if count > 1]
    if repeated:
        problems.append(f"{path}: found several classes named {', '.join(repeated)}, expected unique names")
    if not 1 <= len(lines) <= 256:
        problems.append(f"{path}: found {len(lines)} classes, expected 1..256")
    return ((), problems) if problems else (tuple(classes), [])


def repeated_colours(path: Path, classes: Sequence[ClassInfo]) -> list[str]:
    """Give a line for each colour that several classes share, as no mask tells them apart."""
    counts = Counter(each.colour for each in classes)
    return [
        f"{path}: {', '.join(each.name for each in classes if each.colour == colour)} have the colour {colour}, "
        "expected a colour of its own for each class"
        for colour, count in counts.items()
        if count > 1
    ]


def decode_colours(pixels: npt.NDArray[np.uint8], classes: Sequence[ClassInfo]) -> npt.NDArray[np.uint8]:
    """Give the class index of every pixel.

    Args:
        pixels: (H, W, 3).
        classes: of different colours.

    Raises:
        ValueError: naming colours that are of no class and how many pixels have them.
    """
    colours = _codes(np.array([each.colour for each in classes], dtype=np.uint8))
    order = np.argsort(colours)
    codes = _codes(pixels)
    nearest = np.searchsorted(colours[order], codes).clip(max=len(colours) - 1)
    known = colours[order][nearest] == codes
    if not known.all():
        foreign, counts = np.unique(codes[~known], return_counts=True)
        most = np.argsort(-counts, kind="stable")[:_LISTED_COLOURS]
        listed = ", ".join(
            f"({code >> 16}, {code >> 8 & 255}, {code & 255}) ({count} pixels)"
            for code, count in zip(foreign[most], counts[most], strict=True)
        )
        raise ValueError(f"has {len(foreign)} colours that are of no class: {listed}")
    indices = np.array([each.index for each in classes], dtype=np.uint8)
    return np.asarray(indices[order][nearest])


def _codes(colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Give one number for each colour of (..., 3)."""
    red, green, blue = np.moveaxis(colours.astype(np.int32), -1, 0)
    return np.asarray(red << 16 | green << 8 | blue)

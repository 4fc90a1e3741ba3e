"""Which pictures make a batch, and what is taken of each: all or a window, as it is or mirrored."""

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from pydantic import Field

from components.config import Config
from components.data.store import Size, SplitIndex


class CropConfig(Config):
    """The window that training takes of each picture, at a place drawn anew each time.

    Attributes:
        height: pixels at full resolution.
        width: pixels at full resolution.
    """

    height: int = Field(ge=1)
    width: int = Field(ge=1)


@dataclass(frozen=True)
class Draw:
    """A picture of a batch.

    Attributes:
        position: its place in the index.
        flipped: whether it is mirrored left to right, after it is cropped.
        top: first row of the window, in pixels at full resolution.
        left: first column of the window.
    """

    position: int
    flipped: bool = False
    top: int = 0
    left: int = 0


def epoch_batches(
    index: SplitIndex, *, seed: int, epoch: int, batch_size: int, flip: bool, crop: CropConfig | None, align: int = 1
) -> list[list[Draw]]:
    """Draw the batches of an epoch, in which each picture comes once.

    They depend on nothing but the arguments, so an interrupted epoch has the same batches again.

    Args:
        index: of the split.
        seed: of all epochs.
        epoch: its number, from 0.
        batch_size: pictures a batch; the last one (of each size, where whole pictures have several) may be smaller.
        flip: mirror each picture with probability one half.
        crop: the window; None takes whole pictures, and puts only pictures of one size together.
        align: rows and columns where windows begin are multiples of this, so that at a scale of `align` pixels a
            window begins with a whole pixel.

    Raises:
        ValueError: where a picture is smaller than the window.
    """
    rng = np.random.default_rng([seed, epoch])
    positions = rng.permutation(len(index.names))
    flipped = (rng.random(len(positions)) < 0.5) & flip
    corners = np.zeros((len(positions), 2), np.int64)
    if crop is not None:
        _check_crop(index, crop)
        room = np.array([index.size(position) for position in positions]) - np.array([crop.height, crop.width])
        corners = rng.integers(room // align + 1) * align
    draws = [
        Draw(position, mirrored, top, left)
        for position, mirrored, (top, left) in zip(positions.tolist(), flipped.tolist(), corners.tolist(), strict=True)
    ]
    groups: dict[Size | None, list[Draw]] = {}
    for draw in draws:
        groups.setdefault(None if crop else index.size(draw.position), []).append(draw)
    batches = [batch for group in groups.values() for batch in _cut(group, batch_size)]
    return [batches[number] for number in rng.permutation(len(batches))] if len(groups) > 1 else batches


def batches_in_order(index: SplitIndex, batch_size: int) -> list[list[Draw]]:
    """Every picture once, whole and in the order of the index; a batch ends early where the size changes."""
    runs = (list(run) for _, run in groupby(range(len(index.names)), key=index.size))
    return [batch for run in runs for batch in _cut([Draw(position) for position in run], batch_size)]


def _cut(draws: list[Draw], batch_size: int) -> list[list[Draw]]:
    return [draws[start : start + batch_size] for start in range(0, len(draws), batch_size)]


def _check_crop(index: SplitIndex, crop: CropConfig) -> None:
    for name, (height, width) in zip(index.names, index.sizes, strict=True):
        if height < crop.height or width < crop.width:
            raise ValueError(
                f"{index.split} picture {name}: expected at least the size of the crop, "
                f"{crop.height} x {crop.width} pixels (H x W), found {height} x {width}"
            )

"""Square cuts around an instance, for people.

Shapes: H x W pixels, pictures RGB (H, W, 3) uint8.
"""

import numpy as np
from numpy.typing import NDArray

from components.data.overlays import Picture, resized
from components.data.store import Window

CROP_SIDE = 104  # pixels of a crop on the page
MARGIN = 1.25  # side of a window over the longer side of the instance
PALENESS = 0.75


def window_around(mask: NDArray[np.bool_]) -> Window:
    """Give a square window around a mask (H, W) that has a pixel.

    Its side is that of the mask and a margin, at most the picture's shorter side; of a longer mask it holds as much as
    it can.
    """
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    side = min(round(MARGIN * longer), height, width)
    top = _start(mask.sum(1), side)
    left = _start(mask[top : top + side].sum(0), side)
    return slice(top, top + side), slice(left, left + side)


def crop(picture: Picture, window: Window) -> Picture:
    """Cut a window out, at the size of the page."""
    return resized(picture[window], (CROP_SIDE, CROP_SIDE), smooth=True)


def pale_outside(picture: Picture, mask: NDArray[np.bool_]) -> Picture:
    """Mix white into what is outside a mask (H, W); inside every pixel stays as it is."""
    pale = (picture + PALENESS * (255.0 - picture)).round().astype(np.uint8)
    return np.where(mask[..., None], picture, pale)


def _start(pixels: NDArray[np.int64], side: int) -> int:
    """The middle of the places where a window of `side` begins that holds most of the pixels counted along an axis."""
    held = np.convolve(pixels, np.ones(side, np.int64), "valid")
    best = np.flatnonzero(held == held.max())
    return int(best[len(best) // 2])

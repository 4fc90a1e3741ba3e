"""Masks that are painted with: brush strokes, polygons, connected regions, pictures of objects.

Points are (y, x) in pixels from the middle of the top left pixel. Masks are bool [H, W].
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from components.inference.connected_components import connected_instances, dense_instances
from components.inference.editing.scene import Scene

_FARTHEST = 2**20  # pixels; what draws polygons computes in 32 bits
_ROUNDING = 1e-6  # pixels, so that it does not decide over one that is just the radius away


@dataclass(frozen=True)
class Box:
    """The smallest rectangle around a mask: its rows top..bottom-1 and columns left..right-1."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def around(cls, mask: NDArray[np.bool_]) -> "Box":
        """Find the box of a mask that has a pixel."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        return cls(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)

    @property
    def window(self) -> tuple[slice, slice]:
        """Its rows and columns, to index arrays."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def brush_mask(shape: tuple[int, int], points: ArrayLike, radius: float) -> NDArray[np.bool_]:
    """Give the pixels of a stroke: those whose middle is at most `radius` from the line through the points.

    Args:
        shape: H and W of the picture.
        points: [P, 2], (y, x), one or more; what lies outside the picture is cut.
        radius: 0 or more, in pixels.

    Raises:
        ValueError: the points or the radius are not as said.
    """
    path = _checked_points(points, 1)
    if not 0 <= radius <= _FARTHEST:
        raise ValueError(f"radius: found {radius}, expected 0..{_FARTHEST}")
    mask_HW = np.zeros(shape, dtype=bool)
    starts, ends = (path[:-1], path[1:]) if len(path) > 1 else (path, path)
    for start, end in zip(starts, ends, strict=True):
        low = np.maximum(np.ceil(np.minimum(start, end) - radius), 0).astype(int)
        high = np.minimum(np.floor(np.maximum(start, end) + radius) + 1, shape).astype(int)
        if (low >= high).any():
            continue
        down = np.arange(low[0], high[0])[:, None] - start[0]
        right = np.arange(low[1], high[1])[None] - start[1]
        along = end - start
        share = np.clip((down * along[0] + right * along[1]) / max(along @ along, 1e-12), 0, 1)  # of the way to the end
        near = (down - share * along[0]) ** 2 + (right - share * along[1]) ** 2 <= (radius + _ROUNDING) ** 2
        mask_HW[low[0] : high[0], low[1] : high[1]] |= near
    return mask_HW


def polygon_mask(shape: tuple[int, int], points: ArrayLike) -> NDArray[np.bool_]:
    """Give the pixels of a polygon, its outline among them.

    Args:
        shape: H and W of the picture.
        points: [P, 2], the corners (y, x), three or more; what lies outside the picture is cut.

    Raises:
        ValueError: the points are not as said.
    """
    corners = _checked_points(points, 3)
    height, width = shape
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for y, x in corners], fill=1)
    return np.asarray(image).astype(bool)


def connected_mask(scene: Scene, y: int, x: int) -> NDArray[np.bool_]:
    """Give the part of an object that hangs together (8 neighbours) with a pixel, to flood it.

    Raises:
        ValueError: the pixel is outside the picture.
    """
    height, width = scene.instance.shape
    if not (0 <= y < height and 0 <= x < width):
        raise ValueError(f"pixel ({y}, {x}): expected one of the {height} x {width} of the picture")
    parts_HW = connected_parts(scene.instance == scene.instance[y, x])
    mask_HW: NDArray[np.bool_] = parts_HW == parts_HW[y, x]
    return mask_HW


def connected_parts(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Number the parts of a mask that hang together (8 neighbours): 0 and on, -1 outside; int32 [H, W]."""
    parts_HW = np.full(mask.shape, -1, dtype=np.int32)
    inside = Box.around(mask).window
    numbered = connected_instances(mask[inside].astype(np.uint8), {1})
    parts_HW[inside][mask[inside]] = dense_instances(numbered[mask[inside]][None])[0]
    return parts_HW


def placed_mask(shape: tuple[int, int], mask: NDArray[np.bool_], top: int, left: int) -> NDArray[np.bool_]:
    """Lay a mask of any size on a picture of H x W, its first pixel at row `top`, column `left`; cut at the edges."""
    placed_HW = np.zeros(shape, dtype=bool)
    height, width = mask.shape
    first, last = max(top, 0), min(top + height, shape[0])
    start, end = max(left, 0), min(left + width, shape[1])
    if first < last and start < end:
        placed_HW[first:last, start:end] = mask[first - top : last - top, start - left : end - left]
    return placed_HW


def _checked_points(points: ArrayLike, least: int) -> NDArray[np.float64]:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) < least:
        raise ValueError(f"points: found shape {array.shape}, expected [P, 2] with P {least} or more")
    if not (np.abs(array) <= _FARTHEST).all():
        raise ValueError(f"points: found one that is not finite or beyond {_FARTHEST}, expected pixels (y, x)")
    return array

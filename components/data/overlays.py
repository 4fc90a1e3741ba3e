"""Pictures of a label map over its photo, with the names of the classes written on their regions.

Shapes: H x W pixels, all pictures RGB (H, W, 3) uint8.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from components.data.dataset import ClassInfo

Picture = NDArray[np.uint8]
Pixel = TypeVar("Pixel", bound=np.generic)

LONGER_SIDE = 640  # pixels of a picture in the report
FONT_SIZE = 13
SHARE_OF_COLOUR = 0.55
DETAIL_SIDE, DETAIL_FACTOR = 80, 4
DETAIL_LINE = np.array([255, 0, 255], np.uint8)  # a colour that photos lack


def shown_size(height: int, width: int) -> tuple[int, int]:
    """Give the size (H, W) at which a picture is shown: small ones enlarged by a whole factor, large ones shrunk."""
    longer = max(height, width)
    if longer <= LONGER_SIDE:
        factor = LONGER_SIDE // longer
        return height * factor, width * factor
    return max(1, height * LONGER_SIDE // longer), max(1, width * LONGER_SIDE // longer)


def resized(pixels: NDArray[Pixel], size: tuple[int, int], *, smooth: bool) -> NDArray[Pixel]:
    """Resize a picture, smoothly, or a map, by the nearest pixel, to a size (H, W)."""
    method = Image.Resampling.BOX if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], method), dtype=pixels.dtype)


def borders(ids: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Mark the pixels (H, W) whose right or lower neighbour has another id: lines one pixel wide."""
    marks = np.zeros(ids.shape, np.bool_)
    marks[:, :-1] |= ids[:, :-1] != ids[:, 1:]
    marks[:-1] |= ids[:-1] != ids[1:]
    return marks


def paint_classes(label: NDArray[np.uint8], classes: Sequence[ClassInfo]) -> Picture:
    """Paint a label map (H, W) in the colours of its classes."""
    palette: Picture = np.array([each.colour for each in classes], np.uint8)
    return palette[label]


def overlay(photo: Picture, colours: Picture, lines: NDArray[np.bool_]) -> Picture:
    """Lay colours half transparent over a photo, with white lines where `lines` (H, W) says so."""
    mixed = ((1 - SHARE_OF_COLOUR) * photo + SHARE_OF_COLOUR * colours).round().astype(np.uint8)
    return np.where(lines[..., None], np.uint8(255), mixed)


def write_names(picture: Picture, label: NDArray[np.uint8], classes: Sequence[ClassInfo]) -> Picture:
    """Write index and name of each class into the middle of its largest region, where no larger region's name is."""
    image = Image.fromarray(picture)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(FONT_SIZE)
    taken = np.zeros(label.shape, np.bool_)
    pixels = np.bincount(label.ravel(), minlength=len(classes))
    for index in np.argsort(-pixels, kind="stable")[: np.count_nonzero(pixels)]:
        row, column = _middle(label == index)
        text = f"{index} {classes[index].name}"
        left, top, right, bottom = draw.textbbox((column, row), text, font, anchor="mm", stroke_width=2)
        across = max(0, -left) - max(0, right - image.width)  # back into the picture
        down = max(0, -top) - max(0, bottom - image.height)
        place = np.s_[max(0, int(top + down)) : int(bottom + down), max(0, int(left + across)) : int(right + across)]
        if not taken[place].any():
            taken[place] = True
            centre = (column + across, row + down)
            draw.text(centre, text, "white", font, anchor="mm", stroke_width=2, stroke_fill="black")
    return np.asarray(image)


def detail(photo: Picture, ids: NDArray[np.generic]) -> Picture:
    """Cut out where most borders are, enlarged, with the borders of the ids as thin lines.

    Args:
        photo: of the size that the dataset has.
        ids: label or instance map of that size (H, W).
    """
    height, width = ids.shape
    side = min(DETAIL_SIDE, height, width)
    marks = borders(ids)[: height // side * side, : width // side * side]
    blocks = marks.reshape(height // side, side, width // side, side).sum((1, 3))
    row, column = np.unravel_index(int(blocks.argmax()), blocks.shape)
    cut = np.s_[row * side : (row + 1) * side, column * side : (column + 1) * side]
    size = (side * DETAIL_FACTOR, side * DETAIL_FACTOR)
    lines = borders(resized(ids[cut], size, smooth=False))
    return np.where(lines[..., None], DETAIL_LINE, resized(photo[cut], size, smooth=True))


def _middle(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Give the pixel (row, column) of a mask that lies farthest from its outside, the picture's edges included."""
    depth = ndimage.distance_transform_cdt(np.pad(mask, 1))[1:-1, 1:-1]
    deepest = np.argwhere(depth == depth.max())  # a line of pixels, in a long region
    row, column = deepest[np.abs(deepest - deepest.mean(0)).sum(1).argmin()]
    return int(row), int(column)

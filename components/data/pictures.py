"""Pictures of label maps, conditions and comparisons, for people.

Shapes: H x W pixels, all pictures RGB (H, W, 3) uint8.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from components.data.dataset import ClassInfo
from components.data.encoding import boundary_map, to_bytes
from components.data.loader import Batch

Picture = NDArray[np.uint8]
GAP = 2  # white pixels between the pictures of a grid


def colourise(label: NDArray[np.uint8], classes: Sequence[ClassInfo]) -> Picture:
    """Paint a label map (H, W) in the colours of its classes."""
    palette = np.array([each.colour for each in classes], np.uint8)
    return palette[label]


def draw_boundary(picture: Picture, boundary: NDArray[np.bool_]) -> Picture:
    """Draw a boundary map (H, W) in white on a picture."""
    return np.where(boundary[..., None], np.uint8(255), picture)


def grid(rows: Sequence[Sequence[Picture]]) -> Picture:
    """Put pictures side by side, rows below one another, with white gaps; columns are as wide as their widest one."""
    widths = [max(picture.shape[1] for picture in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        height = max(picture.shape[0] for picture in row)
        framed = [_framed(picture, height, width) for picture, width in zip(row, widths, strict=True)]
        lines.append(np.concatenate(framed, axis=1))
    return np.concatenate(lines, axis=0)


def spread_positions(total: int, count: int) -> list[int]:
    """At most `count` positions spread over 0..total-1: neighbours in a video look alike."""
    return sorted({round(position) for position in np.linspace(0, total - 1, count)})


def condition_pictures(batch: Batch, classes: Sequence[ClassInfo]) -> list[Picture]:
    """The conditions of a batch: label maps in their colours with instance boundaries, or RGB as it is."""
    if batch.label is None:
        return list(to_bytes(batch.condition[:, :3]).cpu().numpy())
    edges = boundary_map(batch.instance)[:, 0].bool().cpu().numpy()
    labels = batch.label.cpu().numpy()
    return [draw_boundary(colourise(label, classes), edge) for label, edge in zip(labels, edges, strict=True)]


def comparison_rows(batch: Batch, image: Tensor, classes: Sequence[ClassInfo]) -> list[tuple[Picture, ...]]:
    """Rows of a grid, one a picture of the batch: condition, synthesized image (B, 3, H, W) in [-1, 1], real photo."""
    synthesized, real = (list(to_bytes(pixels).cpu().numpy()) for pixels in (image, batch.image))
    return list(zip(condition_pictures(batch, classes), synthesized, real, strict=True))


def _framed(picture: Picture, height: int, width: int) -> Picture:
    below, right = height - picture.shape[0] + GAP, width - picture.shape[1] + GAP
    return np.pad(picture, ((0, below), (0, right), (0, 0)), constant_values=255)

"""Pictures of label maps, conditions and comparisons, for people.

Shapes: H x W pixels, all pictures RGB (H, W, 3) uint8.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
    """Put pictures of one size side by side, rows below one another, with white gaps."""
    lines = [np.concatenate([_framed(picture) for picture in row], axis=1) for row in rows]
    return np.concatenate(lines, axis=0)


def spread_positions(total: int, count: int) -> list[int]:
    """At most `count` positions spread over 0..total-1: neighbours in a video look alike."""
    return sorted({round(position) for position in np.linspace(0, total - 1, count)})


def _framed(picture: Picture) -> Picture:
    return np.pad(picture, ((0, GAP), (0, GAP), (0, 0)), constant_values=255)


def condition_pictures(batch: Batch, classes: Sequence[ClassInfo]) -> list[Picture]:
    """The conditions of a batch: label maps in their colours with instance boundaries, or RGB as it is."""
    if batch.label is None:
        return list(to_bytes(batch.condition[:, :3]).cpu().numpy())
    edges = boundary_map(batch.instance)[:, 0].bool().cpu().numpy()
    labels = batch.label.cpu().numpy()
    return [draw_boundary(colourise(label, classes), edge) for label, edge in zip(labels, edges, strict=True)]

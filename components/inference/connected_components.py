"""Instances of a label map that came without an instance map: its connected regions.

Works on runs, the stretches of equal labels within a row, of which a map has thousands where it has millions of pixels.

Shapes: H x W pixels, R runs, E pairs of touching runs, M instances.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray


def connected_instances(
    label_HW: NDArray[np.uint8], has_instances: Sequence[bool] | AbstractSet[int]
) -> NDArray[np.int32]:
    """Number the objects of a label map.

    An object is a region of pixels of one class that touch, diagonally too; all pixels of a class without instances
    are one.

    Args:
        label_HW: class indices.
        has_instances: for each class whether it has instances, or the indices of those that have.

    Returns:
        int32 [H, W], ids 0..M-1 in the order of their first pixels, row by row.

    Raises:
        ValueError: the map is not of two dimensions or not uint8.
    """
    if label_HW.ndim != 2 or label_HW.dtype != np.uint8:
        raise ValueError(f"label: found {label_HW.dtype} of shape {label_HW.shape}, expected uint8 [H, W]")
    starts, class_of_run = _runs(label_HW)
    above, below = _touching_runs(starts, class_of_run, label_HW.shape[1], label_HW.size)
    first_run = _first_of_each_component(len(starts), above, below)  # [R]
    separate = has_instances if isinstance(has_instances, AbstractSet) else np.flatnonzero(has_instances).tolist()
    for class_index in set(np.unique(class_of_run).tolist()) - set(separate):
        of_class = class_of_run == class_index
        first_run[of_class] = of_class.argmax()
    ids = np.cumsum(first_run == np.arange(len(starts)), dtype=np.int32) - 1
    lengths = np.diff(starts, append=label_HW.size)
    return np.repeat(ids[first_run], lengths).reshape(label_HW.shape)


def dense_instances(instance_HW: NDArray[np.integer]) -> NDArray[np.int32]:
    """Number any ids anew, 0..M-1 in their order; int32 [H, W]."""
    starts, id_of_run = _runs(instance_HW)
    _, ranks = np.unique(id_of_run, return_inverse=True)
    lengths = np.diff(starts, append=instance_HW.size)
    return np.repeat(ranks.astype(np.int32), lengths).reshape(instance_HW.shape)


def _runs(map_HW: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.integer]]:
    """Give the flat index of the first pixel of each run, rising, and the run's value; both [R]."""
    is_start_HW = np.ones(map_HW.shape, dtype=bool)
    np.not_equal(map_HW[:, 1:], map_HW[:, :-1], out=is_start_HW[:, 1:])
    starts = np.flatnonzero(is_start_HW)
    return starts, map_HW.ravel()[starts]


def _touching_runs(
    starts: NDArray[np.int64], class_of_run: NDArray[np.integer], width: int, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the runs of one class that touch across two rows: the upper and the lower of each pair, both [E].

    Of two runs that overlap, one starts above or below a pixel of the other; two that touch by a corner touch where a
    run of the lower row starts. So it is enough to look around the starts.
    """
    run = np.arange(len(starts))
    not_first, not_last, inner = starts >= width, starts < size - width, starts % width > 0
    corner = not_first & inner
    pairs = [
        (_run_at(starts[not_first] - width, starts), run[not_first]),
        (run[not_last], _run_at(starts[not_last] + width, starts)),
        (_run_at(starts[corner] - width - 1, starts), run[corner]),
        (_run_at(starts[corner] - width, starts), run[corner] - 1),
    ]
    above, below = (np.concatenate(side) for side in zip(*pairs, strict=True))
    of_one_class = class_of_run[above] == class_of_run[below]
    return above[of_one_class], below[of_one_class]


def _run_at(pixels: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(starts, pixels, side="right") - 1


def _first_of_each_component(count: int, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give for each of `count` nodes the lowest node that is joined to it by edges; [count].

    Each round hooks every root under the lowest root beside it (Shiloach and Vishkin 1982), then makes all paths one
    step long.
    """
    root = np.arange(count)
    while True:
        one, other = root[one], root[other]
        apart = one != other
        one, other = np.minimum(one[apart], other[apart]), np.maximum(one[apart], other[apart])
        if not len(one):
            return root
        np.minimum.at(root, other, one)
        while (further := root[root]).tobytes() != root.tobytes():
            root = further

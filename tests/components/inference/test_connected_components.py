import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy import ndimage

from components.inference.connected_components import connected_instances, dense_instances

LABELS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 3))


def map_of(*rows: str) -> NDArray[np.uint8]:
    return np.array([[int(digit) for digit in row] for row in rows], dtype=np.uint8)


def literal(label: NDArray[np.uint8], with_instances: set[int]) -> list[set[int]]:
    """The sets of flat pixel indices, by SciPy, in the order of their first pixels."""
    regions = []
    for class_index in np.unique(label).tolist():
        of_class = label == class_index
        found, count = ndimage.label(of_class, structure=np.ones((3, 3)))
        if class_index not in with_instances:
            found, count = of_class, 1
        regions += [set(np.flatnonzero(found == number).tolist()) for number in range(1, count + 1)]
    return sorted(regions, key=min)


@settings(max_examples=300, deadline=None)
@given(LABELS, st.sets(st.integers(0, 3)))
def test_regions_are_those_of_scipy_numbered_by_their_first_pixels(
    label: NDArray[np.uint8], with_instances: set[int]
) -> None:
    ids = connected_instances(label, with_instances)
    assert ids.dtype == np.int32
    found = [set(np.flatnonzero(ids == number).tolist()) for number in range(ids.max() + 1)]
    assert found == literal(label, with_instances)


def test_pixels_that_touch_by_a_corner_are_one_object() -> None:
    label = map_of("1000", "0100", "1001")
    assert connected_instances(label, {1}).tolist() == [[0, 1, 1, 1], [1, 0, 1, 1], [0, 1, 1, 2]]


def test_a_class_without_instances_is_one_region_wherever_it_lies() -> None:
    assert connected_instances(map_of("1020102"), [False, False, True]).tolist() == [[0, 1, 2, 1, 0, 1, 3]]


def test_a_region_that_winds_through_every_row_is_one() -> None:
    snake = np.ones((64, 32), dtype=np.uint8)
    snake[1::4, :-1] = 0
    snake[3::4, 1:] = 0
    assert len(np.unique(connected_instances(snake, {1})[snake == 1])) == 1


def test_a_map_of_other_type_or_dimensions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"label: found int64 of shape \(2, 2\), expected uint8 \[H, W\]"):
        connected_instances(np.zeros((2, 2), dtype=np.int64), {0})
    with pytest.raises(ValueError, match=r"found uint8 of shape \(1, 2, 2\)"):
        connected_instances(np.zeros((1, 2, 2), dtype=np.uint8), {0})


def test_any_ids_are_numbered_anew_in_their_order() -> None:
    ids = np.array([[26003, 26003, 7], [-1, 7, 26003]], dtype=np.int32)
    assert dense_instances(ids).tolist() == [[2, 2, 1], [0, 1, 2]]

import numpy as np
import pytest

from components.data.dataset import ClassInfo
from components.data.overlays import (
    DETAIL_FACTOR,
    DETAIL_LINE,
    DETAIL_SIDE,
    borders,
    detail,
    overlay,
    paint_classes,
    resized,
    shown_size,
    write_names,
)

CLASSES = (ClassInfo(0, "sky", (0, 0, 250)), ClassInfo(1, "car", (200, 100, 0)))


@pytest.mark.parametrize(
    ("size", "shown"),
    [((64, 128), (320, 640)), ((360, 480), (360, 480)), ((1024, 2048), (320, 640)), ((2000, 1), (640, 1))],
)
def test_small_pictures_are_enlarged_by_a_whole_factor_and_large_ones_shrunk(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    assert shown_size(*size) == shown


def test_maps_are_enlarged_without_new_values() -> None:
    label = np.array([[0, 200]], np.uint8)
    assert resized(label, (2, 4), smooth=False).tolist() == [[0, 0, 200, 200]] * 2
    ids = np.array([[0, 70000]], np.int32)
    assert resized(ids, (1, 4), smooth=False).tolist() == [[0, 0, 70000, 70000]]


def test_borders_are_one_pixel_wide() -> None:
    assert borders(np.array([[1, 1, 2], [1, 1, 2], [3, 3, 3]])).tolist() == [
        [False, True, False],
        [True, True, True],
        [False, False, False],
    ]


def test_overlay_mixes_class_colours_with_the_photo_and_draws_lines_white() -> None:
    photo = np.full((1, 2, 3), 100, np.uint8)
    colours = paint_classes(np.array([[1, 0]], np.uint8), CLASSES)
    mixed = overlay(photo, colours, np.array([[False, True]]))
    # 0.45 * 100 + 0.55 * (200, 100, 0)
    assert mixed.tolist() == [[[155, 100, 45], [255, 255, 255]]]


def changed_columns(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.flatnonzero((first != second).any((0, 2)))


def test_each_name_lies_on_the_largest_region_of_its_class() -> None:
    label = np.zeros((60, 300), np.uint8)
    label[:, 150:] = 1
    label[:5, :5] = 1  # a small region of the same class
    plain = np.full((60, 300, 3), 128, np.uint8)
    named = write_names(plain, label, CLASSES)
    columns = changed_columns(plain, named)
    left, right = columns[columns < 150], columns[columns >= 150]
    assert 60 < left.mean() < 95  # around the middle of 0..149
    assert 210 < right.mean() < 240  # around the middle of 150..299


def test_name_at_the_edge_is_moved_into_the_picture() -> None:
    label = np.zeros((60, 300), np.uint8)
    label[:, 298:] = 1
    plain = np.full((60, 300, 3), 128, np.uint8)
    columns = changed_columns(write_names(plain, label, CLASSES), plain)
    assert columns.max() <= 299
    assert columns[columns > 200].size > 20  # the whole word, not its first letters


def test_detail_shows_the_part_with_most_borders_enlarged() -> None:
    ids = np.zeros((2 * DETAIL_SIDE, 2 * DETAIL_SIDE), np.uint8)
    ids[DETAIL_SIDE + 10, DETAIL_SIDE + 20] = 1  # one pixel in the lower right quarter
    photo = np.zeros((*ids.shape, 3), np.uint8)
    photo[DETAIL_SIDE:, DETAIL_SIDE:] = 90
    cut = detail(photo, ids)
    assert cut.shape == (DETAIL_SIDE * DETAIL_FACTOR, DETAIL_SIDE * DETAIL_FACTOR, 3)
    lines = (cut == DETAIL_LINE).all(2)
    assert np.unique(cut[~lines]).tolist() == [90]
    rows, columns = np.nonzero(lines)
    # Around the pixel, enlarged: the lines lie on the last row or column before each side.
    assert (rows.min(), rows.max()) == (10 * DETAIL_FACTOR - 1, 11 * DETAIL_FACTOR - 1)
    assert (columns.min(), columns.max()) == (20 * DETAIL_FACTOR - 1, 21 * DETAIL_FACTOR - 1)


def test_detail_of_a_picture_that_is_smaller_than_one_shows_what_there_is() -> None:
    assert detail(np.zeros((3, 5, 3), np.uint8), np.zeros((3, 5), np.uint8)).shape == (12, 12, 3)

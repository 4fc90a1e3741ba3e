from typing import Any

import numpy as np
import pytest

from components.inference.editing import Scene, brush_mask, connected_mask, polygon_mask
from components.inference.editing.masks import connected_parts, placed_mask


def drawn(mask: np.ndarray) -> list[str]:
    assert mask.dtype == np.bool_
    return ["".join(".#"[each] for each in row) for row in mask.astype(int)]


def test_a_dab_is_a_disc() -> None:
    assert drawn(brush_mask((5, 6), [(2, 2)], 2)) == [
        "..#...",
        ".###..",
        "#####.",
        ".###..",
        "..#...",
    ]


def test_a_stroke_is_all_that_is_near_the_line() -> None:
    assert drawn(brush_mask((4, 6), [(1, 1), (1, 4)], 1)) == [
        ".####.",
        "######",
        ".####.",
        "......",
    ]
    # From (0, 0) to (4, 4): |y - x| / sqrt(2) is at most 0.8 where the two differ by 1 at most.
    assert drawn(brush_mask((4, 4), [(0, 0), (4, 4)], 0.8)) == ["##..", "###.", ".###", "..##"]


def test_a_stroke_shorter_than_a_pixel_ends_where_it_ends() -> None:
    # The pixel (1, 2) is 0.5 from the end, the pixel (1, 0) is 1 from the start.
    assert drawn(brush_mask((3, 4), [(1, 1), (1, 1.5)], 0.6)) == ["....", ".##.", "...."]


def test_a_stroke_may_be_as_wide_and_as_far_away_as_polygons_can_be_drawn() -> None:
    assert brush_mask((2, 2), [(0, 0)], 2**20).all()
    assert brush_mask((1, 2), [(0, -(2**20)), (0, 2**20)], 0).all()


def test_a_stroke_turns_at_each_point_and_is_cut_at_the_edges() -> None:
    assert drawn(brush_mask((4, 5), [(-9, 1), (2, 1), (2, 99)], 0)) == [".#...", ".#...", ".####", "....."]
    assert not brush_mask((4, 5), [(-9, 1)], 2).any()
    assert drawn(brush_mask((4, 5), [(-9, 1), (-9, 3), (2, 3)], 0)) == ["...#.", "...#.", "...#.", "....."]
    assert drawn(brush_mask((4, 5), [(0, 0), (0, 3), (3, 0)], 0)) == ["####.", "..#..", ".#...", "#...."]


def test_points_may_be_numbers_of_any_type() -> None:
    to_the_left = np.array([(1, 3), (1, 1)], dtype=np.uint8)  # where 1 - 3 is 254
    assert drawn(brush_mask((2, 5), to_the_left, 0)) == [".....", ".###."]


def test_a_polygon_has_its_outline() -> None:
    assert drawn(polygon_mask((5, 6), [(1, 1), (1, 4), (3, 4), (3, 1)])) == [
        "......",
        ".####.",
        ".####.",
        ".####.",
        "......",
    ]
    assert drawn(polygon_mask((3, 4), [(-5, -5), (-5, 1), (9, 1), (9, -5)])) == ["##..", "##..", "##.."]


def test_a_part_hangs_together_by_corners_too() -> None:
    instance = np.array([[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]], dtype=np.int32)
    scene = Scene.from_maps(instance.astype(np.uint8), instance, has_instances=(True, True))
    assert drawn(connected_mask(scene, 0, 1)) == [".#..", "..#.", "...."]
    assert drawn(connected_mask(scene, 2, 0)) == ["....", "....", "#..."]
    assert drawn(connected_mask(scene, 2, 3)) == ["#.##", "##.#", ".###"]
    for y, x in ((3, 0), (-1, 0), (0, 4), (0, -1)):
        with pytest.raises(ValueError, match=rf"^pixel \({y}, {x}\): expected one of the 3 x 4 of the picture$"):
            connected_mask(scene, y, x)


def test_parts_are_numbered_inside_and_minus_one_outside() -> None:
    mask = np.array([[0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 0, 1]], dtype=bool)
    parts = connected_parts(mask)
    assert parts.dtype == np.int32
    assert parts.tolist() == [[-1, -1, -1, -1], [-1, 0, -1, 1], [-1, 0, -1, 1]]


def test_a_mask_is_laid_on_the_picture_and_cut() -> None:
    mask = np.array([[1, 1, 0], [0, 1, 1]], dtype=bool)
    assert drawn(placed_mask((3, 4), mask, 1, 1)) == ["....", ".##.", "..##"]
    assert drawn(placed_mask((3, 4), mask, -1, -1)) == ["##..", "....", "...."]
    assert drawn(placed_mask((3, 4), mask, 2, 3)) == ["....", "....", "...#"]
    for top, left in ((10**12, 0), (0, 10**12), (-5, 0), (0, -6), (3, 0), (0, 4), (-2, 0), (0, -3)):
        assert not placed_mask((3, 4), mask, top, left).any()
    assert not placed_mask((4, 5), mask, -5, 0).any()
    assert not placed_mask((4, 5), mask, 0, -6).any()


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], r"points: found shape \(0,\), expected \[P, 2\] with P 3 or more"),
        ([(0, 0), (1, 1)], r"points: found shape \(2, 2\), expected \[P, 2\] with P 3 or more"),
        ([(0, 0, 0)] * 3, r"points: found shape \(3, 3\), expected \[P, 2\]"),
        ([(0, 0), (1, 1), (0, float("nan"))], "points: found one that is not finite"),
        ([(0, 0), (1, 1), (0, 1e9)], "points: found one that is not finite or beyond 1048576"),
    ],
)
def test_points_that_are_none_are_refused(points: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        polygon_mask((3, 4), points)


@pytest.mark.parametrize("radius", [-1, 1048577, float("nan"), float("inf")])
def test_a_radius_that_is_none_is_refused(radius: float) -> None:
    with pytest.raises(ValueError, match=rf"radius: found {radius}, expected 0\.\.1048576"):
        brush_mask((3, 4), [(0, 0)], radius)

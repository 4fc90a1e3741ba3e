import numpy as np

from components.data.pictures import GAP, grid, spread_positions


def _picture(height: int, width: int, value: int) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_a_grid_of_pictures_of_several_sizes_is_filled_up_with_white() -> None:
    rows = [[_picture(4, 6, 10), _picture(4, 6, 20)], [_picture(8, 3, 30), _picture(8, 3, 40)]]
    found = grid(rows)
    # Both columns as wide as the first row's pictures, the second row as high as its own.
    assert found.shape == (4 + GAP + 8 + GAP, 2 * (6 + GAP), 3)
    assert GAP == 2
    expected = np.full((16, 16), 255)
    expected[0:4, 0:6] = 10
    expected[0:4, 8:14] = 20
    expected[6:14, 0:3] = 30
    expected[6:14, 8:11] = 40
    assert np.array_equal(found, np.repeat(expected[..., None], 3, axis=2))


def test_positions_are_spread_from_the_first_to_the_last() -> None:
    assert spread_positions(9, 3) == [0, 4, 8]
    assert spread_positions(2, 5) == [0, 1]
    assert spread_positions(1, 4) == [0]

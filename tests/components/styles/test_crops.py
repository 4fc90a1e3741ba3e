import numpy as np

from components.styles.crops import CROP_SIDE, crop, pale_outside, window_around


def _mask(height: int, width: int, rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((height, width), np.bool_)
    mask[rows, columns] = True
    return mask


def test_a_window_is_a_square_around_the_mask_with_a_margin() -> None:
    rows, columns = window_around(_mask(64, 128, slice(20, 28), slice(40, 44)))  # 8 pixels and a quarter more
    assert rows.stop - rows.start == columns.stop - columns.start == 10
    assert rows.start in (18, 19)
    assert columns.start in (36, 37, 38)


def test_a_window_at_the_edge_stays_in_the_picture() -> None:
    rows, columns = window_around(_mask(64, 128, slice(0, 8), slice(120, 128)))
    assert (rows.start, columns.stop) == (0, 128)
    assert rows.stop - rows.start == columns.stop - columns.start == 10


def test_a_window_holds_most_of_a_mask_that_is_longer_than_the_picture_is_high() -> None:
    mask = _mask(8, 40, slice(6, 8), slice(0, 2)) | _mask(8, 40, slice(2, 8), slice(32, 40))
    assert window_around(mask) == (slice(0, 8), slice(32, 40))


def test_pixels_of_the_instance_keep_their_colour_and_the_others_are_pale() -> None:
    picture = np.full((1, 2, 3), 100, np.uint8)
    pale = pale_outside(picture, np.array([[True, False]]))
    assert pale.dtype == np.uint8
    assert pale[0].tolist() == [[100] * 3, [216] * 3]  # 100 + 0.75 * 155


def test_a_crop_has_the_size_of_the_page_and_the_colours_of_the_picture() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[2:4, 2:4] = [200, 10, 30]
    shown = crop(picture, (slice(2, 4), slice(2, 4)))
    assert shown.shape == (CROP_SIDE, CROP_SIDE, 3)
    assert np.unique(shown.reshape(-1, 3), axis=0).tolist() == [[200, 10, 30]]

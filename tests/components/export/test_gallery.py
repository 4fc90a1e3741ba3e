import numpy as np

from components.export.gallery import MaskOfObject, distinct_masks, whole_objects

ROAD, CAR, PERSON = 0, 1, 2


def _objects(*boxes: tuple[int, int, int, int, int]) -> list[tuple[int, MaskOfObject]]:
    """Objects found on 20 x 60 of road with boxes of class, top, left, height, width, of ids 1 and on."""
    label, instance = np.full((20, 60), ROAD, np.uint8), np.zeros((20, 60), np.int32)
    for number, (class_index, top, left, height, width) in enumerate(boxes, 1):
        label[top : top + height, left : left + width] = class_index
        instance[top : top + height, left : left + width] = number
    return list(whole_objects(label, instance, [CAR, PERSON]))


def test_an_object_is_cut_out_with_its_share_and_how_much_of_its_outline_others_touch() -> None:
    # The person of 6 x 4 stands to the right of the car of 6 x 8; the outline of the car has 2 * 10 + 2 * 6 pixels,
    # of which 6 are the person's, and that of the person 2 * 6 + 2 * 6, of which 6 are the car's.
    (car_class, car), (person_class, person) = _objects((CAR, 5, 10, 6, 8), (PERSON, 5, 18, 6, 4))
    assert (car_class, person_class) == (CAR, PERSON)
    assert car.mask.shape == (6, 8)
    assert car.mask.all()
    assert car.share == 48 / 1200
    assert car.covered == 6 / 32
    assert person.covered == 6 / 24


def test_what_the_edge_cuts_is_left_out() -> None:
    cut = [(CAR, 0, 5, 6, 6), (CAR, 14, 5, 6, 6), (CAR, 7, 0, 6, 6), (CAR, 7, 54, 6, 6)]
    assert _objects(*cut) == []
    assert len(_objects((CAR, 1, 1, 18, 58))) == 1


def test_specks_are_left_out() -> None:
    assert _objects((CAR, 5, 5, 1, 23)) == []
    assert len(_objects((CAR, 5, 5, 1, 24))) == 1


def test_an_object_in_two_pieces_or_of_two_classes_is_left_out() -> None:
    assert _objects((CAR, 5, 5, 8, 12), (PERSON, 4, 9, 10, 3))[0][0] == PERSON  # before the car, which it parts
    label, instance = np.full((20, 60), ROAD, np.uint8), np.zeros((20, 60), np.int32)
    instance[5:10, 5:15] = 1
    label[5:10, 5:15], label[5, 5] = CAR, PERSON
    assert list(whole_objects(label, instance, [CAR, PERSON])) == []


def _box(height: int, width: int, share: float, covered: float = 0.0) -> MaskOfObject:
    return MaskOfObject(np.ones((height, width), bool), share, covered)


def test_equal_shapes_are_taken_once() -> None:
    chosen = distinct_masks([_box(4, 8, 0.1), _box(8, 16, 0.2), _box(12, 24, 0.3), _box(9, 9, 0.05)], 8)
    assert [mask.shape for mask in chosen] == [(12, 24), (9, 9)]


def test_a_large_object_that_nothing_hides_comes_first() -> None:
    assert distinct_masks([_box(4, 8, 0.2, covered=0.5), _box(9, 9, 0.1)], 1)[0].shape == (9, 9)
    assert distinct_masks([_box(4, 8, 0.2), _box(9, 9, 0.1)], 1)[0].shape == (4, 8)


def test_after_the_first_comes_the_shape_that_is_least_like_it() -> None:
    # Beside a square, 24 x 20 of the same quality overlaps in 5 / 6 and 24 x 6 in 1 / 4.
    chosen = distinct_masks([_box(24, 24, 0.2), _box(24, 20, 0.1), _box(24, 6, 0.1)], 3)
    assert [mask.shape for mask in chosen] == [(24, 24), (24, 6), (24, 20)]


def test_what_is_small_beside_the_largest_of_its_class_is_left_out() -> None:
    assert [mask.shape for mask in distinct_masks([_box(9, 9, 0.3), _box(9, 3, 0.029)], 8)] == [(9, 9)]
    assert len(distinct_masks([_box(9, 9, 0.3), _box(9, 3, 0.031)], 8)) == 2


def test_no_objects_give_no_masks() -> None:
    assert distinct_masks([], 3) == []
    assert distinct_masks([_box(4, 4, 0.1)], 0) == []

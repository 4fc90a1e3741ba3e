"""Each operation on scenes small enough to work out by hand.

Classes: 0 sky and 1 road without instances, 2 car and 3 person with them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from components.inference import StyleBank, editing
from components.inference.editing import Scene

HAS_INSTANCES = (False, False, True, True)
CLASSES = {0: 0, 1: 1, 2: 2, 3: 2, 4: 3}  # by id
BANK = StyleBank(
    2,
    {each: np.array([[each, 10], [each, 20]], dtype=np.float32) for each in range(1, 4)},  # none for the sky
    {each: np.array([1, 1]) for each in range(1, 4)},
)


def scene_of(*rows: str, classes: Mapping[int, int] = CLASSES) -> Scene:
    instance = np.array([[int(each) for each in row] for row in rows], dtype=np.int32)
    label = np.vectorize(classes.get)(instance).astype(np.uint8)
    styles = np.array([[each, each] for each in range(instance.max() + 1)], dtype=np.float32)
    return Scene.from_maps(label, instance, styles, has_instances=HAS_INSTANCES, bank=BANK, seed=5)


def rows_of(scene: Scene) -> list[str]:
    assert scene.instance.dtype == np.int32
    assert scene.classes.dtype == np.int16
    assert scene.styles.dtype == np.float32
    return ["".join(map(str, row)) for row in scene.instance.tolist()]


def mask_of(*rows: str) -> np.ndarray:
    return np.array([[each == "#" for each in row] for row in rows])


def drawn(class_index: int, instance: int, seed: int = 5) -> list[int]:
    ticket = int(np.random.PCG64((seed, instance)).random_raw()) % 2
    return [class_index, (10, 20)[ticket]]


STREET = scene_of("0000", "0220", "1231")


def test_an_object_of_another_class_keeps_its_id_and_gets_a_style_drawn_for_it() -> None:
    changed = editing.change_class(STREET, 2, 3)
    assert changed.label.tolist() == [[0, 0, 0, 0], [0, 3, 3, 0], [1, 3, 2, 1]]
    assert rows_of(changed) == rows_of(STREET)
    assert changed.styles.tolist() == [[0, 0], [1, 1], drawn(3, 2), [3, 3]]


def test_an_object_that_becomes_road_joins_the_road() -> None:
    changed = editing.change_class(STREET, 2, 1)
    assert rows_of(changed) == ["0000", "0110", "1131"]
    assert changed.styles.tolist() == STREET.styles.tolist()


def test_an_object_of_a_class_that_has_no_region_yet_becomes_its_region() -> None:
    changed = editing.change_class(scene_of("00", "22"), 2, 1)
    assert rows_of(changed) == ["00", "22"]
    assert changed.classes.tolist() == [0, -1, 1]
    assert rows_of(editing.paint(changed, mask_of("#.", ".."), 1)) == ["20", "22"]


def test_a_region_that_becomes_an_object_frees_its_class() -> None:
    changed = editing.change_class(STREET, 0, 2)
    assert changed.label[0].tolist() == [2, 2, 2, 2]
    assert changed.instance_for(0) == 4
    assert editing.change_class(STREET, 2, 2) is STREET


def test_a_hole_is_filled_by_the_nearest_objects() -> None:
    assert rows_of(editing.remove(scene_of("0222221"), 2)) == ["0000111"]  # the middle is as near to both: the left one
    assert rows_of(editing.remove(STREET, 2)) == ["0000", "0000", "1131"]
    # The first step goes to 4 neighbours: the 3 reaches the pixel across the corner in the second, as the left 1 does.
    assert rows_of(editing.remove(scene_of("1222", "2223"), 2)) == ["1113", "1133"]


def test_a_hole_is_filled_by_a_class() -> None:
    assert rows_of(editing.remove(STREET, 2, fill=1)) == ["0000", "0110", "1131"]
    filled = editing.remove(STREET, 2, fill=3)
    assert rows_of(filled) == ["0000", "0440", "1431"]
    assert filled.classes.tolist() == [0, 1, 2, 2, 3]
    assert filled.styles.tolist() == [*STREET.styles.tolist(), drawn(3, 4)]
    assert filled.styles[:4].tolist() == STREET.styles.tolist()


def test_nearest_is_counted_in_steps_to_four_and_eight_neighbours_in_turn() -> None:
    def steps(down: int, right: int) -> int:
        return next(k for k in range(99) if max(down, right) <= k and down + right <= k + k // 2)

    rng = np.random.default_rng(0)
    instance = rng.integers(1, 9, (14, 17), dtype=np.int32)
    hole = rng.random((14, 17)) < 0.9
    instance[hole] = 0
    scene = Scene.from_maps(np.ones_like(instance, np.uint8) * 2, instance, has_instances=HAS_INSTANCES, bank=BANK)
    filled = editing.remove(scene, 0)
    others = np.argwhere(~hole)
    for y, x in np.argwhere(hole):
        distances = [steps(abs(y - v), abs(x - u)) for v, u in others]
        nearest = {instance[v, u] for (v, u), each in zip(others, distances, strict=True) if each == min(distances)}
        assert filled.instance[y, x] in nearest
    assert (filled.instance == instance)[~hole].all()


def test_an_object_is_added_from_a_mask_where_it_lies_in_the_picture() -> None:
    added = editing.add_object(STREET, mask_of("##", ".#"), 3, top=-1, left=2)
    assert rows_of(added) == ["0004", "0220", "1231"]
    assert added.classes.tolist() == [0, 1, 2, 2, 3]
    assert added.styles.tolist() == [*STREET.styles.tolist(), drawn(3, 4)]
    assert editing.add_object(STREET, mask_of("#"), 3, style=1).styles[4].tolist() == [3, 20]
    style = np.array([0.5, 0.25], dtype=np.float32)
    assert editing.add_object(STREET, mask_of("#"), 3, style=style).styles[4].tolist() == [0.5, 0.25]
    assert rows_of(editing.add_object(STREET, mask_of("##"), 1)) == ["1100", "0220", "1231"]


def test_a_moved_object_leaves_what_was_around_it_and_is_cut_at_the_edges() -> None:
    assert rows_of(editing.move(STREET, 2, 0, 1)) == ["0000", "0022", "1121"]
    assert rows_of(editing.move(STREET, 2, -1, 2, fill=1)) == ["0002", "0112", "1131"]
    moved = editing.move(STREET, 3, -1, -1)
    assert rows_of(moved) == ["0000", "0320", "1221"]
    assert moved.styles.tolist() == STREET.styles.tolist()


def test_an_object_is_not_moved_out_of_the_picture() -> None:
    with pytest.raises(ValueError, match="instance 3: found no pixel left in the picture.*remove it"):
        editing.move(STREET, 3, 1, 0)


def test_an_object_is_scaled_about_the_middle_of_its_box() -> None:
    car = scene_of("000000", "002200", "002200", "000000")
    assert rows_of(editing.scale(car, 2, 2)) == ["022220"] * 4
    assert rows_of(editing.scale(car, 2, 100)) == ["222222"] * 4
    assert rows_of(editing.scale(scene_of("222200", "222200"), 2, 0.5)) == ["022000", "000000"]
    assert rows_of(editing.scale(scene_of("2200"), 2, 2)) == ["2220"]
    filled = editing.scale(scene_of("222200", "222200"), 2, 0.5, fill=1)
    assert rows_of(filled) == ["322300", "333300"]  # there was no road yet: it gets the next free id
    assert filled.classes.tolist() == [0, -1, 2, 1]
    with pytest.raises(ValueError, match="instance 2: found no pixel left"):
        editing.scale(car, 2, 0.1)
    for factor in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"factor: found {factor}, expected a finite number above 0"):
            editing.scale(car, 2, factor)


def test_a_copy_has_an_id_of_its_own_and_the_style_of_its_pattern() -> None:
    copied = editing.duplicate(STREET, 2, -1, 1)
    assert rows_of(copied) == ["0044", "0240", "1231"]
    assert copied.classes.tolist() == [0, 1, 2, 2, 2]
    assert copied.styles[4].tolist() == [2, 2]
    assert rows_of(editing.duplicate(STREET, 1, -2, 0)) == ["1001", "0220", "1231"]


def test_paint_goes_into_a_region_an_object_or_a_new_one() -> None:
    mask = mask_of("##..", "##..", "....")
    assert rows_of(editing.paint(STREET, mask, 1)) == ["1100", "1120", "1231"]
    assert rows_of(editing.paint(STREET, mask, 2, instance=3)) == ["3300", "3320", "1231"]
    new = editing.paint(STREET, mask, 2)
    assert rows_of(new) == ["4400", "4420", "1231"]
    assert new.styles[4].tolist() == drawn(2, 4)
    with pytest.raises(ValueError, match="instance 3: found class 2, expected 3"):
        editing.paint(STREET, mask, 3, instance=3)


def test_a_region_that_was_painted_over_comes_back_with_its_id_and_style() -> None:
    without_road = editing.paint(STREET, STREET.mask(1), 0)
    assert rows_of(editing.paint(without_road, mask_of("#...", "....", "...."), 1)) == ["1000", "0220", "0230"]


def test_the_eraser_takes_from_one_object_and_never_gives_back_to_it() -> None:
    mask = mask_of("####", "#.##", "...#")
    assert rows_of(editing.erase(STREET, 2, mask)) == ["0000", "0200", "1231"]
    assert rows_of(editing.erase(STREET, 2, mask, fill=1)) == ["0000", "0210", "1231"]
    with pytest.raises(ValueError, match="instance 3: found none of its pixels in the mask"):
        editing.erase(STREET, 3, mask)


def test_what_cannot_be_filled_is_refused() -> None:
    with pytest.raises(ValueError, match="fill: found class 1, which is instance 1 itself, expected another class"):
        editing.remove(STREET, 1, fill=1)
    with pytest.raises(ValueError, match="instance 2: found no other object to fill the hole"):
        editing.remove(scene_of("22"), 2)
    assert rows_of(editing.remove(scene_of("22"), 2, fill=0)) == ["33"]


def test_merged_objects_are_the_first_one() -> None:
    merged = editing.merge(STREET, [3, 2])
    assert rows_of(merged) == ["0000", "0330", "1331"]
    assert merged.styles.tolist() == STREET.styles.tolist()
    with pytest.raises(ValueError, match="^instance 2: found no pixel, expected one or more$"):
        editing.merge(merged, [3, 2])
    for instances, classes in (([2, 1], r"\[2, 1\]"), ([2, 2], r"\[2, 2\]"), ([2], r"\[2\]")):
        with pytest.raises(ValueError, match=f"found classes {classes}, expected two or more of one class"):
            editing.merge(STREET, instances)


def test_a_part_that_is_split_off_looks_as_before() -> None:
    parts = editing.split(STREET, 2, mask_of("#.##", "..##", "...."))
    assert rows_of(parts) == ["0000", "0240", "1231"]
    assert parts.classes.tolist() == [0, 1, 2, 2, 2]
    assert parts.styles[4].tolist() == [2, 2]
    with pytest.raises(ValueError, match="instance 2: found 3 of its 3 pixels in the mask, expected some and not all"):
        editing.split(STREET, 2, np.ones((3, 4), dtype=bool))
    with pytest.raises(ValueError, match="instance 0: found class 0 without instances, expected one with them"):
        editing.split(STREET, 0, mask_of("#...", "....", "...."))


def test_the_largest_connected_part_keeps_the_id() -> None:
    scene = editing.split_connected(scene_of("20220", "00220", "20000"), 2)
    assert rows_of(scene) == ["30220", "00220", "40000"]
    assert scene.styles.tolist() == [[0, 0], [1, 1], [2, 2], [2, 2], [2, 2]]
    assert rows_of(editing.split_connected(scene_of("22020"), 2)) == ["22030"]
    with pytest.raises(ValueError, match="instance 2: found 1 connected part, expected two or more"):
        editing.split_connected(STREET, 2)


def test_a_style_is_set_for_one_object_or_all_of_a_class_by_vector_or_number() -> None:
    style = np.array([8, 9], dtype=np.float32)
    assert editing.set_style(STREET, 2, style).styles.tolist() == [[0, 0], [1, 1], [8, 9], [3, 3]]
    assert editing.set_style(STREET, 2, 1).styles.tolist() == [[0, 0], [1, 1], [2, 20], [3, 3]]
    assert editing.set_class_style(STREET, 2, style).styles.tolist() == [[0, 0], [1, 1], [8, 9], [8, 9]]
    assert editing.set_class_style(STREET, 2, 1).styles.tolist() == [[0, 0], [1, 1], [2, 20], [2, 20]]
    between = BANK.interpolate(2, 0, 1, 0.25)
    assert editing.set_class_style(STREET, 2, between).styles[2:].tolist() == [[2, 12.5], [2, 12.5]]


def test_styles_are_drawn_anew_by_seed_for_all_or_some() -> None:
    every = [[0, 0], drawn(1, 1, 9), drawn(2, 2, 9), drawn(2, 3, 9)]
    assert editing.draw_styles(STREET, 9).styles.tolist() == every
    assert editing.draw_styles(STREET, 9, [2]).styles.tolist() == [[0, 0], [1, 1], drawn(2, 2, 9), [3, 3]]
    assert editing.draw_styles(STREET, 9, []) is STREET
    assert editing.draw_styles(STREET, 0, [2]).styles[2].tolist() == drawn(2, 2, 0)
    with pytest.raises(ValueError, match="seed: found -1, expected 0 or more"):
        editing.draw_styles(STREET, -1)


@pytest.mark.parametrize(
    ("style", "message"),
    [
        (2, r"style 2 of class 2: expected 0\.\.1"),
        (np.zeros(2), r"style: found float64 \(2,\), expected float32 \(2,\)"),
        (np.zeros(3, dtype=np.float32), r"style: found float32 \(3,\), expected float32 \(2,\)"),
        ([0.0, 0.0], r"style: found list, expected float32 \(2,\)"),
        (np.array([0, np.nan], dtype=np.float32), r"style: found \[0.0, nan\], expected finite numbers"),
    ],
)
def test_a_style_that_is_none_is_refused(style: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        editing.set_style(STREET, 2, style)


def test_a_class_without_objects_or_a_scene_without_bank_has_no_style_to_set() -> None:
    with pytest.raises(ValueError, match="class 3: found no instance, expected one or more"):
        editing.set_class_style(STREET, 3, 0)
    scene = Scene.from_maps(STREET.label, STREET.instance, has_instances=HAS_INSTANCES)
    with pytest.raises(ValueError, match="style 0: found a scene without a style bank"):
        editing.set_style(scene, 2, 0)
    assert editing.add_object(scene, mask_of("#"), 3).styles.shape == (5, 0)
    scene = Scene.from_maps(STREET.label, STREET.instance, STREET.styles, has_instances=HAS_INSTANCES)
    added = editing.add_object(scene, mask_of("#"), 3)
    assert rows_of(added) == ["4000", "0220", "1231"]
    assert added.styles.tolist() == [*STREET.styles.tolist(), [0, 0]]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((3, 4)), r"mask: found float64 \(3, 4\), expected bool \(3, 4\)"),
        (np.ones((4, 3), dtype=bool), r"mask: found bool \(4, 3\), expected bool \(3, 4\), the shape of the picture"),
        ([[True]], r"mask: found list, expected bool \(3, 4\)"),
        (np.zeros((3, 4), dtype=bool), "^mask: found no pixel inside the picture, expected one or more$"),
    ],
)
def test_a_mask_that_is_none_is_refused(mask: Any, message: str) -> None:
    operations: tuple[Callable[[], Scene], ...] = (
        lambda: editing.paint(STREET, mask, 1),
        lambda: editing.erase(STREET, 2, mask),
        lambda: editing.split(STREET, 2, mask),
    )
    for operation in operations:
        with pytest.raises(ValueError, match=message):
            operation()


def test_a_mask_to_add_has_two_dimensions_and_a_pixel_in_the_picture() -> None:
    with pytest.raises(ValueError, match=r"mask: found bool \(3,\), expected bool \[h, w\]"):
        editing.add_object(STREET, np.ones(3, dtype=bool), 2)
    not_a_mask: Any = [[True]]
    with pytest.raises(ValueError, match=r"^mask: found list, expected bool \[h, w\]$"):
        editing.add_object(STREET, not_a_mask, 2)
    with pytest.raises(ValueError, match="mask: found no pixel inside the picture"):
        editing.add_object(STREET, mask_of("##"), 2, top=3)

from typing import Any

import numpy as np
import pytest

from components.inference import StyleBank
from components.inference.editing import Scene, compact, consistent_instances, paint

HAS_INSTANCES = (False, True)  # road, car
LABEL = np.array([[0, 0, 1], [1, 1, 1]], dtype=np.uint8)
INSTANCE = np.array([[0, 0, 2], [3, 3, 2]], dtype=np.int32)
STYLES = np.array([[0.5], [1.5], [2.5], [3.5]], dtype=np.float32)
BANK = StyleBank(1, {1: np.array([[7], [8]], dtype=np.float32)}, {1: np.array([1, 1])})


def test_a_scene_holds_copies_that_nobody_can_change() -> None:
    label, instance, styles = LABEL.copy(), INSTANCE.copy(), STYLES.copy()
    scene = Scene.from_maps(label, instance, styles, has_instances=HAS_INSTANCES)
    label[:], instance[:], styles[:] = 0, 0, 0
    assert scene.label.tolist() == LABEL.tolist()
    assert scene.instance.tolist() == INSTANCE.tolist()
    assert scene.styles.tolist() == STYLES.tolist()
    assert scene.label.dtype == np.uint8
    assert scene.instance.dtype == np.int32
    assert scene.classes.dtype == np.int16
    assert scene.styles.dtype == np.float32
    for array in (scene.label, scene.instance, scene.classes, scene.styles):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_an_id_without_pixels_has_a_row_and_no_class() -> None:
    scene = Scene.from_maps(LABEL, INSTANCE, STYLES, has_instances=HAS_INSTANCES)
    assert scene.classes.tolist() == [0, -1, 1, 1]
    assert scene.areas.tolist() == [2, 0, 2, 2]
    with pytest.raises(ValueError, match="instance 1: found no pixel, expected one or more"):
        scene.class_of(1)


def test_styles_that_are_not_given_are_drawn_as_the_bank_draws_them() -> None:
    scene = Scene.from_maps(LABEL, INSTANCE, has_instances=HAS_INSTANCES, bank=BANK, seed=3)
    assert scene.seed == 3
    assert scene.styles.tolist() == BANK.sample(LABEL, INSTANCE, seed=3).tolist()
    assert scene.styles[2, 0] in (7, 8)
    assert Scene.from_maps(LABEL, INSTANCE, has_instances=HAS_INSTANCES).styles.shape == (4, 0)
    assert Scene.from_maps(LABEL, INSTANCE, has_instances=HAS_INSTANCES, bank=BANK).seed == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"label": LABEL.astype(np.int64)}, "label: found int64, expected an array of uint8"),
        ({"label": LABEL.tolist()}, "label: found list, expected an array of uint8"),
        ({"label": LABEL + np.uint8(1)}, r"label: found 1\.\.2, expected 0\.\.1"),
        ({"label": LABEL[:0]}, r"label: found shape \(0, 3\), expected \[H, W\], each 1 or more"),
        ({"instance": INSTANCE.astype(np.uint16)}, "instance: found uint16, expected an array of int32"),
        ({"instance": INSTANCE[:, :2]}, r"instance: found shape \(2, 2\), expected \(2, 3\), that of label"),
        ({"instance": INSTANCE + 1}, r"instance: found 1\.\.4, expected 0\.\.3"),
        ({"instance": INSTANCE - 1}, r"instance: found -1\.\.2, expected 0\.\.3"),
        ({"instance": INSTANCE * 2, "styles": None}, r"instance: found 0\.\.6, expected 0\.\.5"),
        ({"styles": STYLES.astype(np.float64)}, "styles: found float64, expected an array of float32"),
        ({"styles": STYLES.tolist()}, "styles: found list, expected an array of float32"),
        ({"styles": STYLES[:, 0]}, r"styles: found shape \(4,\), expected \[M, F\]"),
        ({"styles": STYLES[:, [0, 0]], "bank": BANK}, r"styles: found shape \(4, 2\), expected \[M, 1\]"),
        ({"styles": STYLES * np.float32(np.nan)}, "styles: found NaN or infinity, expected finite numbers"),
        ({"seed": -1}, "seed: found -1, expected 0 or more"),
        (
            {"instance": np.array([[0, 2, 2], [3, 3, 2]], dtype=np.int32)},
            r"instance 2: found pixels of the classes \[0, 1\], expected one class",
        ),
        (
            {"label": np.array([[2, 0, 1], [1, 1, 1]], dtype=np.uint8), "has_instances": (False, True, True)},
            r"instance 0: found pixels of the classes \[0, 2\], expected one class",
        ),
        (
            {"instance": np.array([[0, 1, 2], [3, 3, 2]], dtype=np.int32)},
            r"class 0: found instances \[0, 1\], expected one, as it has no instances",
        ),
    ],
)
def test_maps_that_do_not_make_a_scene_are_refused(changed: dict[str, Any], message: str) -> None:
    maps: dict[str, Any] = {"label": LABEL, "instance": INSTANCE, "styles": STYLES, "has_instances": HAS_INSTANCES}
    with pytest.raises(ValueError, match=f"^{message}$"):
        Scene.from_maps(**(maps | changed))


def test_new_pixels_of_a_class_go_to_its_region_or_the_next_free_id() -> None:
    scene = Scene.from_maps(LABEL, INSTANCE, STYLES, has_instances=(False, True, False))
    assert [scene.instance_for(each) for each in range(3)] == [0, 4, 4]
    with pytest.raises(ValueError, match=r"class 3: expected 0\.\.2"):
        scene.instance_for(3)


def test_unknown_ids_are_named() -> None:
    scene = Scene.from_maps(LABEL, INSTANCE, STYLES, has_instances=HAS_INSTANCES)
    for unknown in (-1, 4):
        with pytest.raises(ValueError, match=rf"instance {unknown}: expected 0\.\.3"):
            scene.mask(unknown)


def test_an_object_that_was_painted_over_keeps_its_row_until_the_scene_is_compacted() -> None:
    scene = Scene.from_maps(LABEL, INSTANCE, STYLES, has_instances=HAS_INSTANCES)
    over = paint(scene, scene.mask(2), 0)
    assert over.areas.tolist() == [4, 0, 0, 2]
    assert over.class_of(2) == 1
    with pytest.raises(ValueError, match="instance 2: found no pixel"):
        over.mask(2)
    assert paint(scene, scene.mask(3), 0).areas.tolist() == [4, 0, 2, 0], "the last row counts too"
    small = compact(over)
    assert small.instance.dtype == np.int32
    assert small.instance.tolist() == [[0, 0, 0], [1, 1, 0]]
    assert small.classes.tolist() == [0, 1]
    assert small.styles.tolist() == [[0.5], [3.5]]


def test_any_instance_map_becomes_one_with_one_class_an_id() -> None:
    label = np.array([[0, 0, 1], [2, 1, 1]], dtype=np.uint8)
    instance = np.array([[9, 8, 8], [8, 70000, 8]], dtype=np.int64)
    ids = consistent_instances(label, instance, has_instances=(False, True, True))
    assert ids.tolist() == [[0, 0, 1], [3, 2, 1]]  # the road; cars 8 and 70000; a person that shared the id 8
    assert ids.dtype == np.int32
    Scene.from_maps(label, ids, has_instances=(False, True, True))
    with pytest.raises(ValueError, match=r"^instance: found shape \(1, 3\), expected \(2, 3\), that of label$"):
        consistent_instances(label, instance[:1], has_instances=(False, True, True))
    with pytest.raises(ValueError, match=r"^label: found 0\.\.2, expected 0\.\.1$"):
        consistent_instances(label, instance, has_instances=(False, True))

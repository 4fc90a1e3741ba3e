from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from components.inference.editing import Scene, brush_mask
from deploy.server.attendance import StoppedError
from deploy.server.limits import Limits
from deploy.server.masks import Course
from deploy.server.operations import Operation, apply_operations
from deploy.server.served import ServedModel
from tests.deploy.server.tiny_server import CAR, ROAD, SKY, packed, scene

_OPERATIONS: TypeAdapter[list[Operation]] = TypeAdapter(list[Operation])
#  sky, two cars on a road, the second in two parts
IDS = [
    [0, 0, 0, 0, 0, 0, 0, 0],
    [1, 2, 2, 1, 1, 3, 1, 3],
    [1, 2, 2, 1, 1, 3, 1, 3],
    [1, 1, 1, 1, 1, 1, 1, 1],
]
WHOLE_COLUMN = {"kind": "bitmap", "height": 4, "width": 1, "left": 1, "top": 0, "bits": packed(b"\xf0")}


@pytest.fixture
def street(model: ServedModel) -> Scene:
    from deploy.server.documents import SceneDocument

    return SceneDocument.model_validate(scene(IDS, [SKY, ROAD, CAR, CAR])).scene(model, Limits())


def edited(street: Scene, *operations: dict[str, Any], limits: Limits | None = None) -> Scene:
    course = Course(limits or Limits(), lambda: None)
    return apply_operations(street, _OPERATIONS.validate_python(operations), course)


def test_a_stroke_makes_a_new_car_with_the_given_style(street: Scene) -> None:
    stroke = {"kind": "brush", "points": [[0, 2], [0, 4]], "radius": 0}
    found = edited(street, {"do": "paint", "mask": stroke, "class": CAR, "style": [5.0, 6.0]})
    assert found.instance[0].tolist() == [0, 0, 4, 4, 4, 0, 0, 0]
    assert (found.classes.tolist(), found.styles[4].tolist()) == ([SKY, ROAD, CAR, CAR, CAR], [5, 6])


def test_a_style_of_the_bank_is_named_by_its_number(street: Scene) -> None:
    assert edited(street, {"do": "set_style", "instance": 1, "style": 1}).styles[1].tolist() == [20, 2]
    found = edited(street, {"do": "set_class_style", "class": CAR, "style": 0}).styles
    assert found.tolist() == [[100, 0], [101, 0], [30, 3], [30, 3]]


def test_a_polygon_has_its_outline_and_a_flood_what_hangs_together(street: Scene) -> None:
    square = {"kind": "polygon", "points": [[1, 3], [1, 4], [2, 4], [2, 3]]}
    painted = edited(street, {"do": "paint", "mask": square, "class": CAR, "instance": 2}).instance
    assert (painted == 2).nonzero()[1].tolist() == [1, 2, 3, 4] * 2
    flood = {"kind": "connected", "point": [1, 7]}
    flooded = edited(street, {"do": "paint", "mask": flood, "class": SKY}).instance
    assert flooded[1].tolist() == [1, 2, 2, 1, 1, 3, 1, 0]


def test_a_bitmap_is_cut_at_the_edges(street: Scene) -> None:
    corner = {"kind": "bitmap", "height": 2, "width": 2, "top": -1, "left": 7, "bits": packed(b"\xf0")}
    found = edited(street, {"do": "add_object", "mask": corner, "class": CAR}).instance
    assert found[:2].tolist() == [[0, 0, 0, 0, 0, 0, 0, 4], IDS[1]]


@pytest.mark.parametrize(
    ("operation", "row", "classes"),
    [
        ({"do": "erase", "instance": 2, "mask": WHOLE_COLUMN, "fill": None}, [1, 1, 2, 1, 1, 3, 1, 3], 4),
        ({"do": "erase", "instance": 2, "mask": WHOLE_COLUMN, "fill": SKY}, [1, 0, 2, 1, 1, 3, 1, 3], 4),
        ({"do": "remove", "instance": 2, "fill": ROAD}, [1, 1, 1, 1, 1, 3, 1, 3], 4),
        ({"do": "move", "instance": 2, "down": 0, "right": 2, "fill": ROAD}, [1, 1, 1, 2, 2, 3, 1, 3], 4),
        ({"do": "scale", "instance": 2, "factor": 2, "fill": ROAD}, [2, 2, 2, 2, 1, 3, 1, 3], 4),
        ({"do": "duplicate", "instance": 2, "down": 0, "right": 2}, [1, 2, 2, 4, 4, 3, 1, 3], 5),
        ({"do": "change_class", "instance": 2, "class": ROAD}, [1, 1, 1, 1, 1, 3, 1, 3], 4),
        ({"do": "merge", "instances": [3, 2]}, [1, 3, 3, 1, 1, 3, 1, 3], 4),
        ({"do": "split", "instance": 2, "mask": WHOLE_COLUMN}, [1, 4, 2, 1, 1, 3, 1, 3], 5),
        ({"do": "split_connected", "instance": 3}, [1, 2, 2, 1, 1, 3, 1, 4], 5),
    ],
)
def test_each_operation_does_what_its_name_says(
    street: Scene, operation: dict[str, Any], row: Sequence[int], classes: int
) -> None:
    found = edited(street, operation)
    assert (found.instance[1].tolist(), len(found.classes)) == (row, classes)


def test_styles_are_drawn_as_the_bank_draws_them(street: Scene, model: ServedModel) -> None:
    drawn = model.bundle.style_bank.sample(street.label, street.instance, 5)
    found = edited(street, {"do": "draw_styles", "seed": 5, "instances": [1, 2]}).styles
    assert found.tolist() == [[100, 0], *drawn[1:3].tolist(), [103, 0]]
    assert np.array_equal(edited(street, {"do": "draw_styles", "seed": 5, "instances": None}).styles, drawn)


def test_compact_drops_what_has_no_pixels(street: Scene) -> None:
    found = edited(street, {"do": "remove", "instance": 2}, {"do": "compact"})
    assert (found.classes.tolist(), found.styles[:, 0].tolist()) == ([SKY, ROAD, CAR], [100, 101, 103])


def test_a_long_stroke_is_the_one_that_the_brush_draws_at_once(street: Scene) -> None:
    random = np.random.default_rng(1)
    points = random.uniform(0, 8, (50, 2)).round(2).tolist()
    stroke = {"kind": "brush", "points": points, "radius": 0.7}
    found = edited(street, {"do": "paint", "mask": stroke, "class": SKY})
    assert np.array_equal(found.instance == 0, brush_mask((4, 8), points, 0.7) | (street.instance == 0))


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"do": "move", "instance": 9, "down": 0, "right": 0}, "operations.1 (move): instance 9: expected 0..3"),
        (
            {"do": "set_style", "instance": 0, "style": 0},
            "operations.1 (set_style): class 2 has no styles, expected one of [0, 1]",
        ),
        (
            {"do": "set_style", "instance": 1, "style": 2},
            "operations.1 (set_style): style 2 of class 0: expected 0..1",
        ),
        (
            {"do": "set_style", "instance": 1, "style": [1.0]},
            "operations.1 (set_style): style: found float32 (1,), expected float32 (2,)",
        ),
        (
            {"do": "set_style", "instance": 1, "style": [1e300, 0.0]},
            "operations.1 (set_style): style: found a number that float32 cannot hold, expected finite ones",
        ),
        (
            {"do": "paint", "mask": {"kind": "connected", "point": [4, 0]}, "class": CAR},
            "operations.1 (paint): pixel (4, 0): expected one of the 4 x 8 of the picture",
        ),
        (
            {"do": "paint", "mask": WHOLE_COLUMN | {"bits": packed(b"\xf0\x00")}, "class": CAR},
            "operations.1 (paint): bitmap.bits: found more, expected 1 bytes, no more and no less",
        ),
        (
            {"do": "paint", "mask": WHOLE_COLUMN | {"height": 2048, "width": 1025}, "class": CAR},
            "operations.1 (paint): bitmap: found 2048x1025 (HxW), expected at most 2097152 pixels",
        ),
    ],
)
def test_the_first_that_cannot_be_done_is_named(street: Scene, operation: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        edited(street, {"do": "compact"}, operation, {"do": "compact"})
    assert str(refused.value) == expected


def test_too_many_operations_or_objects_are_refused(street: Scene) -> None:
    with pytest.raises(ValueError, match="operations: found 3, expected at most 2"):
        edited(street, *[{"do": "compact"}] * 3, limits=Limits(operations=2))
    copy = {"do": "duplicate", "instance": 2, "down": 1, "right": 0}
    with pytest.raises(ValueError, match=r"operations.1 \(duplicate\): scene .* found 6 instances, expected at most 5"):
        edited(street, copy, copy, limits=Limits(instances=5))


def test_work_that_nobody_wants_stops_between_operations(street: Scene) -> None:
    checked = []

    def check() -> None:
        checked.append(1)
        if len(checked) == 3:
            raise StoppedError

    operations = _OPERATIONS.validate_python([{"do": "compact"}] * 5)
    with pytest.raises(StoppedError):
        apply_operations(street, operations, Course(Limits(), check))
    assert len(checked) == 3


@pytest.mark.parametrize(
    "operation",
    [
        {"do": "explode"},
        {"do": "move", "instance": 1, "down": 1},
        {"do": "move", "instance": 1, "down": 0.5, "right": 0},
        {"do": "move", "instance": 1, "down": 2**21, "right": 0},
        {"do": "move", "instance": -1, "down": 0, "right": 0},
        {"do": "scale", "instance": 1, "factor": 0.0009},
        {"do": "scale", "instance": 1, "factor": float("inf")},
        {"do": "merge", "instances": [1]},
        {"do": "merge", "instances": list(range(2**16 + 1))},
        {"do": "set_style", "instance": 1, "style": [float("nan"), 0.0]},
        {"do": "set_style", "instance": 1, "style": "red"},
        {"do": "paint", "mask": {"kind": "brush", "points": [], "radius": 1}, "class": 1},
        {"do": "paint", "mask": {"kind": "brush", "points": [[1, 2]] * 4097, "radius": 1}, "class": 1},
        {"do": "paint", "mask": {"kind": "brush", "points": [[1, float("nan")]], "radius": 1}, "class": 1},
        {"do": "paint", "mask": {"kind": "polygon", "points": [[1, 2], [3, 4]]}, "class": 1},
        {"do": "paint", "mask": {"kind": "connected", "point": [1]}, "class": 1},
        {"do": "add_object", "mask": {"kind": "connected", "point": [1, 1]}, "class": 1},
        {"do": "compact", "more": 1},
    ],
)
def test_what_is_no_operation_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _OPERATIONS.validate_python([operation])

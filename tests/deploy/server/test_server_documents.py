import base64
import json
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from components.inference.editing import Scene
from deploy.server.documents import OtherModelError, SceneDocument, scene_document
from deploy.server.limits import Limits, allowed_sizes, inflated
from deploy.server.served import ServedModel
from tests.deploy.server.tiny_server import CAR, ROAD, SKY, packed, scene

LIMITS = Limits(pixels=64, instances=5)
STREET = scene([[0, 0, 1, 2], [0, 0, 1, 2], [3, 3, 3, 3], [3, 3, 3, 3]], [ROAD, CAR, CAR, SKY])


def read(model: ServedModel, document: dict[str, Any], limits: Limits = LIMITS) -> Scene:
    return SceneDocument.model_validate_json(json.dumps(document)).scene(model, limits)


def test_a_scene_is_what_its_document_says(model: ServedModel) -> None:
    found = read(model, STREET | {"seed": 7})
    assert found.instance.tolist() == [[0, 0, 1, 2], [0, 0, 1, 2], [3, 3, 3, 3], [3, 3, 3, 3]]
    assert found.label.tolist() == [[ROAD, ROAD, CAR, CAR]] * 2 + [[SKY] * 4] * 2
    assert found.styles.tolist() == [[100, 0], [101, 0], [102, 0], [103, 0]]
    assert (found.seed, found.has_instances, found.instance.dtype.name) == (7, (False, True, False), "int32")


def test_a_document_packs_ids_in_two_bytes_the_lower_first(model: ServedModel) -> None:
    document = scene_document(read(model, STREET))
    content = zlib.decompress(base64.b64decode(document["instance"]))
    assert content[:8] == bytes([0, 0, 0, 0, 1, 0, 2, 0])
    assert (document["classes"], document["styles"][1]) == ([ROAD, CAR, CAR, SKY], [101.0, 0.0])


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_scene_comes_back_from_its_document(model: ServedModel, data: st.DataObject) -> None:
    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
    count = data.draw(st.integers(1, 5))
    height, width = data.draw(st.sampled_from([(4, 4), (8, 4), (4, 16)]))
    ids = data.draw(st.lists(st.integers(0, count - 1), min_size=height * width, max_size=height * width))
    styles = data.draw(st.lists(st.lists(numbers, min_size=2, max_size=2), min_size=count, max_size=count))
    first = read(model, scene(np.array(ids).reshape(height, width), [CAR] * count, styles))
    again = SceneDocument.model_validate_json(json.dumps(scene_document(first))).scene(model, LIMITS)
    for name in ("instance", "classes", "styles"):
        assert np.array_equal(getattr(first, name), getattr(again, name))


def test_an_id_without_pixels_may_be_without_class(model: ServedModel) -> None:
    assert read(model, scene([[1] * 4] * 4, [-1, CAR])).classes.tolist() == [-1, CAR]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"height": 5}, "scene: found 5x4 (HxW), expected multiples of 4, such as 8x4 or 4x4"),
        ({"height": 3}, "scene: found 3x4 (HxW), expected multiples of 4, such as 4x4"),
        ({"height": 16, "width": 8}, "scene: found 16x8 (HxW), expected at most 64 pixels"),
        ({"classes": [CAR] * 6}, "scene.classes: found 6 instances, expected at most 5"),
        ({"classes": [ROAD, CAR, CAR]}, "scene.styles: found 4, expected 3, one an id"),
        ({"classes": [ROAD, CAR, CAR, -1]}, "scene.classes: found -1 for id 3, expected its class, as it has pixels"),
        (
            {"classes": [ROAD, CAR, CAR, ROAD]},
            "scene.classes: found 2 ids of class 0, expected one, as it has no instances",
        ),
        ({"instance": packed(bytes(31))}, "scene.instance: found 31, or something after them, expected 32 bytes"),
        ({"instance": packed(bytes(33))}, "scene.instance: found more, expected 32 bytes"),
        ({"instance": "?"}, "scene.instance: found no base64, expected that of zlib"),
        ({"instance": "AAAA"}, "scene.instance: found no zlib in the base64, expected 32 bytes in it"),
        ({"instance": packed(bytes([4, 0] * 16))}, "scene.instance: found id 4, expected 0..3, as many as classes"),
        ({"styles": [[1e39, 0.0]] * 4}, "scene.styles: found a number that float32 cannot hold, expected finite ones"),
    ],
)
def test_a_document_that_does_not_fit_is_refused(model: ServedModel, change: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        read(model, STREET | change)
    assert str(refused.value).startswith(expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"classes": [ROAD, CAR, CAR, 3]},
            "scene.classes: found 3, expected at most 2: was the scene made with another model?",
        ),
        (
            {"styles": [[1.0, 2.0, 3.0]] * 4},
            "scene.styles: found a style of 3 numbers, expected 2: was the scene made with another model?",
        ),
    ],
)
def test_a_scene_of_another_model_is_told_from_a_wrong_one(
    model: ServedModel, change: dict[str, Any], expected: str
) -> None:
    with pytest.raises(OtherModelError) as refused:
        read(model, STREET | change)
    assert str(refused.value) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"height": 4.5},
        {"height": "4"},
        {"height": True},
        {"height": 0},
        {"classes": []},
        {"classes": [256]},
        {"styles": [["1", 0]] * 4},
        {"styles": [[float("nan"), 0]] * 4},
        {"styles": [[float("inf"), 0]] * 4},
        {"seed": -1},
        {"seed": 2**53},
        {"instance": 5},
        {"more": 1},
    ],
)
def test_wrong_types_and_what_is_not_finite_are_no_document(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SceneDocument.model_validate_json(json.dumps(STREET | change))


def test_of_a_bomb_no_more_is_unpacked_than_asked_for() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(100 * 2**20), 9)).decode()
    assert len(bomb) < 200_000
    with pytest.raises(ValueError, match="found more, expected 32 bytes"):
        inflated("bits", bomb, 32)


def test_zlib_that_is_cut_off_or_goes_on_is_refused() -> None:
    whole = zlib.compress(bytes(range(32)))
    for wrong in (whole[:-1], whole + b"x"):
        with pytest.raises(ValueError, match="expected 32 bytes"):
            inflated("bits", base64.b64encode(wrong).decode(), 32)


def test_the_next_sizes_are_the_larger_and_the_smaller_one() -> None:
    assert allowed_sizes(9, 17, 8) == [(16, 24), (8, 16)]
    assert allowed_sizes(7, 17, 8) == [(8, 24)]
    assert allowed_sizes(8, 16, 8) == [(8, 16)]


@pytest.mark.parametrize("name", ["bytes", "pixels", "instances", "operations", "queue", "batch", "deadline"])
def test_a_limit_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: found 0, expected more than 0"):
        Limits(**{name: 0})


def test_limits_are_no_larger_than_documents_allow() -> None:
    with pytest.raises(ValueError, match="instances: found 65537, expected at most 65536"):
        Limits(instances=65537)
    with pytest.raises(ValueError, match="operations: found 4097, expected at most 4096"):
        Limits(operations=4097)

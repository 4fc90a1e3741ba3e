"""Scenes, operations, bodies and paths that somebody made to break the server: each is refused with the reason."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.deploy.server.hostile_requests import SETTINGS, send_json, small_server, told
from tests.deploy.server.tiny_server import packed, scene

SCENE = scene([[0, 0, 1, 1] * 2, [0, 0, 1, 1] * 2, [2] * 8, [2] * 8], [0, 1, 2])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with small_server(tmp_path_factory.mktemp("hostile") / "bundle") as opened:
        yield opened


WHOLE = packed(bytes(2 * 32))


@settings(max_examples=200, **SETTINGS)
@given(
    text=st.one_of(
        st.text(max_size=50), st.binary(max_size=60).map(packed), st.integers(0, 60).map(lambda n: WHOLE[:n])
    )
)
@example(text=packed(bytes(2**26)))
@example(text=packed(bytes(63)))
@example(text=packed(b"\xff" * 64))
@example(text=WHOLE + "\n")
@example(text=WHOLE[:-4] + "AAAA")
def test_an_instance_map_that_is_none_is_refused(server: TestClient, text: str) -> None:
    small = scene([[0] * 8] * 4, [0], [[1.0, 2.0]])
    status = send_json(server, "/api/scenes/picture", {"scene": small | {"instance": text}, "format": "png"})
    assert status == 422 or packed(bytes(64)) == text


NUMBERS = st.one_of(
    st.integers(-3, 10),
    st.sampled_from([2**31, -(2**31), 2**63, 10**400, 1e308, -1e308, 5e-324, 0.5, True]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.none(),
    st.text(max_size=3),
)
POINT = st.lists(NUMBERS, min_size=2, max_size=2)
MASK = st.one_of(
    st.fixed_dictionaries({"kind": st.just("brush"), "points": st.lists(POINT, max_size=4), "radius": NUMBERS}),
    st.fixed_dictionaries({"kind": st.just("polygon"), "points": st.lists(POINT, max_size=6)}),
    st.fixed_dictionaries({"kind": st.just("connected"), "point": POINT}),
    st.fixed_dictionaries(
        {
            "kind": st.just("bitmap"),
            "height": st.one_of(st.just(2), NUMBERS),
            "width": st.one_of(st.just(3), NUMBERS),
            "top": NUMBERS,
            "left": NUMBERS,
            "bits": st.sampled_from([packed(bytes([0b01011100])), packed(bytes(2**24)), "", "AAAA"]),
        }
    ),
)
IN_SCENE = st.integers(0, 2)
SOUND_MASK = st.sampled_from(
    [
        {"kind": "brush", "points": [[1.5, 2.0], [2.0, 3.5]], "radius": 1.0},
        {"kind": "polygon", "points": [[0, 0], [0, 4], [4, 0]]},
        {"kind": "connected", "point": [1, 2]},
        {"kind": "bitmap", "height": 2, "width": 3, "top": -1, "left": 6, "bits": packed(bytes([0b01011100]))},
    ]
)


def _mostly(sound: Any, wild: Any) -> Any:
    """Wild once in six times, so that many operations get as far as the scene."""
    return st.integers(0, 5).flatmap(lambda number: wild if number == 5 else sound)


FIELDS: dict[str, Any] = {
    "mask": _mostly(SOUND_MASK, MASK),
    "class": _mostly(IN_SCENE, NUMBERS),
    "instance": _mostly(IN_SCENE, NUMBERS),
    "style": _mostly(st.sampled_from([0, [7.0, 8.0]]), st.one_of(NUMBERS, st.lists(NUMBERS, max_size=3))),
    "fill": _mostly(st.sampled_from([0, 2, None]), NUMBERS),
    "down": _mostly(st.integers(-2, 2), NUMBERS),
    "right": _mostly(st.integers(-4, 4), NUMBERS),
    "factor": _mostly(st.sampled_from([0.5, 1, 2.5]), NUMBERS),
    "instances": _mostly(st.lists(IN_SCENE, max_size=3), st.lists(NUMBERS, max_size=4)),
    "seed": _mostly(IN_SCENE, NUMBERS),
}
OPERATIONS: dict[str, tuple[str, ...]] = {
    "paint": ("mask", "class", "instance", "style"),
    "erase": ("instance", "mask", "fill"),
    "add_object": ("mask", "class", "style"),
    "remove": ("instance", "fill"),
    "move": ("instance", "down", "right", "fill"),
    "scale": ("instance", "factor", "fill"),
    "duplicate": ("instance", "down", "right"),
    "change_class": ("instance", "class"),
    "merge": ("instances",),
    "split": ("instance", "mask"),
    "split_connected": ("instance",),
    "set_style": ("instance", "style"),
    "set_class_style": ("class", "style"),
    "draw_styles": ("seed", "instances"),
    "compact": (),
}
OPERATION = st.sampled_from(sorted(OPERATIONS)).flatmap(
    lambda do: st.fixed_dictionaries({"do": st.just(do)} | {name: FIELDS[name] for name in OPERATIONS[do]})
)


@settings(max_examples=800, **SETTINGS)
@given(operations=st.lists(OPERATION, min_size=1, max_size=3), picture_format=st.sampled_from(["png", "webp", None]))
def test_operations_with_wild_numbers_are_refused_or_give_a_sound_scene(
    server: TestClient, operations: list[dict[str, Any]], picture_format: str | None
) -> None:
    body = {"scene": SCENE, "operations": operations, "format": picture_format}
    content = json.dumps(body).encode()
    answer = server.post("/api/scenes/edit", content=content, headers={"Content-Type": "application/json"})
    if told(answer) == 200:
        again = {"scene": answer.json()["scene"], "operations": [{"do": "compact"}], "format": None}
        assert send_json(server, "/api/scenes/edit", again) == 200


@settings(max_examples=200, **SETTINGS)
@given(name=st.sampled_from(sorted(SCENE)), value=st.one_of(NUMBERS, st.lists(NUMBERS, max_size=3), st.just({})))
@example(name="styles", value=[[float("nan"), 0.0]] * 3)
@example(name="styles", value=[[1e39, 0.0]] * 3)
@example(name="classes", value=[0, 1, 3])
@example(name="classes", value=[0, 1, -1])
@example(name="classes", value=[0] * 65)
@example(name="height", value=4096)
def test_a_scene_with_a_field_that_is_none_is_refused_or_sound(server: TestClient, name: str, value: Any) -> None:
    changed = SCENE | {name: value}
    for path, more in (("picture", {"format": "webp"}), ("thumbnails", {"instance": 1}), ("maps", {})):
        send_json(server, f"/api/scenes/{path}", {"scene": changed} | more)


HOSTILE_BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "no text": b"\xff\xfe\x00",
    "a list that is too deep": b"[" * 100_000,
    "objects that are too deep": b'{"scene":' * 50_000,
    "a number of a million digits": b'{"height": ' + b"9" * 500_000 + b', "width": 8, "class": 0}',
    "the same name twice": b'{"height": 4, "height": 8, "width": 8, "class": 0}',
    "no number": b'{"height": NaN, "width": Infinity, "class": 0}',
    "a surrogate alone": b'{"height": "\\ud800", "width": 8, "class": 0}',
    "a control character": b'{"height\\u0000\\u001b[31m": 4, "width": 8, "class": 0}',
    "a list": b"[]",
}


@pytest.mark.parametrize("name", HOSTILE_BODIES)
def test_a_hostile_body_is_refused(server: TestClient, name: str) -> None:
    for path in ("/api/scenes/empty", "/api/scenes/edit", "/api/scenes/picture"):
        status = send_json(server, path, HOSTILE_BODIES[name])
        assert status in (400, 422) or (name, path) == ("the same name twice", "/api/scenes/empty")


def test_a_body_beyond_the_limit_is_refused_by_its_length_and_by_what_comes(server: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    assert told(server.post("/api/scenes/empty", content=bytes(2**20 + 1), headers=headers)) == 413

    def parts() -> Iterator[bytes]:
        for _ in range(20):
            yield bytes(2**16)

    assert told(server.post("/api/scenes/empty", content=parts(), headers=headers)) == 413
    liar = headers | {"Content-Length": "-1"}
    assert told(server.post("/api/scenes/empty", content=b"{}", headers=liar)) in (400, 413)


@pytest.mark.parametrize(
    "path",
    [
        "/api/samples/..%2f..%2fbundle.json",
        "/api/samples/%00",
        "/api/samples/street_1%0a",
        "/api/styles/1/-1/thumbnail",
        "/api/styles/99999999999999999999/0/thumbnail",
        "/page/..%2f..%2fserved.py",
        "/page/%2e%2e/%2e%2e/served.py",
        "/page/%00",
        "//api/bundle",
    ],
)
def test_a_path_that_leads_elsewhere_finds_nothing(server: TestClient, path: str) -> None:
    answer = server.get(path)
    assert answer.status_code in (404, 422)
    assert b"import" not in answer.content

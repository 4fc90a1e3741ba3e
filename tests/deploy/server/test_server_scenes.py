import base64
import io
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from deploy.server.application import create_application
from deploy.server.batching import ExpiredError
from deploy.server.limits import Limits
from deploy.server.served import Served, ServedModel
from tests.deploy.server.tiny_server import CAR, INSTANCE, LABEL, ROAD, SKY, ids_of, pixels_of, png, scene, write_bundle

STREET = scene([[0, 0, 1, 1]] * 2 + [[0, 0, 0, 0]] * 2, [ROAD, CAR])  # blue 100 and 101
PAINT_SKY = {"do": "paint", "mask": {"kind": "connected", "point": [0, 0]}, "class": SKY}


def detail(answer: Any, status: int) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    return str(answer.json()["detail"])


def batches(client: TestClient) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("server_batch_pictures_count"))


def test_maps_become_a_scene_with_ids_of_its_own(client: TestClient) -> None:
    files = {"label": png(LABEL), "instance": png(INSTANCE, np.uint16)}
    made = client.post("/api/scenes", files=files, data={"seed": "3"}).json()
    # By class, then by the id in the map: road, car 4, car 9, sky.
    assert ids_of(made) == [[3] * 8] * 2 + [[0, 1, 1, 0, 0, 0, 2, 0]] * 2
    assert (made["classes"], made["seed"]) == ([ROAD, CAR, CAR, SKY], 3)
    assert made["styles"][1:] == [[30, 3], [30, 3], [0, 0]]


def test_without_instance_map_each_connected_region_is_an_object(client: TestClient) -> None:
    made = client.post("/api/scenes", files={"label": png(LABEL)}).json()
    assert ids_of(made)[2] == [1, 2, 2, 1, 1, 1, 3, 1]
    assert made["classes"] == [SKY, ROAD, CAR, CAR]


def test_a_map_of_another_size_is_refused_or_resized(client: TestClient) -> None:
    label = png([[ROAD] * 5 + [SKY] * 4] * 7)
    refused = client.post("/api/scenes", files={"label": label})
    expected = (
        "label: found 7x9 (HxW), expected multiples of 4; the size 8x12 is the next one; resize=true takes the nearest"
    )
    assert detail(refused, 422) == expected
    made = client.post("/api/scenes", files={"label": label}, data={"resize": "true"}).json()
    assert (made["height"], made["width"]) == (8, 8)
    assert ids_of(made) == [[0] * 4 + [1] * 4] * 8  # columns 0, 1, 2, 3 | 5, 6, 7, 8 of the map


def test_maps_that_do_not_fit_name_the_field(client: TestClient) -> None:
    both = {"label": png([[ROAD] * 4] * 4), "instance": png([[1] * 8] * 4)}
    assert (
        detail(client.post("/api/scenes", files=both), 422)
        == "instance: found 4x8 (HxW), expected 4x4, the size of label"
    )
    unknown = {"label": png([[5] * 4] * 4)}
    assert detail(client.post("/api/scenes", files=unknown), 422) == "label: found class 5, expected 0..2"
    assert detail(client.post("/api/scenes"), 422) == "body.label: Field required"


def test_too_many_objects_in_a_map_are_refused(model: ServedModel) -> None:
    with TestClient(create_application(Served(model), Limits(instances=3))) as client:
        chequered = {"label": png([[CAR, ROAD] * 4, [ROAD] * 8] * 2)}
        assert (
            detail(client.post("/api/scenes", files=chequered), 422) == "label: found 9 instances, expected at most 3"
        )


def test_an_empty_scene_is_one_region(client: TestClient) -> None:
    made = client.post("/api/scenes/empty", json={"height": 4, "width": 8, "class": CAR, "seed": 2}).json()
    assert (ids_of(made), made["classes"], made["styles"]) == ([[0] * 8] * 4, [CAR], [[30, 3]])
    wrong = client.post("/api/scenes/empty", json={"height": 4, "width": 8, "class": 3})
    assert detail(wrong, 422) == "class: found 3, expected one of the 3 of the model"
    odd = client.post("/api/scenes/empty", json={"height": 6, "width": 8, "class": 0})
    assert detail(odd, 422) == "scene: found 6x8 (HxW), expected multiples of 4, such as 8x8 or 4x8"


def test_the_picture_is_the_models(client: TestClient) -> None:
    answer = client.post("/api/scenes/picture", json={"scene": STREET})
    assert answer.headers["content-type"] == "image/png"
    road, car = [ROAD, 0, 100], [CAR, 1, 101]
    assert pixels_of(answer.content).tolist() == [[road, road, car, car]] * 2 + [[road] * 4] * 2
    webp = client.post("/api/scenes/picture", json={"scene": STREET, "format": "webp"})
    with Image.open(io.BytesIO(webp.content)) as image:
        assert (webp.headers["content-type"], image.format, image.size) == ("image/webp", "WEBP", (4, 4))


def test_an_edit_gives_the_scene_and_its_picture(client: TestClient) -> None:
    asked = {"scene": STREET, "operations": [PAINT_SKY], "format": "png"}
    found = client.post("/api/scenes/edit", json=asked).json()
    assert (ids_of(found["scene"]), found["media_type"]) == ([[2, 2, 1, 1]] * 2 + [[2] * 4] * 2, "image/png")
    picture = pixels_of(base64.b64decode(found["picture"]))
    assert picture[0].tolist() == [[SKY, 2, 0]] * 2 + [[CAR, 1, 101]] * 2


def test_an_edit_without_format_makes_no_picture(client: TestClient) -> None:
    before = batches(client)
    found = client.post("/api/scenes/edit", json={"scene": STREET, "operations": []}).json()
    assert (found["scene"]["classes"], found["picture"], found["media_type"]) == ([ROAD, CAR], None, None)
    assert batches(client) == before
    client.post("/api/scenes/picture", json={"scene": STREET})
    assert batches(client) == before + 1


def test_an_edit_that_fails_changes_nothing_and_names_the_operation(client: TestClient) -> None:
    asked = {"scene": STREET, "operations": [PAINT_SKY, {"do": "remove", "instance": 8}]}
    assert (
        detail(client.post("/api/scenes/edit", json=asked), 422) == "operations.1 (remove): instance 8: expected 0..2"
    )
    unknown = {"scene": STREET, "operations": [PAINT_SKY, {"do": "explode"}]}
    assert detail(client.post("/api/scenes/edit", json=unknown), 422).startswith("body.operations.1: ")


def test_work_that_sees_the_deadline_pass_ends_in_the_same_answer(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*arguments: object) -> None:
        raise ExpiredError

    monkeypatch.setattr("deploy.server.routes_scenes.apply_operations", late)
    answer = client.post("/api/scenes/edit", json={"scene": STREET, "operations": []})
    assert detail(answer, 504) == "found no answer within 30 s; the server has too much to do"


def test_a_scene_of_another_model_is_a_conflict(client: TestClient) -> None:
    other = STREET | {"styles": [[1.0], [2.0]]}
    for path, more in (("picture", {}), ("edit", {"operations": []}), ("thumbnails", {"instance": 0}), ("maps", {})):
        answer = client.post(f"/api/scenes/{path}", json={"scene": other, **more})
        assert detail(answer, 409) == (
            "scene.styles: found a style of 1 numbers, expected 2: was the scene made with another model?"
        )


def test_thumbnails_show_the_scene_around_the_object_in_each_style(client: TestClient) -> None:
    wide = scene([[0] * 40] * 36 + [[0] * 20 + [1] * 4 + [0] * 16] * 4, [SKY, ROAD])
    found = client.post("/api/scenes/thumbnails", json={"scene": wide, "instance": 1}).json()
    # A margin of a quarter of 16 pixels, cut at the lower edge.
    assert (found["class"], found["box"]) == (ROAD, {"top": 32, "left": 16, "height": 8, "width": 12})
    assert [each["number"] for each in found["thumbnails"]] == [0, 1]
    for each, blue in zip(found["thumbnails"], (10, 20), strict=True):
        picture = pixels_of(base64.b64decode(each["picture"]))
        assert (picture.shape, picture[7, 4].tolist(), picture[0, 0].tolist()) == (
            (8, 12, 3),
            [ROAD, 1, blue],
            [SKY, 0, 100],
        )


def test_an_object_without_styles_has_no_thumbnails(client: TestClient) -> None:
    sky = scene([[0] * 4] * 4, [SKY])
    assert client.post("/api/scenes/thumbnails", json={"scene": sky, "instance": 0}).json()["thumbnails"] == []
    gone = client.post("/api/scenes/thumbnails", json={"scene": sky, "instance": 1})
    assert detail(gone, 422) == "instance 1: expected 0..0"


def test_of_exported_maps_the_same_picture_is_made_again(client: TestClient) -> None:
    exported = client.post("/api/scenes/maps", json={"scene": STREET})
    assert exported.headers["content-type"] == "application/zip"
    with ZipFile(io.BytesIO(exported.content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert sorted(files) == ["instance.png", "label.png", "picture.png", "styles.json"]
    assert pixels_of(files["label.png"]).tolist() == [[ROAD, ROAD, CAR, CAR]] * 2 + [[ROAD] * 4] * 2
    with Image.open(io.BytesIO(files["label.png"])) as label:
        assert (label.mode, label.convert("RGB").getpixel((3, 0))) == ("P", (1, 0, 0))  # the colour of cars
    assert pixels_of(files["instance.png"]).dtype == np.uint16
    assert json.loads(files["styles.json"]) == STREET["styles"]
    maps = {"label": files["label.png"], "instance": files["instance.png"]}
    made = client.post("/api/synthesize", files=maps, data={"styles": files["styles.json"].decode()})
    assert made.content == files["picture.png"]


@pytest.mark.parametrize("inputs", [("label",), ("label", "instance")])
def test_a_model_without_styles_or_instances_edits_too(tmp_path: Path, inputs: tuple[str, ...]) -> None:
    model = ServedModel.load(write_bundle(tmp_path / "bundle", inputs=inputs))
    plain = STREET | {"styles": [[], []]}
    with TestClient(create_application(Served(model), Limits())) as client:
        asked = {"scene": plain, "operations": [PAINT_SKY], "format": "png"}
        found = client.post("/api/scenes/edit", json=asked).json()
        assert found["scene"]["styles"] == [[], [], []]
        green = [2, 2, 1, 1] if "instance" in inputs else [0] * 4
        picture = pixels_of(base64.b64decode(found["picture"]))
        assert picture[0].tolist() == [[red, each, 0] for red, each in zip([SKY, SKY, CAR, CAR], green, strict=True)]
        assert client.get("/api/styles").json() == []


def test_a_model_of_pictures_has_no_scenes(tmp_path: Path) -> None:
    model = ServedModel.load(write_bundle(tmp_path / "bundle", inputs=("picture",)))
    photo = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    with TestClient(create_application(Served(model), Limits())) as client:
        assert "this model takes pictures" in detail(client.post("/api/scenes/picture", json={"scene": STREET}), 409)
        assert "this model takes pictures" in detail(client.post("/api/scenes", files={"label": png(LABEL)}), 409)
        empty = client.post("/api/scenes/empty", json={"height": 4, "width": 4, "class": 0})
        assert "this model takes pictures" in detail(empty, 409)
        made = client.post("/api/synthesize", files={"picture": png(photo)})
        assert np.array_equal(pixels_of(made.content), photo)
        assert detail(client.post("/api/synthesize", files={"label": png(LABEL)}), 409).startswith("found another")
        assert client.get("/api/bundle").json()["classes"] == []

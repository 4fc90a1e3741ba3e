import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from deploy.server.application import create_application
from deploy.server.limits import Limits
from deploy.server.photos import _encoder_size
from deploy.server.served import Served, ServedModel
from tests.deploy.server.test_server_scenes import detail
from tests.deploy.server.tiny_server import CAR, INSTANCE, LABEL, ROAD, SKY, pixels_of, png, write_bundle

ROW = [1, 2, 2, 1, 1, 1, 3, 1]  # ids of the connected regions in a row with cars


def test_a_label_map_alone_becomes_a_picture(client: TestClient) -> None:
    made = client.post("/api/synthesize", files={"label": png(LABEL)}, data={"seed": "1"})
    assert (made.status_code, made.headers["content-type"]) == (200, "image/png")
    picture = pixels_of(made.content)
    assert picture[0].tolist() == [[SKY, 0, 0]] * 8
    assert picture[2, :, 0].tolist() == [ROAD, CAR, CAR, ROAD, ROAD, ROAD, CAR, ROAD]
    assert picture[2, :, 1].tolist() == ROW
    assert picture[2, 1].tolist() == [CAR, 2, 30]
    assert picture[2, 0, 2] in (10, 20)


def test_ids_are_numbered_anew_unless_styles_are_given(client: TestClient) -> None:
    maps = {"label": png(LABEL), "instance": png(INSTANCE)}  # 3, 4, 7, 9
    assert pixels_of(client.post("/api/synthesize", files=maps).content)[2, :3, 1].tolist() == [0, 1, 1]
    rows = [[float(number), 0.0] for number in range(10)]
    made = client.post("/api/synthesize", files=maps, data={"styles": json.dumps(rows)})
    assert pixels_of(made.content)[2, :3].tolist() == [[ROAD, 3, 3], [CAR, 4, 4], [CAR, 4, 4]]


@pytest.mark.parametrize(
    ("styles", "expected"),
    [
        ("[[1, 2], [3, 4]]", "instance: found id 9, expected 0..1, the rows of styles"),
        ("[[1, 2, 3]]", "styles: found something else, expected JSON, a list of rows of 2 numbers"),
        ("[]", "styles: found something else, expected JSON, a list of rows of 2 numbers"),
        ("{", "styles: found no JSON, expected JSON, a list of rows of 2 numbers"),
        ("[" * 100_000, "styles: found no JSON, expected JSON, a list of rows of 2 numbers"),
        ('[["1", 2]]', "styles: found something that is no number, expected JSON, a list of rows of 2 numbers"),
        ("[[true, 2]]", "styles: found something that is no number, expected JSON, a list of rows of 2 numbers"),
        ("[[NaN, 2]]", "styles: found a number that float32 cannot hold, expected finite ones"),
        ("[[1e39, 2]]", "styles: found a number that float32 cannot hold, expected finite ones"),
        (f"[[1{'0' * 400}, 2]]", "styles: found a number that float32 cannot hold, expected finite ones"),
    ],
)
def test_styles_that_are_none_are_refused(client: TestClient, styles: str, expected: str) -> None:
    maps = {"label": png(LABEL), "instance": png(INSTANCE)}
    assert detail(client.post("/api/synthesize", files=maps, data={"styles": styles}), 422) == expected


@pytest.mark.parametrize(
    ("files", "data", "status", "expected"),
    [
        ({}, {}, 422, "label: found none, expected a PNG file"),
        ({"label": png(LABEL)}, {"seed": "-1"}, 422, "body.seed: Input should be greater than or equal to 0"),
        ({"label": png(LABEL)}, {"format": "gif"}, 422, "body.format: Input should be 'png' or 'webp'"),
        (
            {"label": png(LABEL)},
            {"styles": "[[1, 2]]"},
            422,
            "styles: found without instance, expected both: row i is the style of id i",
        ),
        (
            {"label": png(LABEL[:3])},
            {},
            422,
            "label: found 3x8 (HxW), expected multiples of 4; the size 4x8 is the next one",
        ),
        (
            {"picture": png(LABEL)},
            {},
            409,
            "found another condition, expected label alone: that is what the model takes",
        ),
    ],
)
def test_what_cannot_be_painted_is_refused(
    client: TestClient, files: dict[str, bytes], data: dict[str, str], status: int, expected: str
) -> None:
    assert detail(client.post("/api/synthesize", files=files, data=data), status) == expected


def photo() -> np.ndarray[Any, Any]:
    """Red counts rows, green columns."""
    row, column = np.mgrid[:4, :8]
    return np.stack([row, column, row], axis=-1).astype(np.uint8)


def test_a_photo_gives_the_style_of_each_object(client: TestClient) -> None:
    files = {"photo": png(photo()), "label": png(LABEL), "instance": png(INSTANCE)}
    found = client.post("/api/styles/photo", files=files).json()["styles"]
    assert [(each["instance"], each["class"]) for each in found] == [(3, ROAD), (4, CAR), (7, SKY), (9, CAR)]
    # The tiny encoder gives means of red and green: rows 2 and 3, and of the columns.
    assert [each["vector"] for each in found[1:]] == [[2.5, 1.5], [0.5, 3.5], [2.5, 6.0]]


def test_a_photo_without_maps_is_one_object_and_with_a_label_map_its_regions(client: TestClient) -> None:
    alone = client.post("/api/styles/photo", files={"photo": png(photo())}).json()["styles"]
    assert alone == [{"instance": 0, "class": None, "vector": [1.5, 3.5]}]
    found = client.post("/api/styles/photo", files={"photo": png(photo()), "label": png(LABEL)}).json()["styles"]
    assert [(each["instance"], each["class"]) for each in found] == [(0, SKY), (1, ROAD), (2, CAR), (3, CAR)]
    ids = client.post("/api/styles/photo", files={"photo": png(photo()), "instance": png(INSTANCE)}).json()["styles"]
    assert [(each["instance"], each["class"]) for each in ids] == [(3, None), (4, None), (7, None), (9, None)]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((4, 8), (4, 8)),
        ((5, 9), (4, 8)),  # never enlarged beyond a multiple
        ((3000, 6000), (8, 16)),
        ((6000, 3000), (16, 8)),
        ((1000, 1000), (8, 8)),  # 11.3 pixels a side are rounded down
        ((1, 4000), (4, 32)),
        ((4000, 1), (32, 4)),
        ((1, 1), (4, 4)),
    ],
)
def test_a_photo_is_made_as_small_as_training_pictures(found: tuple[int, int], expected: tuple[int, int]) -> None:
    assert _encoder_size(found, (8, 16), 4, Limits()) == expected


def test_a_photo_may_be_larger_than_a_scene_but_not_without_limit(model: ServedModel) -> None:
    with TestClient(create_application(Served(model), Limits(pixels=64))) as client:
        large = client.post("/api/styles/photo", files={"photo": png(np.full((32, 32, 3), 9))})
        assert large.json()["styles"][0]["vector"] == [9, 9]
        larger = client.post("/api/styles/photo", files={"photo": png(np.zeros((32, 33, 3)))})
        assert detail(larger, 422) == "photo: found 32x33 (HxW), expected at most 1024 pixels"


def test_a_map_of_another_size_than_the_photo_is_refused(client: TestClient) -> None:
    files = {"photo": png(photo()), "label": png(LABEL[:, :4])}
    assert detail(client.post("/api/styles/photo", files=files), 422) == (
        "label: found 4x4 (HxW), expected 4x8, the size of photo"
    )


def test_a_model_without_encoder_takes_no_photo(tmp_path: Path) -> None:
    model = ServedModel.load(write_bundle(tmp_path / "bundle", inputs=("label", "instance")))
    with TestClient(create_application(Served(model), Limits())) as client:
        assert "without encoder" in detail(client.post("/api/styles/photo", files={"photo": png(photo())}), 409)

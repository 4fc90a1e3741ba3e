from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from components.inference import BundleError
from components.inference.samples import Samples
from deploy.server.application import create_application
from deploy.server.limits import Limits
from deploy.server.masks import unpacked_bits
from deploy.server.served import Served, ServedModel
from tests.deploy.server.test_server_scenes import batches, detail
from tests.deploy.server.tiny_server import CAR, GALLERY, ROAD, SKY, gated, ids_of, pixels_of, write_bundle


def test_the_bundle_is_told(client: TestClient, model: ServedModel) -> None:
    told = client.get("/api/bundle").json()
    assert told["classes"][CAR] == {
        "index": 1,
        "name": "car",
        "colour": [1, 0, 0],
        "has_instances": True,
        "has_styles": True,
    }
    assert [each["has_styles"] for each in told["classes"]] == [True, True, False]
    assert told["model"] == model.digest
    assert len(told["model"]) == 12
    assert (told["style_dimension"], told["size_multiple"], told["trained_size"]) == (2, 4, {"height": 8, "width": 16})
    assert told["limits"] == {"bytes": 16 * 2**20, "pixels": 2048 * 1024, "instances": 1024, "operations": 256}
    assert (told["precision"], told["runs_on"], told["has_encoder"]) == ("float32", "CPUExecutionProvider", True)
    assert (told["scores"]["mean_iou"], told["fingerprint"]["data"], told["version"]) == (0.5, "data-a", None)


def test_styles_are_told_with_pictures_that_browsers_keep(client: TestClient) -> None:
    road, car = client.get("/api/styles").json()
    assert (road["class"], road["name"], car["class"]) == (ROAD, "road", CAR)
    assert [(each["number"], each["count"], each["vector"]) for each in road["styles"]] == [
        (0, 3, [10, 1]),
        (1, 1, [20, 2]),
    ]
    shown = client.get(car["styles"][0]["thumbnail"])
    assert shown.headers["cache-control"] == "private, max-age=86400"
    assert client.get(car["styles"][0]["thumbnail"].split("?")[0]).headers["cache-control"] == "no-store"
    # The larger of the two cars of the sample scene, and all that is within four pixels of it.
    picture = pixels_of(shown.content)
    assert picture.shape == (4, 7, 3)
    assert (picture[..., 0] == CAR).nonzero()[1].tolist() == [1, 2, 6, 1, 2, 6]
    assert set(picture[picture[..., 0] == CAR][:, 2].tolist()) == {30}


def test_a_class_without_sample_is_shown_in_the_middle_of_another(model: ServedModel) -> None:
    with TestClient(create_application(Served(replace(model, samples=Samples(), kept={})), Limits())) as client:
        picture = pixels_of(client.get("/api/styles/0/1/thumbnail").content)
        assert picture[4, picture.shape[1] // 2].tolist() == [ROAD, 0, 20]
        assert picture[0, 0, 0] == CAR
        assert client.get("/api/samples").json() == client.get("/api/gallery").json() == []


@pytest.mark.parametrize("path", ["styles/0/2", "styles/2/0", "styles/9/0", "samples/nowhere", "samples/..%2f..%2fetc"])
def test_what_there_is_not_is_not_found(client: TestClient, path: str) -> None:
    answer = client.get(f"/api/{path}/thumbnail")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_sample_is_a_scene_to_edit_with_its_picture(client: TestClient, model: ServedModel) -> None:
    (told,) = client.get("/api/samples").json()
    assert (told["name"], told["height"], told["width"]) == ("street_1", 4, 8)
    sample = client.get("/api/samples/street_1").json()
    assert ids_of(sample) == [[3] * 8] * 2 + [[0, 1, 1, 0, 0, 0, 2, 0]] * 2
    assert sample["classes"] == [ROAD, CAR, CAR, SKY]
    shown = client.get(told["thumbnail"])
    assert shown.content == client.post("/api/scenes/picture", json={"scene": sample}).content


def test_a_thumbnail_is_made_once(model: ServedModel) -> None:
    with TestClient(create_application(Served(replace(model, kept={})), Limits())) as client:
        first = client.get("/api/samples/street_1/thumbnail").content
        assert batches(client) == 1
        assert client.get("/api/samples/street_1/thumbnail").content == first
        assert batches(client) == 1


def test_the_gallery_has_masks_as_bitmaps_have_them(client: TestClient) -> None:
    (told,) = client.get("/api/gallery").json()
    assert (told["number"], told["class"], told["height"], told["width"]) == (0, CAR, 2, 3)
    assert np.array_equal(unpacked_bits("bits", told["bits"], 2, 3), GALLERY)


def test_readiness_names_the_model_and_what_was_refused(model: ServedModel) -> None:
    served = Served()
    with TestClient(create_application(served, Limits())) as client:
        assert client.get("/health").json() == {"status": "alive"}
        assert detail(client.get("/ready"), 503) == "found no model that serves yet"
        for path in ("/api/bundle", "/api/styles", "/api/samples", "/api/gallery"):
            assert client.get(path).headers["retry-after"] == "5"
        served.swap(replace(model, version="3"))
        served.refuse("version 4: its picture is black")
        told = client.get("/ready")
        assert (told.status_code, told.json()["version"], told.json()["model"]) == (200, "3", model.digest)
        assert told.json()["refused"] == "version 4: its picture is black"
        metrics = client.get("/metrics").text
        assert "server_model_refusals_total 1.0" in metrics
        assert f'server_model_info{{model="{model.digest}",name="tiny",version="3"}} 1.0' in metrics
        served.swap(model)
        assert client.get("/ready").json()["refused"] is None
        assert "server_model_switches_total 1.0" in client.get("/metrics").text


def test_a_bundle_is_tried_before_it_serves(tmp_path: Path, model: ServedModel) -> None:
    for number, inputs in enumerate((("label",), ("label", "instance"), ("picture",))):
        ServedModel.load(write_bundle(tmp_path / str(number), inputs=inputs)).self_test()
    model.self_test()
    broken, gate = gated(model, is_open=True)
    gate.synthesize = lambda **inputs: np.zeros((1, 4, 4, 3), np.uint8)  # type: ignore[method-assign]
    with pytest.raises(BundleError, match=r"found a picture of uint8 \(1, 4, 4, 3\), expected uint8 \(1, 8, 16, 3\)"):
        broken.self_test()

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from components.inference import Bundle, BundleError
from tests.tiny_bundle import write_tiny_bundle


def _change(folder: Path, **fields: object) -> None:
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_a_bundle_gives_what_its_files_say(tmp_path: Path) -> None:
    bundle = Bundle.load(write_tiny_bundle(tmp_path / "bundle"))
    assert bundle.inputs == ("label", "instance", "styles")
    assert bundle.trained_size == (8, 16)
    assert bundle.size_multiple == 4
    assert [entry.name for entry in bundle.classes] == ["road", "car", "sky"]
    assert bundle.classes[1].colour == (1, 0, 0)
    assert bundle.scores["mean_iou"] == 0.5
    assert bundle.scores["pixel_accuracy"] is None
    assert bundle.fingerprint["validation"] == "validation-a"
    assert bundle.style_bank.style(1, 0).tolist() == [30.0, 3.0]
    assert {name: (graph.file.name, graph.kind) for name, graph in bundle.graphs.items()} == {
        "float32": ("generator.onnx", None),
        "float16": ("generator-float16.onnx", "mixed"),
    }
    assert (bundle.graphs["float16"].largest_difference, bundle.graphs["float16"].mean_difference) == (0, 0.0)
    assert bundle.left_out == {"int8": "it was not tried"}
    assert bundle.encoder is not None
    assert (bundle.encoder.file.name, bundle.encoder.inputs) == ("encoder.onnx", ("image", "instance"))


def test_a_bundle_without_styles_has_no_encoder(tmp_path: Path) -> None:
    assert Bundle.load(write_tiny_bundle(tmp_path, inputs=("label",))).encoder is None


def test_the_tiny_encoder_means_red_and_green_over_the_pixels_of_an_id(tmp_path: Path) -> None:
    bundle = Bundle.load(write_tiny_bundle(tmp_path))
    assert bundle.encoder is not None
    image = np.zeros((2, 1, 3, 3), np.uint8)
    image[0, 0] = [[10, 1, 9], [30, 3, 9], [7, 8, 9]]
    image[1, 0] = [[1, 2, 9], [3, 4, 9], [5, 6, 9]]
    instance = np.array([[[0, 0, 2]], [[1, 1, 1]]], np.int32)
    session = onnxruntime.InferenceSession(bundle.encoder.file, providers=["CPUExecutionProvider"])
    (styles,) = session.run(["styles"], {"image": image, "instance": instance})
    assert styles.tolist() == [[[20, 2], [0, 0], [7, 8]], [[0, 0], [3, 4], [0, 0]]]


def test_a_changed_byte_in_a_graph_is_refused_with_both_hashes_before_it_is_used(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path)
    expected = json.loads((folder / "bundle.json").read_text())["files"]["generator.onnx"]
    graph = folder / "generator.onnx"
    assert Bundle.load(folder).verified(graph) == graph
    graph.write_bytes(graph.read_bytes()[:-1] + b"\x00")
    bundle = Bundle.load(folder)
    message = rf"generator\.onnx: found sha256 [0-9a-f]{{64}}, expected {expected}"
    with pytest.raises(BundleError, match=message):
        bundle.verified(graph)
    with pytest.raises(BundleError, match=message):
        bundle.verify()
    assert bundle.verified(bundle.graphs["float16"].file)


@pytest.mark.parametrize("name", ["classes.json", "styles.json", "model_card.md"])
def test_a_changed_byte_in_another_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    folder = write_tiny_bundle(tmp_path)
    (folder / name).write_text((folder / name).read_text() + " ")
    with pytest.raises(BundleError, match=rf"{name}: found sha256 [0-9a-f]{{64}}, expected "):
        Bundle.load(folder)


@pytest.mark.parametrize(
    "name", ["bundle.json", "generator.onnx", "generator-float16.onnx", "encoder.onnx", "classes.json", "styles.json"]
)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_tiny_bundle(tmp_path)
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name}: no such file"):
        Bundle.load(folder)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": 1}, "found format 1, expected 2"),
        ({"inputs": ["labels"]}, r"found inputs \['labels'\]"),
        ({"size_multiple": 0}, "found size_multiple 0, expected 1 or more"),
        ({"class_count": 2}, r"found classes \[0, 1, 2\], expected the 2"),
        ({"style_dimension": 3}, "found dimension 2, expected 3"),
        ({"trained_size": {"height": 8}}, "KeyError"),
        ({"files": {}}, r"found files \[\], expected generator.onnx"),
        ({"graphs": {}}, r"found graphs \[\], expected float32 among them"),
        ({"graphs": {"float32": {"file": "other.onnx", "parity": {}}}}, r"expected other\.onnx among them"),
        ({"graphs": {"float32": {}}}, "KeyError"),
        ({"encoder": {"file": "encoder.onnx", "inputs": ["photo"]}}, r"found inputs \['photo'\] of the encoder"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    folder = write_tiny_bundle(tmp_path)
    _change(folder, **fields)
    with pytest.raises(BundleError, match=message):
        Bundle.load(folder)


def test_a_file_outside_the_bundle_is_never_read(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle")
    files = json.loads((folder / "bundle.json").read_text())["files"]
    (tmp_path / "secret").write_text("s")
    _change(folder, files=files | {"../secret": "0"})
    with pytest.raises(BundleError, match=r"found file '\.\./secret', expected one inside the bundle"):
        Bundle.load(folder)


def test_files_may_be_links_into_a_cache(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle")
    (folder / "generator.onnx").rename(tmp_path / "cached")
    (folder / "generator.onnx").symlink_to(tmp_path / "cached")
    assert Bundle.load(folder).verified(folder / "generator.onnx").read_bytes() == (tmp_path / "cached").read_bytes()


def test_text_that_is_not_json_is_refused_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text("{")
    with pytest.raises(BundleError, match=r"bundle\.json: found .*, expected JSON"):
        Bundle.load(tmp_path)

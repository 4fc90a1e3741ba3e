import json
from pathlib import Path

import numpy as np
import pytest

from components.inference import BundleError, StyleEncoder
from components.inference.providers import CPU
from tests.tiny_bundle import write_tiny_bundle


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> StyleEncoder:
    return StyleEncoder(write_tiny_bundle(tmp_path_factory.mktemp("bundle")), threads=1)


def _image() -> np.ndarray:
    image = np.zeros((2, 4, 4, 3), np.uint8)
    image[0, :, :2] = (10, 20, 0)
    image[0, :, 2:] = (30, 40, 0)
    image[1] = (50, 60, 0)
    return image


def test_each_instance_has_the_mean_over_its_pixels_and_absent_ids_have_zeros(encoder: StyleEncoder) -> None:
    instance = np.zeros((2, 4, 4), np.int32)
    instance[0, :, 2:] = 2
    instance[0, 0, 0] = 2  # three pixels of 30 and 40 to one of 10 and 20: means (8 * 30 + 10) / 9 and so on
    styles = encoder.encode(_image(), instance)
    assert styles.dtype == np.float32
    expected: list[list[list[float]]] = [[[10, 20], [0, 0], [250 / 9, 340 / 9]], [[50, 60], [0, 0], [0, 0]]]
    np.testing.assert_allclose(styles, expected, rtol=1e-6)


def test_a_label_map_is_left_aside_where_the_encoder_needs_none(encoder: StyleEncoder) -> None:
    instance = np.zeros((2, 4, 4), np.int32)
    with_label = encoder.encode(_image(), instance, np.full((2, 4, 4), 200, np.uint8))
    assert np.array_equal(with_label, encoder.encode(_image(), instance))


def test_the_report_names_the_graph_and_the_provider(encoder: StyleEncoder) -> None:
    assert encoder.report().startswith(f"encoder.onnx: {CPU}, ")
    assert encoder.providers == (CPU,)


@pytest.mark.parametrize(
    ("image", "instance", "message"),
    [
        (np.zeros((1, 4, 4, 3), np.float32), np.zeros((1, 4, 4), np.int32), "image: found float32, expected an array"),
        (np.zeros((1, 4, 4), np.uint8), np.zeros((1, 4, 4), np.int32), r"image: found shape \(1, 4, 4\), expected"),
        (np.zeros((1, 4, 4, 3), np.uint8), np.zeros((1, 4, 8), np.int32), r"instance: found \(1, 4, 8\) for N, H, W"),
        (np.zeros((1, 4, 4, 3), np.uint8), np.full((1, 4, 4), -1, np.int32), "instance: found id -1, expected 0"),
        (np.zeros((1, 4, 6, 3), np.uint8), np.zeros((1, 4, 6), np.int32), "image: found 1 pictures of 4x6"),
    ],
)
def test_a_wrong_input_is_named(encoder: StyleEncoder, image: np.ndarray, instance: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encoder.encode(image, instance)


def test_a_label_map_that_the_encoder_needs_is_missed(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path)
    document = json.loads((folder / "bundle.json").read_text())
    document["encoder"]["inputs"] = ["image", "instance", "label"]
    (folder / "bundle.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match=r"encoder\.onnx: found inputs \['image', 'instance'\], expected .*'label'"):
        StyleEncoder(folder, threads=1)


def test_a_bundle_without_an_encoder_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path, inputs=("label", "instance"))
    with pytest.raises(BundleError, match=r"bundle\.json: found no encoder, expected one"):
        StyleEncoder(folder)

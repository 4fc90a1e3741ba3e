import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from components.data.encoding import boundary_map, one_hot
from components.export.bundle import Lineage, write_bundle
from components.export.config import ExportConfig
from components.export.encoder import export_encoder
from components.export.int8 import Int8Trial
from components.export.onnx import export_onnx
from components.export.parity import ParityError, check_encoder, check_generator, encoder_cases, generator_cases
from components.export.serving import example_inputs, input_names
from components.inference import Bundle, Synthesizer
from components.models.networks import Networks
from tests.given import given
from tests.tiny import CLASSES, tiny_model, tiny_networks

pytestmark = pytest.mark.slow  # an export takes some seconds

SIZES = [(1, 32, 64), (3, 24, 16), (2, 16, 56)]  # batch, height, width: multiples of 8, not square
STYLES = {"dimension": 3, "classes": {"1": {"name": "road", "styles": [[0.1, 0.2, 0.3]], "counts": [2]}}}
CONFIG = ExportConfig(
    opset=20, tolerance=1, precisions=("float16", "int8"), int8_max_loss=0.01, calibration_maps=1, samples=0, gallery=0
)
SAMPLES: dict[str, list[Any]] = {"scenes": [], "gallery": []}
LINEAGE = Lineage(recipe="tiny", data="d", validation="v", params="p", code="c")


@dataclass(frozen=True)
class Exported:
    networks: Networks
    folder: Path
    description: dict[str, Any]


def _strong_networks(**overrides: Any) -> Networks:
    """Networks whose pictures vary: fresh weights are so small that all pixels are grey."""
    class_count = overrides.pop("class_count", len(CLASSES))
    networks = tiny_networks(tiny_model(**overrides), class_count=class_count)
    with torch.no_grad():
        networks.get_parameter("generator.head.1.weight").mul_(10)
        if networks.encoder is not None:
            networks.get_parameter("encoder.head.1.weight").mul_(10)
    return networks


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("bundle")
    networks = _strong_networks()
    inputs = example_inputs(networks, batch=1, height=32, width=64, instances=4, seed=0)
    maps = [{name: tensor.numpy() for name, tensor in zip(input_names(networks), inputs, strict=True)}]
    mean_iou = {"generator.onnx": 0.5, "generator-int8.onnx": 0.4925}
    description = write_bundle(
        folder,
        networks,
        classes=CLASSES,
        height=32,
        width=64,
        styles=STYLES,
        scores={"mean_iou": 0.25, "oracle_mean_iou": 0.75, "mean_absolute_difference": 12.5},
        lineage=LINEAGE,
        config=CONFIG,
        int8_trial=Int8Trial(maps, lambda path: mean_iou[path.name]),
        samples=SAMPLES,
    )
    return Exported(networks, folder, description)


def _maps(batch: int, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Classes in blocks of 4x4, instances in columns of 8, of which the first picture has fewer."""
    rng = np.random.default_rng(height)
    label = rng.integers(len(CLASSES), size=(batch, height // 4, width // 4), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    instance = np.broadcast_to(np.arange(width, dtype=np.int32) // 8, (batch, height, width)).copy()
    instance[0] = np.minimum(instance[0], 1)
    return label, instance


def _paint_by_loop(styles: NDArray[np.float32], instance: NDArray[np.int32]) -> torch.Tensor:
    painted = np.zeros((len(styles), styles.shape[2], *instance.shape[1:]), np.float32)
    for picture, row, column in np.ndindex(*instance.shape):
        painted[picture, :, row, column] = styles[picture, instance[picture, row, column]]
    return torch.from_numpy(painted)


def _pixels(networks: Networks, condition: torch.Tensor, features: torch.Tensor | None) -> NDArray[np.float32]:
    """(N, H, W, 3) grey levels, not rounded."""
    with torch.no_grad():
        image = networks.generator.eval()(condition, features)
    pixels: NDArray[np.float32] = ((image + 1) * 127.5).permute(0, 2, 3, 1).numpy()
    assert pixels.std() > 10, "a flat picture would prove nothing"
    return pixels


@pytest.mark.parametrize(("batch", "height", "width"), SIZES)
def test_a_bundle_serves_the_pixels_of_torch_at_any_batch_and_size(
    exported: Exported, batch: int, height: int, width: int
) -> None:
    label, instance = _maps(batch, height, width)
    styles = np.random.default_rng(1).uniform(-1, 1, (batch, 11, 3)).astype(np.float32)
    synthesizer = Synthesizer(exported.folder, threads=1, providers=["CPUExecutionProvider"])
    found = synthesizer.synthesize(label=label, instance=instance, styles=styles)
    condition = torch.cat(
        [one_hot(torch.from_numpy(label), len(CLASSES)), boundary_map(torch.from_numpy(instance))], dim=1
    )
    expected = _pixels(exported.networks, condition, _paint_by_loop(styles, instance))
    assert found.dtype == np.uint8
    assert found.shape == (batch, height, width, 3)
    assert np.abs(found - expected).max() <= 1.5  # one level and the rounding


def test_a_changed_style_changes_the_picture(exported: Exported) -> None:
    label, instance = _maps(1, 32, 64)
    styles = np.zeros((1, 8, 3), np.float32)
    synthesizer = Synthesizer(exported.folder, threads=1, providers=["CPUExecutionProvider"])
    before = synthesizer.synthesize(label=label, instance=instance, styles=styles)
    styles[0, 1] = 1
    after = synthesizer.synthesize(label=label, instance=instance, styles=styles)
    assert not np.array_equal(before, after)


def test_a_bundle_says_what_it_is(exported: Exported) -> None:
    bundle = Bundle.load(exported.folder)
    assert bundle.inputs == ("label", "instance", "styles")
    assert (bundle.class_count, bundle.style_dimension, bundle.size_multiple) == (4, 3, 8)
    assert bundle.trained_size == (32, 64)
    assert bundle.fingerprint == {"data": "d", "validation": "v", "params": "p", "code": "c"}
    assert bundle.scores == {
        "mean_iou": 0.25,
        "pixel_accuracy": None,
        "oracle_mean_iou": 0.75,
        "mean_absolute_difference": 12.5,
    }
    assert [(each.index, each.name, each.colour) for each in bundle.classes] == [
        (each.index, each.name, each.colour) for each in CLASSES
    ]
    assert [each.has_instances for each in bundle.classes] == [False, False, True, False]
    assert [each.ignored_in_scores for each in bundle.classes] == [True, False, False, False]
    np.testing.assert_allclose(bundle.style_bank.style(1, 0), [0.1, 0.2, 0.3], rtol=1e-6)


def test_a_bundle_lists_the_hash_of_each_of_its_files_and_how_well_it_agrees_with_torch(exported: Exported) -> None:
    description = json.loads((exported.folder / "bundle.json").read_text())
    assert description == json.loads(json.dumps(exported.description))
    names = {path.name for path in exported.folder.iterdir()}
    graphs = {"generator.onnx", "generator-float16.onnx", "generator-int8.onnx", "encoder.onnx"}
    assert names == graphs | {"styles.json", "classes.json", "samples.json", "model_card.md", "bundle.json"}
    assert json.loads((exported.folder / "samples.json").read_text()) == SAMPLES
    assert description["files"] == {
        name: hashlib.sha256((exported.folder / name).read_bytes()).hexdigest() for name in names - {"bundle.json"}
    }
    for name, largest in (("float32", 1), ("float16", 255), ("int8", 255)):
        parity = description["graphs"][name]["parity"]
        assert parity["cases"][0] == "1 x 32 x 64"
        assert len(parity["cases"]) == 20
        assert len({case.split(" x ", 1)[1] for case in parity["cases"]}) >= 10  # heights and widths
        assert {case[0] for case in parity["cases"]} == {"1", "2", "3"}  # batches
        assert 0 <= parity["mean_difference"] <= parity["largest_difference"] <= largest
    assert description["graphs"]["float32"]["parity"]["mean_difference"] < 0.01
    assert 0 < description["graphs"]["float16"]["parity"]["mean_difference"] < 1
    assert description["graphs"]["int8"]["mean_iou"] == 0.4925
    assert description["graphs"]["int8"]["float32_mean_iou"] == 0.5
    assert description["left_out"] == {}
    assert description["encoder"]["inputs"] == ["image", "instance"]
    assert description["encoder"]["parity"]["largest_difference"] < 1e-4
    assert description["versions"]["opset"] == 20
    assert description["producer"].startswith("semantic-synthesis ")


def test_reduced_precisions_make_smaller_files_that_take_and_give_the_same_types(exported: Exported) -> None:
    sizes, signatures = [], []
    for name in ("generator.onnx", "generator-float16.onnx", "generator-int8.onnx"):
        session = onnxruntime.InferenceSession(exported.folder / name, providers=["CPUExecutionProvider"])
        sizes.append((exported.folder / name).stat().st_size)
        signatures.append([(each.name, each.type) for each in (*session.get_inputs(), *session.get_outputs())])
    assert sizes[0] > sizes[1]
    types = {"label": "uint8", "instance": "int32", "styles": "float", "image": "uint8"}
    assert signatures == 3 * [[(name, f"tensor({kind})") for name, kind in types.items()]]


def test_int8_leaves_the_first_and_last_convolutions_in_float32(exported: Exported) -> None:
    graph = onnx.load(exported.folder / "generator-int8.onnx").graph
    float32 = [node for node in onnx.load(exported.folder / "generator.onnx").graph.node if node.op_type == "Conv"]
    maker = {output: node.op_type for node in graph.node for output in node.output}
    quantised = [maker.get(node.input[1]) == "DequantizeLinear" for node in graph.node if node.op_type == "Conv"]
    # Two stems with a part for features each, and the output; two downsamplings, and two convolutions a block.
    assert (len(float32), quantised.count(False), quantised.count(True)) == (12, 5, 7)


def test_the_encoder_gives_the_styles_that_training_sees(exported: Exported) -> None:
    image = np.random.default_rng(0).integers(256, size=(2, 16, 24, 3), dtype=np.uint8)
    _, instance = _maps(2, 16, 24)
    instance[1][instance[1] == 1] = 3  # no pixel of id 1 here
    session = onnxruntime.InferenceSession(exported.folder / "encoder.onnx", providers=["CPUExecutionProvider"])
    (styles,) = session.run(["styles"], {"image": image, "instance": instance})
    with torch.no_grad():
        photos = torch.from_numpy(image / 127.5 - 1).float().permute(0, 3, 1, 2)
        pixels = given(exported.networks.encoder).pixels(photos)
    assert styles.shape == (2, 4, 3)
    for picture, number in np.ndindex(2, 4):
        of_instance = pixels[picture].numpy()[:, instance[picture] == number]
        expected = of_instance.mean(axis=1) if of_instance.size else np.zeros(3)
        np.testing.assert_allclose(styles[picture, number], expected, atol=1e-4)
    assert (styles[1, 1] == 0).all()
    assert styles.std() > 0.01, "equal styles would prove nothing"


def test_features_of_labels_are_averaged_over_classes_and_then_over_instances(tmp_path: Path) -> None:
    networks = _strong_networks(features="label", n_downsample_encoder=4)
    path = tmp_path / "encoder.onnx"
    assert export_encoder(networks, path, opset=20) == ["image", "instance", "label"]
    cases = encoder_cases(networks, [(1, 32, 64), (3, 64, 32), (2, 48, 48)])
    assert check_encoder(path, cases).cases == ("1 x 32 x 64", "3 x 64 x 32", "2 x 48 x 48")
    # 24 is a multiple of the generator's 8 and not of the encoder's 16: the features of 32 rows are cut
    names = ["image", "instance", "label"]
    inputs = example_inputs(networks, batch=1, height=24, width=40, instances=3, seed=0, names=names)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (styles,) = session.run(None, {name: each.numpy() for name, each in zip(names, inputs, strict=True)})
    assert styles.shape == (1, 1 + int(inputs[1].max()), 3)
    with torch.no_grad():
        networks.get_parameter("encoder.head.1.bias").add_(0.5)
    with pytest.raises(ParityError, match=r"encoder\.onnx: at 1 x 32 x 64 ONNX Runtime differs from torch by 0\.\d+"):
        check_encoder(path, encoder_cases(networks, [(1, 32, 64)]))


def test_the_model_card_names_inputs_size_classes_and_scores(exported: Exported) -> None:
    card = (exported.folder / "model_card.md").read_text()
    for phrase in (
        "tiny",
        "{G1, G2}",
        "4 classes with instance maps and a style of 3 numbers",
        "64 x 32",
        "multiples of 8",
        "the ceiling): 0.75",
        "2 car",
        "generator.onnx (float32",
        "generator-float16.onnx (float16",
        "generator-int8.onnx (int8",
        "on 20 random maps; mean IoU 0.4925, with float32 0.5000",
        "encoder.onnx (styles from a photo",
    ):
        assert phrase in card


def test_weights_that_differ_from_the_graph_are_refused_with_size_and_difference(exported: Exported) -> None:
    other = _strong_networks()
    path = exported.folder / "generator.onnx"
    cases = generator_cases(other, [(1, 32, 64), (2, 24, 48)])
    assert check_generator(path, cases, tolerance=1).cases == ("1 x 32 x 64", "2 x 24 x 48")
    with torch.no_grad():
        other.get_parameter("generator.head.1.bias").add_(0.5)
    cases = generator_cases(other, [(2, 24, 48)])
    with pytest.raises(
        ParityError, match=r"generator\.onnx: at 2 x 24 x 48 ONNX Runtime differs from torch by \d+ grey"
    ):
        check_generator(path, cases, tolerance=1)
    assert check_generator(path, cases, tolerance=None).largest_difference > 1


def test_pictures_as_conditions_need_no_other_input(tmp_path: Path) -> None:
    networks = _strong_networks(class_count=0, boundary_map=False, n_features=0)
    assert input_names(networks) == ["picture"]
    export_onnx(networks, tmp_path / "generator.onnx", opset=20)
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx", providers=["CPUExecutionProvider"])
    for batch, height, width in SIZES:
        picture = np.random.default_rng(0).integers(256, size=(batch, height, width, 3), dtype=np.uint8)
        (found,) = session.run(["image"], {"picture": picture})
        condition = torch.from_numpy(picture / 127.5 - 1).float().permute(0, 3, 1, 2)
        assert np.abs(found - _pixels(networks, condition, None)).max() <= 1.5


def test_labels_without_boundary_map_and_features_need_no_instances(tmp_path: Path) -> None:
    networks = _strong_networks(boundary_map=False, n_features=0)
    assert input_names(networks) == ["label"]
    export_onnx(networks, tmp_path / "generator.onnx", opset=20)
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx", providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == ["label"]
    for batch, height, width in SIZES:
        label, _ = _maps(batch, height, width)
        (found,) = session.run(["image"], {"label": label})
        expected = _pixels(networks, one_hot(torch.from_numpy(label), len(CLASSES)), None)
        assert np.abs(found - expected).max() <= 1.5


def test_features_without_boundary_map_still_need_instances() -> None:
    assert input_names(tiny_networks(tiny_model(boundary_map=False))) == ["label", "instance", "styles"]
    assert input_names(tiny_networks(tiny_model(n_features=0), class_count=0)) == ["picture", "instance"]

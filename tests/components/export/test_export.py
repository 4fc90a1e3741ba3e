import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from components.data.encoding import boundary_map, one_hot
from components.export.bundle import Lineage, write_bundle
from components.export.config import ExportConfig
from components.export.onnx import ParityError, check_parity, export_onnx
from components.export.serving import input_names
from components.inference import Bundle, Synthesizer
from components.models.networks import Networks
from tests.tiny import CLASSES, tiny_model, tiny_networks

pytestmark = pytest.mark.slow  # an export takes some seconds

SIZES = [(1, 32, 64), (3, 24, 16), (2, 16, 56)]  # batch, height, width: multiples of 8, not square
STYLES = {"dimension": 3, "classes": {"1": {"name": "road", "styles": [[0.1, 0.2, 0.3]], "counts": [2]}}}
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
        networks.generator.head[1].weight.mul_(10)
    return networks


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("bundle")
    networks = _strong_networks()
    description = write_bundle(
        folder,
        networks,
        classes=CLASSES,
        height=32,
        width=64,
        styles=STYLES,
        scores={"mean_iou": 0.25, "oracle_mean_iou": 0.75, "mean_absolute_difference": 12.5},
        lineage=LINEAGE,
        config=ExportConfig(opset=20, tolerance=1),
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
    pixels = ((image + 1) * 127.5).permute(0, 2, 3, 1).numpy()
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
    assert names == {"generator.onnx", "styles.json", "classes.json", "model_card.md", "bundle.json"}
    assert description["files"] == {
        name: hashlib.sha256((exported.folder / name).read_bytes()).hexdigest() for name in names - {"bundle.json"}
    }
    assert "1 x 32 x 64" in description["parity"]["cases"]
    assert 0 <= description["parity"]["largest_difference"] <= 1
    assert description["versions"]["opset"] == 20


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
    ):
        assert phrase in card


def test_weights_that_differ_from_the_graph_are_refused_with_size_and_difference(exported: Exported) -> None:
    other = _strong_networks()
    path = exported.folder / "generator.onnx"
    assert check_parity(other, path, sizes=[(1, 32, 64)], tolerance=1).cases == ("1 x 32 x 64",)
    with torch.no_grad():
        other.generator.head[1].bias.add_(0.5)
    with pytest.raises(
        ParityError, match=r"generator\.onnx: at 2 x 24 x 48 ONNX Runtime differs from torch by \d+ grey"
    ):
        check_parity(other, path, sizes=[(2, 24, 48)], tolerance=1)


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

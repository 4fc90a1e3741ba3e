"""What U-Net and cascaded refinement network have in common with the generator that they stand in for."""

import logging
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from torch import nn
from torch.export import Dim

from components.models.blocks import initialise
from components.models.crn import CascadedRefinementNetwork
from components.models.unet import UNet
from tests.given import given
from tests.tiny import tiny_model

VARIANTS = [
    *(
        (UNet, {"norm": norm, "upsampling": mode})
        for norm in ("instance", "batch")
        for mode in ("transposed", "nearest")
    ),
    *((UNet, {"n_downsample_global": depth}) for depth in (1, 5)),
    *((CascadedRefinementNetwork, {"n_downsample_global": depth}) for depth in (1, 2, 5)),
]
every_variant = pytest.mark.parametrize(("network_class", "overrides"), VARIANTS, ids=str)


def _network(network_class: type[nn.Module], **overrides: object) -> nn.Module:
    torch.manual_seed(0)
    model = tiny_model(**({"ngf": 2, "n_local_enhancers": 0, "num_D": 1} | overrides))
    return network_class(model, condition_channels=5)


@every_variant
def test_every_variant_synthesizes_at_the_size_of_its_condition_and_trains_all_its_weights(
    network_class: type[nn.Module], overrides: dict[str, Any]
) -> None:
    network = _network(network_class, **overrides).apply(initialise)
    image = network(torch.rand(2, 5, 64, 96), torch.rand(2, 3, 64, 96))
    assert image.shape == (2, 3, 64, 96)
    image.square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if name.endswith("weight"):
            assert parameter.grad.any(), name


@every_variant
def test_the_smallest_picture_has_one_pixel_at_the_coarsest_size(
    network_class: type[nn.Module], overrides: dict[str, Any]
) -> None:
    network = _network(network_class, **overrides).eval()
    side = 2 ** overrides.get("n_downsample_global", 2)
    image = network(torch.rand(1, 5, side, side), torch.rand(1, 3, side, side))
    assert image.shape == (1, 3, side, side)
    assert image.isfinite().all()


@pytest.mark.parametrize("network_class", [UNet, CascadedRefinementNetwork])
def test_the_image_depends_on_condition_and_features(network_class: type[nn.Module]) -> None:
    network = _network(network_class).eval()
    condition = torch.rand(1, 5, 16, 16).requires_grad_()
    features = torch.rand(1, 3, 16, 16).requires_grad_()
    network(condition, features).square().mean().backward()
    assert given(condition.grad).abs().amax((0, 2, 3)).min() > 0
    assert given(features.grad).abs().amax((0, 2, 3)).min() > 0


@pytest.mark.parametrize("network_class", [UNet, CascadedRefinementNetwork])
def test_a_model_without_features_takes_the_condition_alone(network_class: type[nn.Module]) -> None:
    assert _network(network_class, n_features=0)(torch.rand(1, 5, 8, 16)).shape == (1, 3, 8, 16)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("network_class", "upsampling"),
    [(UNet, "transposed"), (UNet, "nearest"), (CascadedRefinementNetwork, "transposed")],
)
def test_one_onnx_graph_serves_all_batches_and_sizes(
    network_class: type[nn.Module], upsampling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("torch.onnx"), "level", logging.ERROR)
    network = _network(network_class, upsampling=upsampling).eval()
    dynamic = {0: Dim("N"), 2: 4 * Dim("H"), 3: 4 * Dim("W")}
    torch.onnx.export(
        network,
        (torch.rand(2, 5, 16, 24), torch.rand(2, 3, 16, 24)),
        tmp_path / "generator.onnx",
        input_names=["condition", "features"],
        output_names=["image"],
        dynamo=True,
        dynamic_shapes=(dynamic, dynamic),
        external_data=False,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx", providers=["CPUExecutionProvider"])
    for batch, height, width in ((1, 32, 8), (3, 8, 48), (1, 4, 4)):
        condition, features = torch.rand(batch, 5, height, width), torch.rand(batch, 3, height, width)
        with torch.no_grad():
            expected = network(condition, features)
        (found,) = session.run(["image"], {"condition": condition.numpy(), "features": features.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4, atol=1e-4)

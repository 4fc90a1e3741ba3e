from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from components.models.config import ModelConfig
from components.models.crn import CascadedRefinementNetwork
from tests.given import as_a, given
from tests.tiny import tiny_model


def _model(**overrides: object) -> ModelConfig:
    return tiny_model(**({"n_local_enhancers": 0, "num_D": 1, "n_features": 0} | overrides))


def _published() -> CascadedRefinementNetwork:
    """The authors' network for 2048x1024 with 20 classes, without storage."""
    with torch.device("meta"):
        return CascadedRefinementNetwork(_model(ngf=32, n_downsample_global=8), condition_channels=20)


def test_channels_are_those_of_the_published_network() -> None:
    # Modules of height 4, 8, ..., 64 have 1024 channels, 128 and 256 have 512, 512 has 128, 1024 has 32.
    convolutions = [part for part in _published().modules() if isinstance(part, nn.Conv2d)]
    assert [(layer.in_channels, layer.out_channels) for layer in convolutions] == [
        *[(20, 1024), (1024, 1024)],
        *[(1024 + 20, 1024), (1024, 1024)] * 4,
        *[(1024 + 20, 512), (512, 512)],
        *[(512 + 20, 512), (512, 512)],
        *[(512 + 20, 128), (128, 128)],
        *[(128 + 20, 32), (32, 32)],
        (32, 3),
    ]
    assert [layer.kernel_size for layer in convolutions] == [(3, 3)] * 18 + [(1, 1)]


def test_parameters_are_as_many_as_in_the_published_network() -> None:
    first = 20 * 1024 + 1024 * 1024
    wide = 4 * (1044 * 1024 + 1024 * 1024)
    fine = 1044 * 512 + 512 * 512 + 532 * 512 + 512 * 512 + 532 * 128 + 128 * 128 + 148 * 32 + 32 * 32
    norm = 2 * 2 * (5 * 1024 + 2 * 512 + 128 + 32)  # a scale and a shift a channel, after two convolutions
    to_rgb = 32 * 3 + 3
    expected = 9 * (first + wide + fine) + norm + to_rgb
    assert sum(parameter.numel() for parameter in _published().parameters()) == expected


def test_images_are_those_of_a_literal_walk_through_the_published_layers() -> None:
    torch.manual_seed(0)
    network = CascadedRefinementNetwork(_model(ngf=2, n_downsample_global=1), condition_channels=3)
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    coarse, fine = (list(as_a(nn.Sequential, each)) for each in network.refinement)
    x = torch.rand(2, 3, 4, 6)

    def refine(values: torch.Tensor, convolution: nn.Module, norm: nn.Module) -> torch.Tensor:
        values = functional.conv2d(values, convolution.get_parameter("weight"), padding=1)
        centred = values - values.mean((1, 2, 3), keepdim=True)
        values = centred / (centred.square().mean((1, 2, 3), keepdim=True) + 1e-5).sqrt()
        values = norm.get_parameter("weight").view(-1, 1, 1) * values + norm.get_parameter("bias").view(-1, 1, 1)
        return torch.where(values > 0, values, 0.2 * values)

    quarters = (x[..., ::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, ::2] + x[..., 1::2, 1::2]) / 4
    small = refine(refine(quarters, coarse[0], coarse[1]), coarse[3], coarse[4])  # (2, 8, 2, 3)
    # With corners aligned, four rows lie at 0, 1/3, 2/3 and 1 of the way between two; six columns at 0, 0.4, ..., 2.
    down = torch.tensor([[1.0, 0.0], [2 / 3, 1 / 3], [1 / 3, 2 / 3], [0.0, 1.0]])
    across = torch.tensor([[1, 0, 0], [0.6, 0.4, 0], [0.2, 0.8, 0], [0, 0.8, 0.2], [0, 0.4, 0.6], [0, 0, 1]])
    large = torch.cat([down @ small @ across.T, x], dim=1)
    large = refine(refine(large, fine[0], fine[1]), fine[3], fine[4])
    expected = functional.conv2d(large, network.head.weight, network.head.bias)
    torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-5)


def test_the_output_is_linear_so_that_values_past_black_and_white_occur() -> None:
    torch.manual_seed(0)
    network = CascadedRefinementNetwork(_model(), condition_channels=3)
    condition = torch.rand(1, 3, 8, 8)
    before = network(condition)
    with torch.no_grad():
        network.head.weight.mul_(100)
        given(network.head.bias).mul_(100)
    torch.testing.assert_close(network(condition), 100 * before)
    assert network(condition).abs().max() > 1


@pytest.mark.parametrize("overrides", [{"norm": "batch"}, {"upsampling": "nearest"}], ids=str)
def test_norm_and_upsampling_of_the_config_have_no_effect(overrides: dict[str, Any]) -> None:
    def image(model: ModelConfig) -> torch.Tensor:
        torch.manual_seed(0)
        network = CascadedRefinementNetwork(model, condition_channels=2)
        return as_a(torch.Tensor, network(torch.ones(1, 2, 4, 4).tril()))

    assert torch.equal(image(_model(**overrides)), image(_model()))

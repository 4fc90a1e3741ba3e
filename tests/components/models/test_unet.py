import pytest
import torch
from torch import nn
from torch.nn import functional

from components.models.config import ModelConfig
from components.models.unet import UNet
from tests.given import as_a
from tests.tiny import tiny_model


def _model(**overrides: object) -> ModelConfig:
    return tiny_model(**({"n_local_enhancers": 0, "num_D": 1} | overrides))


def _published(**overrides: object) -> UNet:
    """The U-Net for 256x256 of pix2pix, without storage."""
    published = {"ngf": 64, "n_downsample_global": 8, "n_features": 0, "norm": "batch"}
    with torch.device("meta"):
        return UNet(_model(**(published | overrides)), condition_channels=3)


def _convolutions(layers: nn.ModuleList) -> list[tuple[int, int]]:
    kinds = nn.Conv2d | nn.ConvTranspose2d
    return [(part.in_channels, part.out_channels) for part in layers.modules() if isinstance(part, kinds)]


def test_channels_are_those_of_the_published_256_pixel_network() -> None:
    network = _published()
    assert _convolutions(network.downsampling) == [
        (3, 64),
        (64, 128),
        (128, 256),
        (256, 512),
        *[(512, 512)] * 4,
    ]
    assert _convolutions(network.upsampling) == [
        (512, 512),  # from the innermost, which has no skip connection
        *[(1024, 512)] * 3,
        (1024, 256),
        (512, 128),
        (256, 64),
    ]
    weights = [tuple(weight.shape) for name, weight in network.head.named_parameters() if name.endswith("weight")]
    assert weights == [(128, 3, 4, 4)]


def test_parameters_are_as_many_as_in_the_published_256_pixel_network() -> None:
    # Printed by the authors' code: 54.414 million. 4x4 weights, scale and shift of batch norm, bias of the last layer.
    down = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 4 * 512 * 512)
    up = 16 * (512 * 512 + 3 * 1024 * 512 + 1024 * 256 + 512 * 128 + 256 * 64 + 128 * 3) + 3
    norm = 2 * (128 + 256 + 4 * 512) + 2 * (4 * 512 + 256 + 128 + 64)
    assert down + up + norm == 54_413_955
    assert sum(parameter.numel() for parameter in _published().parameters()) == 54_413_955


def test_convolutions_have_a_bias_with_instance_norm_as_published() -> None:
    # One a channel, instead of scale and shift of batch norm, which the first and the innermost layer have not.
    weights = 54_413_955 - 2 * (128 + 256 + 4 * 512) - 2 * (4 * 512 + 256 + 128 + 64)
    biases = 64 + 128 + 256 + 5 * 512 + 4 * 512 + 256 + 128 + 64
    assert sum(parameter.numel() for parameter in _published(norm="instance").parameters()) == weights + biases


@pytest.mark.parametrize(("depth", "after_layer"), [(8, [1, 2, 3]), (7, [1, 2]), (5, []), (2, [])])
def test_dropout_follows_the_widest_upward_layers_but_the_innermost(depth: int, after_layer: list[int]) -> None:
    network = _published(n_downsample_global=depth)
    layers = [as_a(nn.Sequential, layer) for layer in network.upsampling]
    with_dropout = [number for number, layer in enumerate(layers) if isinstance(layer[-1], nn.Dropout)]
    assert with_dropout == after_layer


def test_dropout_acts_in_training_mode_alone() -> None:
    torch.manual_seed(0)
    network = UNet(_model(ngf=2, n_downsample_global=6, n_features=0), condition_channels=2)
    condition = torch.rand(1, 2, 64, 64)
    assert not torch.equal(network(condition), network(condition))
    network.eval()
    assert torch.equal(network(condition), network(condition))


def test_nearest_upsampling_resizes_and_convolves_3x3_with_reflection_padding() -> None:
    for layer in [*(_published(upsampling="nearest").upsampling), _published(upsampling="nearest").head]:
        kinds = [type(part) for part in layer][1:4]
        assert kinds == [nn.Upsample, nn.ReflectionPad2d, nn.Conv2d]
        assert layer[1].mode == "nearest"
        assert layer[3].kernel_size == (3, 3)


def test_images_are_those_of_a_literal_walk_through_the_published_layers() -> None:
    torch.manual_seed(0)
    network = UNet(_model(ngf=2, n_downsample_global=3, n_features=0), condition_channels=3)
    x = torch.rand(2, 3, 16, 24)
    down = [part for part in network.downsampling.modules() if isinstance(part, nn.Conv2d)]
    up = [part for part in network.upsampling.modules() if isinstance(part, nn.ConvTranspose2d)]

    def leaky(values: torch.Tensor) -> torch.Tensor:
        return torch.where(values > 0, values, 0.2 * values)

    def norm(values: torch.Tensor) -> torch.Tensor:
        centred = values - values.mean((2, 3), keepdim=True)
        return centred / (centred.square().mean((2, 3), keepdim=True) + 1e-5).sqrt()

    half = functional.conv2d(x, down[0].weight, down[0].bias, stride=2, padding=1)
    quarter = norm(functional.conv2d(leaky(half), down[1].weight, down[1].bias, stride=2, padding=1))
    eighth = functional.conv2d(leaky(quarter), down[2].weight, down[2].bias, stride=2, padding=1)
    up_quarter = norm(functional.conv_transpose2d(eighth.relu(), up[0].weight, up[0].bias, stride=2, padding=1))
    joined = torch.cat([quarter, up_quarter], 1).relu()
    up_half = norm(functional.conv_transpose2d(joined, up[1].weight, up[1].bias, stride=2, padding=1))
    joined = torch.cat([half, up_half], 1).relu()
    to_rgb = as_a(nn.ConvTranspose2d, network.head[1])
    expected = functional.conv_transpose2d(joined, to_rgb.weight, to_rgb.bias, stride=2, padding=1)
    torch.testing.assert_close(network(x), expected.tanh())

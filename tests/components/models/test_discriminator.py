import torch
from torch import nn

from components.models.discriminator import MultiscaleDiscriminator, PatchDiscriminator
from tests.given import as_a
from tests.tiny import tiny_model

# A 4x4 convolution padded by 2 maps n pixels to floor((n + 2*2 - 4) / stride) + 1:
# stride 2 maps n to n // 2 + 1, stride 1 maps n to n + 1.


def _sizes(results: list[torch.Tensor]) -> list[tuple[int, ...]]:
    return [tuple(result.shape) for result in results]


def test_layer_results_have_the_sizes_of_4x4_convolutions_padded_by_two() -> None:
    discriminator = PatchDiscriminator(channels_in=5, ndf=4, n_layers=2, norm="instance")
    results = discriminator(discriminator.respond(torch.zeros(2, 2, 32, 64)), torch.zeros(2, 3, 32, 64))
    assert _sizes(results) == [
        (2, 4, 17, 33),  # stride 2: 32 // 2 + 1, 64 // 2 + 1
        (2, 8, 9, 17),  # stride 2: 17 // 2 + 1, 33 // 2 + 1
        (2, 16, 10, 18),  # stride 1
        (2, 1, 11, 19),  # the prediction, stride 1
    ]


def test_widths_double_up_to_512() -> None:
    discriminator = PatchDiscriminator(channels_in=3, ndf=200, n_layers=4, norm="instance")
    convolutions = [module for module in discriminator.modules() if isinstance(module, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [200, 400, 512, 512, 512, 1]
    assert [layer.in_channels for layer in convolutions] == [3, 200, 400, 512, 512, 512]
    assert [layer.stride for layer in convolutions] == [(2, 2)] * 4 + [(1, 1)] * 2


def test_only_the_layers_between_first_and_prediction_are_normalised() -> None:
    discriminator = PatchDiscriminator(channels_in=3, ndf=4, n_layers=2, norm="batch")
    kinds = [[type(module).__name__ for module in as_a(nn.Sequential, layer)] for layer in discriminator.layers]
    assert kinds == [
        ["Conv2d", "LeakyReLU"],
        ["Conv2d", "BatchNorm2d", "LeakyReLU"],
        ["Conv2d", "BatchNorm2d", "LeakyReLU"],
        ["Conv2d"],
    ]
    assert as_a(nn.LeakyReLU, discriminator.get_submodule("layers.0.1")).negative_slope == 0.2


def test_results_come_finest_first_from_discriminators_listed_coarsest_first() -> None:
    torch.manual_seed(0)
    model = tiny_model(num_D=3, n_layers_D=1)
    multiscale = MultiscaleDiscriminator(model, condition_channels=2, num_D=3)
    condition, image = torch.rand(1, 2, 32, 64), torch.rand(1, 3, 32, 64)
    results = multiscale(condition, image)
    # First layers of 32x64, 16x32 and 8x16; stride 2 gives n // 2 + 1.
    assert [_sizes(scale)[0] for scale in results] == [(1, 4, 17, 33), (1, 4, 9, 17), (1, 4, 5, 9)]
    finest = torch.cat([condition, image], dim=1)
    half = _average_of_real_neighbours(finest)
    quarter = _average_of_real_neighbours(half)
    for number, (found, seen) in enumerate(zip(results, (finest, half, quarter), strict=True)):
        discriminator = as_a(PatchDiscriminator, multiscale.discriminators[2 - number])
        for ours, layer in zip(found, discriminator.layers, strict=True):
            seen = layer(seen)
            torch.testing.assert_close(ours, seen)


def test_pictures_of_a_batch_are_judged_apart() -> None:
    torch.manual_seed(0)
    multiscale = MultiscaleDiscriminator(tiny_model(), condition_channels=2, num_D=2)
    condition, image = torch.rand(2, 2, 32, 64), torch.rand(2, 3, 32, 64)
    together = multiscale(condition, image)
    alone = multiscale(condition[1:], image[1:])
    for both, one in zip(together, alone, strict=True):
        torch.testing.assert_close(both[-1][1:], one[-1])


def _average_of_real_neighbours(x: torch.Tensor) -> torch.Tensor:
    """The mean of the 3x3 pixels around every second pixel, of those that the picture has."""
    height, width = x.shape[2:]
    rows = [slice(max(0, row - 1), row + 2) for row in range(0, height, 2)]
    columns = [slice(max(0, column - 1), column + 2) for column in range(0, width, 2)]
    return torch.stack(
        [torch.stack([x[:, :, row, column].mean(dim=(2, 3)) for column in columns], dim=-1) for row in rows], dim=-2
    )

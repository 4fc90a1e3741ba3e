"""Layers that generator, enhancers and encoder share (Wang et al. 2018, appendix).

Shapes: every block maps (B, C_in, H, W) float to (B, C_out, H', W') float.
"""

from torch import Tensor, nn
from torch.nn.functional import conv2d

from components.models.config import Norm, Upsampling


def normalisation(norm: Norm, channels: int) -> nn.Module:
    """Instance norm without affine parameters, or batch norm with them, as published."""
    return nn.InstanceNorm2d(channels) if norm == "instance" else nn.BatchNorm2d(channels)


def convolve_part(convolution: nn.Conv2d, part: Tensor, first_channel: int) -> Tensor:
    """Convolve one of several inputs that lie side by side in the channels.

    The sum over the parts is the convolution of all. Apart, no gradient is computed for a part that needs none, and
    the share of a part that several inputs have in common is computed once.

    Args:
        convolution: its input channels are those of all parts.
        part: (B, C, H, W)
        first_channel: where the part begins; the bias is the first part's.
    """
    weight = convolution.weight[:, first_channel : first_channel + part.shape[1]]
    bias = None if first_channel else convolution.bias
    return conv2d(part, weight, bias, convolution.stride, convolution.padding)


class Stem(nn.Sequential):
    """`c7s1-k`: 7x7 convolution with reflection padding, norm, ReLU; keeps height and width."""

    def __init__(self, channels_in: int, channels_out: int, norm: Norm) -> None:
        super().__init__(
            nn.ReflectionPad2d(3),
            nn.Conv2d(channels_in, channels_out, kernel_size=7),
            normalisation(norm, channels_out),
            nn.ReLU(inplace=True),
        )

    def forward(self, *parts: Tensor) -> Tensor:
        """(B, C_i, H, W) each, side by side in the channels -> (B, C_out, H, W)."""
        pad, convolution, norm, activation = self
        assert isinstance(convolution, nn.Conv2d)
        x, channels = convolve_part(convolution, pad(parts[0]), 0), parts[0].shape[1]
        for part in parts[1:]:
            x = x + convolve_part(convolution, pad(part), channels)
            channels += part.shape[1]
        result: Tensor = activation(norm(x))
        return result


def downsampling(channels_in: int, channels_out: int, norm: Norm) -> nn.Sequential:
    """`dk`: 3x3 convolution of stride 2, norm, ReLU; halves height and width."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel_size=3, stride=2, padding=1),
        normalisation(norm, channels_out),
        nn.ReLU(inplace=True),
    )


def upsampling(channels_in: int, channels_out: int, norm: Norm, mode: Upsampling) -> nn.Sequential:
    """`uk`: doubles height and width by a transposed 3x3 convolution, or by resize and convolution."""
    resize: list[nn.Module]
    if mode == "transposed":
        resize = [
            nn.ConvTranspose2d(channels_in, channels_out, kernel_size=3, stride=2, padding=1, output_padding=1),
        ]
    else:
        resize = [
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels_in, channels_out, kernel_size=3),
        ]
    return nn.Sequential(*resize, normalisation(norm, channels_out), nn.ReLU(inplace=True))


def head(channels_in: int, channels_out: int) -> nn.Sequential:
    """`c7s1-3` of the output: 7x7 convolution with reflection padding and tanh, values in [-1, 1]."""
    return nn.Sequential(
        nn.ReflectionPad2d(3),
        nn.Conv2d(channels_in, channels_out, kernel_size=7),
        nn.Tanh(),
    )


class ResidualBlock(nn.Module):
    """`Rk`: two 3x3 convolutions with reflection padding, added to their input."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, kernel_size=3),
            normalisation(norm, channels),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, kernel_size=3),
            normalisation(norm, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        residual: Tensor = self.block(x)
        return x + residual


def halve() -> nn.AvgPool2d:
    """The pooling by which generator and discriminators see coarser scales; padding is not averaged."""
    return nn.AvgPool2d(kernel_size=3, stride=2, padding=1, count_include_pad=False)


def initialise(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions, N(1, 0.02) for the scale of batch norm; for `Module.apply` (Sec. 3.2)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)

"""Layers that generator, enhancers and encoder share (Wang et al. 2018, appendix).

Shapes: every block maps (B, C_in, H, W) float to (B, C_out, H', W') float.
"""

from torch import Tensor, nn

from components.models.config import Norm, Upsampling


def normalisation(norm: Norm, channels: int) -> nn.Module:
    """Instance norm without affine parameters, or batch norm with them, as published."""
    return nn.InstanceNorm2d(channels) if norm == "instance" else nn.BatchNorm2d(channels)


def stem(channels_in: int, channels_out: int, norm: Norm) -> nn.Sequential:
    """`c7s1-k`: 7x7 convolution with reflection padding, norm, ReLU; keeps height and width."""
    return nn.Sequential(
        nn.ReflectionPad2d(3),
        nn.Conv2d(channels_in, channels_out, kernel_size=7),
        normalisation(norm, channels_out),
        nn.ReLU(inplace=True),
    )


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

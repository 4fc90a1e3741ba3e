"""The U-Net generator of pix2pix, a baseline (Isola et al. 2017, Sec. 3.2.1 and appendix 6.1.1).

Shapes: B pictures, C condition channels, F feature channels, H x W full resolution.
"""

import torch
from torch import Tensor, nn

from components.models.blocks import normalisation
from components.models.config import ModelConfig, Norm, Upsampling


class UNet(nn.Module):
    """Encoder and decoder of 4x4 convolutions of stride 2, with a skip connection at every size between.

    As in the authors' PyTorch code: widths are ngf times 1, 2, 4, 8, 8, ...; the first and the innermost downward
    layer have no norm; convolutions before a norm have a bias only with instance norm; dropout follows the upward
    layers between two widths of 8 ngf but the innermost (three of them at eight downsamplings). Dropout acts
    in training mode alone, where the authors keep it at test time as noise: a served picture must not vary.
    """

    def __init__(self, config: ModelConfig, *, condition_channels: int) -> None:
        """Build the generator.

        Args:
            config: the shapes; `n_downsample_global` halvings, `ngf` channels at the first.
            condition_channels: C, classes (or 3 for RGB) and the boundary map.
        """
        super().__init__()
        depth = config.n_downsample_global
        norm = config.norm
        # At H / 2**level: the channels on the way down, and on the way up with the skip connection, which the
        # innermost has not.
        channels = [condition_channels + config.n_features, *(config.ngf * min(2**level, 8) for level in range(depth))]
        joined = [2 * width for width in channels[:-1]] + channels[-1:]
        self.downsampling = nn.ModuleList(
            _downward(channels[level], channels[level + 1], norm, first=level == 0, innermost=level == depth - 1)
            for level in range(depth)
        )
        # ReLU not in place: gradient checkpointing keeps each layer's input and computes the layer from it again.
        self.upsampling = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(),
                *_doubling(joined[level + 1], channels[level], config.upsampling, bias=norm == "instance"),
                normalisation(norm, channels[level]),
                *([nn.Dropout(0.5)] if 4 <= level < depth - 1 else []),  # from level 4 on, the width stays 8 ngf
            )
            for level in range(depth - 1, 0, -1)
        )
        self.head = nn.Sequential(
            nn.ReLU(),
            *_doubling(joined[1], 3, config.upsampling, bias=True),
            nn.Tanh(),
        )

    def forward(self, condition: Tensor, features: Tensor | None = None) -> Tensor:
        """Synthesize images.

        Args:
            condition: (B, C, H, W) one-hot label map (or RGB in [-1, 1]) and boundary map; H and W must be
                multiples of 2**n_downsample_global.
            features: (B, F, H, W) each instance's style at its pixels; None where the model has none.

        Returns:
            image (B, 3, H, W) in [-1, 1].
        """
        x = condition if features is None else torch.cat([condition, features], dim=1)
        skips = []
        for layer in self.downsampling:
            x = layer(x)
            skips.append(x)
        skips.pop()
        for layer in self.upsampling:
            x = torch.cat([skips.pop(), layer(x)], dim=1)
        image: Tensor = self.head(x)
        return image


def _downward(channels_in: int, channels_out: int, norm: Norm, *, first: bool, innermost: bool) -> nn.Sequential:
    """LeakyReLU (not on the input), 4x4 convolution of stride 2, norm; halves height and width."""
    bias = norm == "instance"
    # not in place: the skip connection keeps the layer's input
    layers: list[nn.Module] = [] if first else [nn.LeakyReLU(0.2)]
    layers.append(nn.Conv2d(channels_in, channels_out, kernel_size=4, stride=2, padding=1, bias=bias))
    if not (first or innermost):
        layers.append(normalisation(norm, channels_out))
    return nn.Sequential(*layers)


def _doubling(channels_in: int, channels_out: int, mode: Upsampling, *, bias: bool) -> list[nn.Module]:
    """Double height and width by the published transposed 4x4 convolution, or by resize and 3x3 convolution."""
    if mode == "transposed":
        return [nn.ConvTranspose2d(channels_in, channels_out, kernel_size=4, stride=2, padding=1, bias=bias)]
    return [
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.ReflectionPad2d(1),
        nn.Conv2d(channels_in, channels_out, kernel_size=3, bias=bias),
    ]

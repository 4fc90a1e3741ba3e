"""Multi-scale PatchGAN discriminators (Wang et al. 2018, Sec. 3.2).

Shapes: B pictures, C condition channels, H x W the size of the phase; h x w that of a layer's result.
"""

import torch
from torch import Tensor, nn

from components.models.blocks import halve, normalisation
from components.models.config import ModelConfig, Norm

ScaleFeatures = list[Tensor]  # one discriminator's layer results, (B, c, h, w) each; the last is its prediction


class PatchDiscriminator(nn.Module):
    """One discriminator D_k: 4x4 convolutions whose last result judges overlapping patches."""

    def __init__(self, *, channels_in: int, ndf: int, n_layers: int, norm: Norm) -> None:
        super().__init__()
        widths = [min(ndf * 2**level, 512) for level in range(n_layers + 1)]
        layers = [nn.Sequential(self._convolution(channels_in, widths[0], stride=2), nn.LeakyReLU(0.2, inplace=True))]
        for level in range(1, n_layers + 1):
            layers.append(
                nn.Sequential(
                    self._convolution(widths[level - 1], widths[level], stride=2 if level < n_layers else 1),
                    normalisation(norm, widths[level]),
                    nn.LeakyReLU(0.2, inplace=True),
                )
            )
        layers.append(nn.Sequential(self._convolution(widths[-1], 1, stride=1)))
        self.layers = nn.ModuleList(layers)

    @staticmethod
    def _convolution(channels_in: int, channels_out: int, *, stride: int) -> nn.Conv2d:
        return nn.Conv2d(channels_in, channels_out, kernel_size=4, stride=stride, padding=2)

    def forward(self, x: Tensor) -> ScaleFeatures:
        """(B, C + 3, H, W) -> the result of every layer, the patch predictions (B, 1, h, w) last."""
        results = []
        for layer in self.layers:
            x = layer(x)
            results.append(x)
        return results


class MultiscaleDiscriminator(nn.Module):
    """`num_D` discriminators of one structure at sizes that halve.

    `discriminators[0]` sees the *coarsest* size (as `scale0` in the published checkpoints): a phase
    at twice the size keeps them all and adds one at the end.
    """

    def __init__(self, config: ModelConfig, *, condition_channels: int, num_D: int) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList(
            PatchDiscriminator(
                channels_in=condition_channels + 3, ndf=config.ndf, n_layers=config.n_layers_D, norm=config.norm
            )
            for _ in range(num_D)
        )
        self.halve = halve()

    def forward(self, condition: Tensor, image: Tensor) -> list[ScaleFeatures]:
        """Judge images under their conditions.

        Args:
            condition: (B, C, H, W)
            image: (B, 3, H, W) in [-1, 1].

        Returns:
            The layer results of every discriminator, the finest first.
        """
        x = torch.cat([condition, image], dim=1)
        results = []
        for scale, discriminator in enumerate(reversed(self.discriminators)):
            if scale:
                x = self.halve(x)
            results.append(discriminator(x))
        return results

"""Multi-scale PatchGAN discriminators (Wang et al. 2018, Sec. 3.2).

Shapes: B pictures, C condition channels, H x W the size of the phase; h x w that of a layer's result.
"""

from torch import Tensor, nn

from components.models.blocks import convolve_part, halve, normalisation
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

    def respond(self, condition: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, c, h, w): the condition's share of the first convolution, the same for every image."""
        return convolve_part(self._first_layer()[0], condition, 0)

    def forward(self, response: Tensor, image: Tensor) -> ScaleFeatures:
        """Judge images (B, 3, H, W) under conditions of which `respond` gave the response.

        Returns:
            the result of every layer, the patch predictions (B, 1, h, w) last.
        """
        convolution, activation = self._first_layer()
        x = activation(response + convolve_part(convolution, image, convolution.in_channels - image.shape[1]))
        results = [x]
        for layer in self.layers[1:]:
            x = layer(x)
            results.append(x)
        return results

    def _first_layer(self) -> tuple[nn.Conv2d, nn.Module]:
        layer = self.layers[0]
        assert isinstance(layer, nn.Sequential)
        convolution, activation = layer
        assert isinstance(convolution, nn.Conv2d)
        return convolution, activation


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

    def respond(self, condition: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> what each discriminator makes of the condition alone, the finest first."""
        responses = []
        for scale, discriminator in enumerate(self._finest_first()):
            if scale:
                condition = self.halve(condition)
            responses.append(discriminator.respond(condition))
        return responses

    def judge(self, responses: list[Tensor], image: Tensor) -> list[ScaleFeatures]:
        """Judge images (B, 3, H, W) in [-1, 1] under conditions of which `respond` gave the responses.

        Returns:
            The layer results of every discriminator, the finest first.
        """
        results = []
        for scale, (discriminator, response) in enumerate(zip(self._finest_first(), responses, strict=True)):
            if scale:
                image = self.halve(image)
            results.append(discriminator(response, image))
        return results

    def forward(self, condition: Tensor, image: Tensor) -> list[ScaleFeatures]:
        """Judge images (B, 3, H, W) in [-1, 1] under their conditions (B, C, H, W); as `judge`."""
        return self.judge(self.respond(condition), image)

    def _finest_first(self) -> list[PatchDiscriminator]:
        return [each for each in reversed(self.discriminators) if isinstance(each, PatchDiscriminator)]

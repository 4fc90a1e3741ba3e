"""The cascaded refinement network, a baseline (Chen & Koltun 2017, Sec. 3 and their released code).

Shapes: B pictures, C condition channels, F feature channels, H x W full resolution.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from components.models.config import ModelConfig

WIDTH_FACTORS = (1, 4, 16, 16, 32)  # times ngf, from full resolution down; the last for all coarser modules


class CascadedRefinementNetwork(nn.Module):
    """A refinement module at each resolution, the coarsest first, every one of which sees the condition.

    As in the authors' code: two 3x3 convolutions a module, without bias, with layer norm and LeakyReLU; between
    modules bilinear upsampling that aligns the corners; last a 1x1 convolution to RGB. With ngf 32 and eight
    halvings this is their network for 2048x1024. The config's `norm` and `upsampling` have no effect here.

    The output is linear: -1..1 means black to white, in their code as here, but nothing bounds it. The losses
    see it as it is; what lies outside is clamped where a picture becomes bytes.
    """

    def __init__(self, config: ModelConfig, *, condition_channels: int) -> None:
        """Build the generator.

        Args:
            config: the shapes; `n_downsample_global` halvings, `ngf` channels at full resolution.
            condition_channels: C, classes (or 3 for RGB) and the boundary map.
        """
        super().__init__()
        channels_in = condition_channels + config.n_features
        halvings = range(config.n_downsample_global, -1, -1)
        widths = [config.ngf * WIDTH_FACTORS[min(number, len(WIDTH_FACTORS) - 1)] for number in halvings]
        self.refinement = nn.ModuleList(
            _refinement_module(coarser + channels_in, width)
            for coarser, width in zip([0, *widths[:-1]], widths, strict=True)
        )
        self.head = nn.Conv2d(widths[-1], 3, kernel_size=1)

    def forward(self, condition: Tensor, features: Tensor | None = None) -> Tensor:
        """Synthesize images.

        Args:
            condition: (B, C, H, W) one-hot label map (or RGB in [-1, 1]) and boundary map; H and W must be
                multiples of 2**n_downsample_global.
            features: (B, F, H, W) each instance's style at its pixels; None where the model has none.

        Returns:
            image (B, 3, H, W), about in [-1, 1].
        """
        pyramid = [condition if features is None else torch.cat([condition, features], dim=1)]
        for _ in self.refinement[1:]:
            pyramid.append(avg_pool2d(pyramid[-1], 2))
        x = self.refinement[0](pyramid.pop())
        for module in self.refinement[1:]:
            here = pyramid.pop()
            x = interpolate(x, size=here.shape[-2:], mode="bilinear", align_corners=True)
            x = module(torch.cat([x, here], dim=1))
        image: Tensor = self.head(x)
        return image


def _refinement_module(channels_in: int, width: int) -> nn.Sequential:
    """Two convolutions, each with layer norm: over all values of a picture, then a scale and a shift a channel."""
    layers: list[nn.Module] = []
    for channels in (channels_in, width):
        layers += [
            nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False),
            nn.GroupNorm(1, width),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    return nn.Sequential(*layers)

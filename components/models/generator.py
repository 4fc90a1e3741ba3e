"""The coarse-to-fine generator {G1, G2, ...} (Wang et al. 2018, Sec. 3.2).

Shapes: B pictures, C condition channels, F feature channels, H x W full resolution.
"""

from torch import Tensor, nn

from components.models.blocks import halve, head
from components.models.config import ModelConfig
from components.models.global_generator import GlobalGenerator
from components.models.local_enhancer import LocalEnhancer


class Generator(nn.Module):
    """G1, any number of local enhancers on it, and the output layer of the finest one.

    `local_enhancers[0]` is G2, the coarsest; the state of a generator with fewer enhancers
    is, but for the output layer, a part of the state of one with more.
    """

    def __init__(self, config: ModelConfig, *, condition_channels: int, n_local_enhancers: int | None = None) -> None:
        """Build the generator of one phase.

        Args:
            config: the shapes at full resolution.
            condition_channels: C, classes (or 3 for RGB) and the boundary map.
            n_local_enhancers: how many of the enhancers this phase has; None for all.
        """
        super().__init__()
        total = config.n_local_enhancers
        used = total if n_local_enhancers is None else n_local_enhancers
        channels_in = condition_channels + config.n_features
        self.global_generator = GlobalGenerator(
            channels_in=channels_in,
            ngf=config.ngf * 2**total,
            n_downsample=config.n_downsample_global,
            n_blocks=config.n_blocks_global,
            norm=config.norm,
            upsampling_mode=config.upsampling,
        )
        self.local_enhancers = nn.ModuleList(
            LocalEnhancer(
                channels_in=channels_in,
                ngf=config.ngf * 2 ** (total - index),
                n_blocks=config.n_blocks_local,
                norm=config.norm,
                upsampling_mode=config.upsampling,
            )
            for index in range(1, used + 1)
        )
        self.head = head(config.ngf * 2 ** (total - used), 3)
        self.halve = halve()

    def forward(self, condition: Tensor, features: Tensor | None = None) -> Tensor:
        """Synthesize images.

        Args:
            condition: (B, C, H, W) one-hot label map (or RGB in [-1, 1]) and boundary map.
            features: (B, F, H, W) each instance's style at its pixels; None where the model has none.

        Returns:
            image (B, 3, H, W) in [-1, 1].
        """
        pyramid = [[condition] if features is None else [condition, features]]
        for _ in self.local_enhancers:
            pyramid.append([self.halve(part) for part in pyramid[-1]])
        x = self.global_generator(*pyramid.pop())
        for enhancer in self.local_enhancers:
            x = enhancer(x, *pyramid.pop())
        image: Tensor = self.head(x)
        return image

"""E, the feature encoder network (Wang et al. 2018, Sec. 3.4).

Shapes: B pictures, F feature channels, M instances a picture, H x W the size of the phase.
"""

from torch import Tensor, nn

from components.models.blocks import Stem, downsampling, head, upsampling
from components.models.config import ModelConfig
from components.models.instance_pool import instance_mean


class FeatureEncoder(nn.Module):
    """Encoder-decoder on the photo whose output is averaged over each instance."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        widths = [config.nef * 2**level for level in range(config.n_downsample_encoder + 1)]
        self.stem = Stem(3, config.nef, config.norm)
        self.downsampling = nn.Sequential(
            *(downsampling(a, b, config.norm) for a, b in zip(widths[:-1], widths[1:], strict=True))
        )
        self.upsampling = nn.Sequential(
            *(
                upsampling(b, a, config.norm, config.upsampling)
                for a, b in zip(reversed(widths[:-1]), reversed(widths[1:]), strict=True)
            )
        )
        self.head = head(config.nef, config.n_features)

    def forward(self, image: Tensor, instance: Tensor, count: int) -> Tensor:
        """Encode each instance's look.

        Args:
            image: (B, 3, H, W) in [-1, 1].
            instance: (B, H, W) integer ids in 0..count-1.
            count: M.

        Returns:
            styles (B, M, F) in [-1, 1]; `paint_instances` makes the feature map of them.
        """
        return instance_mean(self.pixels(image), instance, count)

    def pixels(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, F, H, W), before the pooling."""
        features: Tensor = self.head(self.upsampling(self.downsampling(self.stem(image))))
        return features

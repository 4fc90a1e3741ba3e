"""A local enhancer network G2, G3, ... (Wang et al. 2018, Sec. 3.2, fig. 3).

Shapes: B pictures, C input channels, H x W the size of this enhancer, twice that of the next coarser network.
"""

from torch import Tensor, nn

from components.models.blocks import ResidualBlock, Stem, downsampling, upsampling
from components.models.config import Norm, Upsampling


class LocalEnhancer(nn.Module):
    """Front end, sum with the coarser network's last feature map, residual blocks and back end."""

    def __init__(self, *, channels_in: int, ngf: int, n_blocks: int, norm: Norm, upsampling_mode: Upsampling) -> None:
        super().__init__()
        self.front = nn.Sequential(Stem(channels_in, ngf, norm), downsampling(ngf, 2 * ngf, norm))
        self.residual_blocks = nn.Sequential(*(ResidualBlock(2 * ngf, norm) for _ in range(n_blocks)))
        self.upsampling = upsampling(2 * ngf, ngf, norm, upsampling_mode)

    def forward(self, coarser: Tensor, *parts: Tensor) -> Tensor:
        """Refine a coarser feature map.

        Args:
            coarser: (B, 2 ngf, H/2, W/2) last feature map of the next coarser network.
            parts: (B, C_i, H, W) condition and features at this enhancer's size.

        Returns:
            (B, ngf, H, W)
        """
        stem, downsampling = self.front
        features: Tensor = self.upsampling(self.residual_blocks(downsampling(stem(*parts)) + coarser))
        return features

"""G1, the global generator network (Wang et al. 2018, Sec. 3.2), after Johnson et al.

Shapes: B pictures, C input channels (condition and features), H x W the size at which G1 works.
"""

from torch import Tensor, nn

from components.models.blocks import ResidualBlock, Stem, downsampling, upsampling
from components.models.config import Norm, Upsampling


class GlobalGenerator(nn.Module):
    """G1 up to its last feature map: the input of an enhancer, or of the output layer where G1 is alone."""

    def __init__(
        self, *, channels_in: int, ngf: int, n_downsample: int, n_blocks: int, norm: Norm, upsampling_mode: Upsampling
    ) -> None:
        super().__init__()
        widths = [ngf * 2**level for level in range(n_downsample + 1)]
        self.stem = Stem(channels_in, ngf, norm)
        self.downsampling = nn.Sequential(
            *(downsampling(a, b, norm) for a, b in zip(widths[:-1], widths[1:], strict=True))
        )
        self.residual_blocks = nn.Sequential(*(ResidualBlock(widths[-1], norm) for _ in range(n_blocks)))
        self.upsampling = nn.Sequential(
            *(
                upsampling(b, a, norm, upsampling_mode)
                for a, b in zip(reversed(widths[:-1]), reversed(widths[1:]), strict=True)
            )
        )

    def forward(self, *parts: Tensor) -> Tensor:
        """Condition and features (B, C_i, H, W) -> (B, ngf, H, W); H and W must be multiples of 2**n_downsample."""
        x = self.downsampling(self.stem(*parts))  # (B, ngf * 2**n, H / 2**n, W / 2**n)
        features: Tensor = self.upsampling(self.residual_blocks(x))
        return features

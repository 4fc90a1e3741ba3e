"""L1 loss on the image (Isola et al. 2017, eq. 3)."""

from torch import Tensor
from torch.nn.functional import l1_loss


def l1(fake: Tensor, real: Tensor) -> Tensor:
    """Mean absolute distance of synthesized images and photos; the photos are constants.

    Args:
        fake: (B, 3, H, W) in [-1, 1].
        real: likewise.

    Returns:
        float32 scalar, before λ.
    """
    return l1_loss(fake.float(), real.detach().float())

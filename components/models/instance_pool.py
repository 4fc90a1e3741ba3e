"""Instance-wise average pooling (Wang et al. 2018, Sec. 3.4).

Shapes: B pictures, F channels, H x W pixels, M instances a picture (ids 0..M-1, not all need occur).
"""

import torch
from torch import Tensor


def instance_mean(features: Tensor, instance: Tensor, count: int) -> Tensor:
    """Average features over the pixels of each instance, in one pass over the pixels.

    Args:
        features: (B, F, H, W) float.
        instance: (B, H, W) integer ids in 0..count-1.
        count: M.

    Returns:
        (B, M, F) float32; zeros for an id without a pixel.
    """
    batch, channels = features.shape[:2]
    row = instance.long() + count * torch.arange(batch, device=instance.device).view(-1, 1, 1)  # (B, H, W)
    # A float32 sum of a million pixels of road keeps only four digits.
    pixels = features.double().permute(0, 2, 3, 1).reshape(-1, channels)  # (B*H*W, F)
    sums = pixels.new_zeros(batch * count, channels).index_add(0, row.flatten(), pixels)
    areas = torch.bincount(row.flatten(), minlength=batch * count).clamp(min=1)
    return (sums / areas.unsqueeze(1)).float().view(batch, count, channels)


def paint_instances(vectors: Tensor, instance: Tensor) -> Tensor:
    """Give every pixel its instance's vector.

    Args:
        vectors: (B, M, F) float, a row an instance.
        instance: (B, H, W) integer ids in 0..M-1.

    Returns:
        (B, F, H, W)
    """
    batch, height, width = instance.shape
    index = instance.long().view(batch, -1, 1).expand(-1, -1, vectors.shape[2])  # (B, H*W, F)
    painted = vectors.gather(1, index)
    return painted.permute(0, 2, 1).reshape(batch, -1, height, width)

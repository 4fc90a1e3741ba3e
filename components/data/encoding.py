"""Between what is stored (class indices, packed bits, bytes) and what the networks see.

Shapes: B pictures, C classes, H x W pixels.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def one_hot(label: Tensor, class_count: int) -> Tensor:
    """(B, H, W) uint8 class indices -> (B, C, H, W) float32 of zeros and ones.

    Raises:
        ValueError: where a label is not below `class_count`.
    """
    largest = int(label.max())
    if largest >= class_count:
        raise ValueError(f"label map: expected classes 0..{class_count - 1}, found {largest}")
    batch, height, width = label.shape
    encoded = torch.zeros(batch, class_count, height, width, device=label.device)
    return encoded.scatter_(1, label.long().unsqueeze(1), 1.0)


def boundary_map(instance: Tensor) -> Tensor:
    """Instance boundary map (Wang et al. 2018, Sec. 3.3).

    Args:
        instance: (B, H, W) integer ids.

    Returns:
        (B, 1, H, W) float32, 1 where a pixel's id differs from that of any of its 4 neighbours.
    """
    across = instance[:, :, 1:] != instance[:, :, :-1]
    down = instance[:, 1:, :] != instance[:, :-1, :]
    edge = torch.zeros_like(instance, dtype=torch.bool)
    edge[:, :, 1:] |= across
    edge[:, :, :-1] |= across
    edge[:, 1:, :] |= down
    edge[:, :-1, :] |= down
    return edge.unsqueeze(1).float()


def pack_bits(boundary: Tensor) -> NDArray[np.uint8]:
    """(B, 1, H, W) of zeros and ones -> (B, H, ceil(W / 8)) uint8, the leftmost pixel in the highest bit."""
    return np.packbits(boundary[:, 0].numpy().astype(bool), axis=-1)


def unpack_bits(packed: Tensor, width: int) -> Tensor:
    """(B, H, ceil(W / 8)) uint8 -> (B, 1, H, W) float32, the inverse of `pack_bits`, on any device."""
    shifts = torch.arange(7, -1, -1, device=packed.device, dtype=torch.uint8)
    bits = (packed.unsqueeze(-1) >> shifts) & 1  # (B, H, ceil(W / 8), 8)
    return bits.flatten(2)[:, :, :width].unsqueeze(1).float()


def to_signed_unit(pixels: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float32 in [-1, 1]."""
    return pixels.permute(0, 3, 1, 2).float().div(127.5).sub(1.0).contiguous()


def to_bytes(image: Tensor) -> Tensor:
    """(B, 3, H, W) in [-1, 1] -> (B, H, W, 3) uint8, rounded to the nearest grey level."""
    return image.float().add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def dense_ids(instance: NDArray[np.int32]) -> NDArray[np.int32]:
    """(H, W) any ids -> (H, W) int32 ids 0..M-1 in the order of the ids that occur."""
    _, dense = np.unique(instance, return_inverse=True)
    return dense.reshape(instance.shape).astype(np.int32)

"""Between what is stored (class indices, packed bits, bytes) and what the networks see.

Shapes: B pictures, C classes, H x W pixels.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def check_labels(label: NDArray[np.generic], class_count: int, names: Sequence[str]) -> None:
    """Check label maps (B, H, W) on the host: on a GPU a label without a class ends in an error that names nothing.

    Raises:
        ValueError: naming the picture and its largest label, where that is not below `class_count`.
    """
    for name, largest in zip(names, label.max(axis=(1, 2)).tolist(), strict=True):
        if largest >= class_count:
            raise ValueError(f"{name}: label map: expected classes 0..{class_count - 1}, found {largest}")


def one_hot(label: Tensor, class_count: int, extra: Tensor | None = None) -> Tensor:
    """Class indices to channels of zeros and ones.

    Labels are not checked here, where that would wait for the device: see `check_labels`.

    Args:
        label: (B, H, W) uint8, all below `class_count`.
        class_count: C.
        extra: (B, E, H, W) further channels; at once, since `torch.cat` would write all the others a second time.

    Returns:
        (B, C + E, H, W) float32.
    """
    batch, height, width = label.shape
    extra_count = 0 if extra is None else extra.shape[1]
    encoded = torch.zeros(batch, class_count + extra_count, height, width, device=label.device)
    encoded[:, :class_count].scatter_(1, label.long().unsqueeze(1), 1.0)
    if extra is not None:
        encoded[:, class_count:] = extra
    return encoded


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

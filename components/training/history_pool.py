"""A history of synthesized images, from which the discriminators learn too (Shrivastava et al. 2017, Sec. 2.3).

Shapes: B pictures, C condition channels, H x W the size of the phase.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Judged:
    """What the discriminators are shown: condition (B, C, H, W) and synthesized image (B, 3, H, W), detached."""

    condition: Tensor
    image: Tensor


class HistoryPool:
    """Keeps synthesized images with their conditions, on the host.

    As published: the first `size` are kept and shown; from then on each is shown, or, with probability one half,
    exchanged for one of the kept ones of its shape. Draws come from torch's global generator.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: list[dict[str, Tensor]] = []

    def exchange(self, condition: Tensor, image: Tensor) -> Judged:
        """Give for each picture itself or an earlier one."""
        shown = [self._exchange_one(*pair) for pair in zip(condition, image.detach(), strict=True)]
        return Judged(
            condition=torch.stack([each[0] for each in shown]), image=torch.stack([each[1] for each in shown])
        )

    def pack(self) -> list[dict[str, Tensor]]:
        """Give what is kept."""
        return self._kept

    def unpack(self, kept: list[dict[str, Any]]) -> None:
        """Take over what was kept."""
        self._kept = kept

    def _exchange_one(self, condition: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        if len(self._kept) < self.size:
            self._kept.append(_compact(condition, image))
            return condition, image
        alike = [number for number, kept in enumerate(self._kept) if kept["image"].shape == image.shape]
        if not alike or torch.rand(()) < 0.5:
            return condition, image
        number = alike[int(torch.randint(len(alike), ()))]
        kept = self._kept[number]
        self._kept[number] = _compact(condition, image)
        return kept["condition"].to(condition), kept["image"].to(image)


def _compact(condition: Tensor, image: Tensor) -> dict[str, Tensor]:
    """One-hot and boundary map as bytes; an RGB condition as it is."""
    as_bytes = condition.to(torch.uint8)
    whole = bool((as_bytes == condition).all())
    return {"condition": (as_bytes if whole else condition).cpu().clone(), "image": image.cpu().clone()}

"""Least-squares adversarial loss over all scales (Wang et al. 2018, eq. 2; Mao et al. 2017)."""

import torch
from torch import Tensor

from components.models.discriminator import ScaleFeatures


def least_squares(scales: list[ScaleFeatures], target: float) -> Tensor:
    """Squared distance of the patch predictions to a target, summed over the discriminators.

    Args:
        scales: each discriminator's layer results, its prediction (B, 1, h, w) last.
        target: 1 for real, 0 for synthesized.

    Returns:
        scalar: the mean over batch and patches, summed over scales.
    """
    return torch.stack([(features[-1].float() - target).square().mean() for features in scales]).sum()

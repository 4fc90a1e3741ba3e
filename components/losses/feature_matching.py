"""Feature matching loss (Wang et al. 2018, eq. 4)."""

import torch
from torch import Tensor

from components.models.discriminator import ScaleFeatures


def feature_matching(fake: list[ScaleFeatures], real: list[ScaleFeatures]) -> Tensor:
    """Mean absolute distance of the discriminators' layer results on synthesized and real images.

    Weights as published: 4 / (n_layers_D + 1) a layer and 1 / num_D a scale; the prediction is left
    out and the real side is a constant.

    Args:
        fake: each discriminator's layer results on (condition, synthesized).
        real: likewise on (condition, photo).

    Returns:
        scalar, before λ.
    """
    distances = [
        (a - b.detach()).abs().mean(dtype=torch.float32) * 4 / (len(fake_scale) - 1)
        for fake_scale, real_scale in zip(fake, real, strict=True)
        for a, b in zip(fake_scale[:-1], real_scale[:-1], strict=True)
    ]
    return torch.stack(distances).sum() / len(fake)

"""Adversarial losses over all scales (Wang et al. 2018, eq. 2), of three kinds.

Least squares: Mao et al. 2017. Cross entropy, non-saturating: Goodfellow et al. 2014, as in pix2pix; the predictions
are logits. Hinge: Lim & Ye 2017.
Shapes: B pictures, h x w patches of a discriminator; its prediction (B, 1, h, w) is the last of its layer results.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from components.losses.config import Adversarial
from components.models.discriminator import ScaleFeatures

PatchLoss = Callable[[Tensor], Tensor]

REAL: dict[Adversarial, PatchLoss] = {
    "least_squares": lambda prediction: (prediction - 1).square(),
    "cross_entropy": lambda logit: softplus(-logit),
    "hinge": lambda prediction: relu(1 - prediction),
}
FAKE: dict[Adversarial, PatchLoss] = {
    "least_squares": lambda prediction: prediction.square(),
    "cross_entropy": lambda logit: softplus(logit),
    "hinge": lambda prediction: relu(1 + prediction),
}
# The generator wants to be judged real; by the hinge it would learn nothing from patches past the margin.
GENERATOR: dict[Adversarial, PatchLoss] = REAL | {"hinge": lambda prediction: -prediction}


def generator_loss(kind: Adversarial, fake: list[ScaleFeatures]) -> Tensor:
    """What the generator minimises.

    Args:
        kind: which loss.
        fake: each discriminator's layer results on (condition, synthesized).

    Returns:
        float32 scalar: the mean over batch and patches, summed over the discriminators.
    """
    return _over_scales(GENERATOR[kind], fake)


def real_loss(kind: Adversarial, real: list[ScaleFeatures]) -> Tensor:
    """What the discriminators minimise on (condition, photo); shapes as in `generator_loss`."""
    return _over_scales(REAL[kind], real)


def fake_loss(kind: Adversarial, fake: list[ScaleFeatures]) -> Tensor:
    """What the discriminators minimise on (condition, synthesized); shapes as in `generator_loss`."""
    return _over_scales(FAKE[kind], fake)


def _over_scales(loss: PatchLoss, scales: list[ScaleFeatures]) -> Tensor:
    return torch.stack([loss(features[-1].float()).mean() for features in scales]).sum()

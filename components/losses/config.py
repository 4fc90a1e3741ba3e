"""The `losses` section of the parameters."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from components.config import Config

Adversarial = Literal["least_squares", "cross_entropy", "hinge"]
Perceptual = Literal["johnson", "chen_koltun"]


class LossesConfig(Config):
    """Kinds and weights of the losses (Wang et al. 2018, Sec. 3.2 and 4).

    Attributes:
        adversarial: `least_squares` as Wang et al., `cross_entropy` as pix2pix, or `hinge`.
        lambda_feature_matching: λ of the feature matching loss; 0 leaves it out.
        lambda_l1: λ of the L1 distance of synthesized image and photo, as pix2pix; 0 leaves it out.
        lambda_perceptual: λ of the VGG19 loss; without weights the loss is left out.
        perceptual: `johnson`, layers and weights of Wang et al., or `chen_koltun`, those of Chen & Koltun.
        vgg_weights: a local file with torchvision's VGG19 weights, or null.
    """

    adversarial: Adversarial
    lambda_feature_matching: float = Field(ge=0)
    lambda_l1: float = Field(ge=0)
    lambda_perceptual: float = Field(ge=0)
    perceptual: Perceptual
    vgg_weights: Path | None

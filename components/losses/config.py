"""The `losses` section of the parameters."""

from pathlib import Path

from pydantic import Field

from components.config import Config


class LossesConfig(Config):
    """Weights of the losses (Wang et al. 2018, Sec. 3.3 and 3.5).

    Attributes:
        lambda_feature_matching: λ of the feature matching loss; 0 leaves it out.
        lambda_perceptual: λ of the VGG19 loss; without weights the loss is left out.
        vgg_weights: a local file with torchvision's VGG19 weights, or null.
    """

    lambda_feature_matching: float = Field(ge=0)
    lambda_perceptual: float = Field(ge=0)
    vgg_weights: Path | None

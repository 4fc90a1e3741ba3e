"""The `train_segmenter` and `evaluate` sections of the parameters."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from components.config import Config
from components.evaluation.bootstrap import Bootstrap


class SegmenterConfig(Config):
    """How the evaluator is trained.

    Attributes:
        encoder: PSPNet's backbone.
        channels: of the pyramid pooling's result.
        checkpoint: a local safetensors file of weights to use in place of training, or null.
        epochs: passes over the training photos.
        batch_size: photos a step.
        learning_rate: Adam's rate at the start; it falls to zero along a half cosine.
        seed: of the initial weights, the order of photos and the mirroring.
    """

    encoder: Literal["resnet18", "resnet34", "resnet50", "resnet101"]
    channels: int = Field(ge=1)
    checkpoint: Path | None
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    seed: int = Field(ge=0)


class EvaluateConfig(Config):
    """What is measured on the synthesized pictures, and shown.

    Attributes:
        minimum_oracle_mean_iou: mean IoU on real photos below which the evaluator is reported as too weak to judge.
        boundary_band: half-width in pixels of the band around instance boundaries that is scored by itself.
        inception_weights: a local file of the Inception weights that FID and KID are defined on; null measures the same
            distances on the evaluator's features, under names of their own.
        bootstrap_samples: resamples of the pictures, from which confidence intervals are made.
        confidence: of the intervals.
        seed: of the resamples.
        grid_rows: pictures in the grid of condition / synthesized / real.
        page_pictures: best pictures on the page of results, and as many worst ones.
    """

    minimum_oracle_mean_iou: float = Field(ge=0, le=1)
    boundary_band: int = Field(ge=1)
    inception_weights: Path | None
    bootstrap_samples: int = Field(ge=100)
    confidence: float = Field(gt=0, lt=1)
    seed: int = Field(ge=0)
    grid_rows: int = Field(ge=1)
    page_pictures: int = Field(ge=1)

    @property
    def bootstrap(self) -> Bootstrap:
        """How confidence intervals are made."""
        return Bootstrap(self.bootstrap_samples, self.confidence, self.seed)

"""The `train_segmenter` and `evaluate` sections of the parameters."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from components.config import Config


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
    """What evaluation shows.

    Attributes:
        grid_rows: pictures in the grid of condition / synthesized / real.
    """

    grid_rows: int = Field(ge=1)

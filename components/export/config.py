"""The `export` section of the parameters."""

from typing import Literal

from pydantic import Field

from components.config import Config

Precision = Literal["float16", "int8"]


class ExportConfig(Config):
    """How the bundle is made and checked.

    Attributes:
        opset: of ONNX.
        tolerance: grey levels by which ONNX Runtime may differ from torch at any pixel, in float32.
        precisions: in which the graph is written beside float32: `float16`, for GPUs, and `int8`, for CPUs.
        int8_max_loss: by how much the mean IoU of the validation set, in 0..1, may be lower with the int8 graph than
            with the float32 one; where it is lower still, the bundle has no int8 graph.
        calibration_maps: training maps on which int8 finds the ranges of its numbers.
        samples: scenes of the validation set in the bundle, for people to begin with; 0 for none.
        gallery: masks of objects in the bundle, of each class with instances at most; 0 for none.
    """

    opset: int = Field(ge=18)
    tolerance: int = Field(ge=0, le=255)
    precisions: tuple[Precision, ...]
    int8_max_loss: float = Field(ge=0, le=1)
    calibration_maps: int = Field(ge=1)
    samples: int = Field(ge=0, le=64)
    gallery: int = Field(ge=0, le=64)

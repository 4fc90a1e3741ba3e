"""The `export` section of the parameters."""

from pydantic import Field

from components.config import Config


class ExportConfig(Config):
    """How the bundle is made and checked.

    Attributes:
        opset: of ONNX.
        tolerance: grey levels by which ONNX Runtime may differ from torch at any pixel.
    """

    opset: int = Field(ge=18)
    tolerance: int = Field(ge=0, le=255)

"""Pictures as bytes.

Shapes: H x W pixels.
"""

from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PictureFormat = Literal["png", "webp"]
MEDIA_TYPES: dict[PictureFormat, str] = {"png": "image/png", "webp": "image/webp"}
# Measured: docs/server.md.
_PNG_LEVEL = 1
_WEBP_QUALITY, _WEBP_METHOD = 90, 0


def encoded(image_HW3: NDArray[np.uint8], picture_format: PictureFormat) -> bytes:
    """Give a picture as the content of a file: PNG keeps every pixel, WebP is smaller."""
    file = BytesIO()
    image = Image.fromarray(image_HW3)
    if picture_format == "png":
        image.save(file, "PNG", compress_level=_PNG_LEVEL)
    else:
        image.save(file, "WEBP", quality=_WEBP_QUALITY, method=_WEBP_METHOD)
    return file.getvalue()


def index_png(indices_HW: NDArray[np.uint8] | NDArray[np.uint16], palette: list[int] | None = None) -> bytes:
    """Give a map as PNG: uint8 with a palette, where there is one, or uint16."""
    file = BytesIO()
    image = Image.fromarray(indices_HW)
    if palette is not None:
        image.putpalette(palette)
    image.save(file, "PNG")
    return file.getvalue()

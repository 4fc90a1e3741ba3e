"""Pictures as bytes.

Shapes: H x W pixels.
"""

import struct
import zlib
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PictureFormat = Literal["png", "webp"]
MEDIA_TYPES: dict[PictureFormat, str] = {"png": "image/png", "webp": "image/webp"}
_WEBP_QUALITY, _WEBP_METHOD = 90, 0  # other methods take up to four times as long for a few bytes
_SUB = 1  # PNG's filter type: the difference to the pixel on the left


def encoded(image_HW3: NDArray[np.uint8], picture_format: PictureFormat) -> bytes:
    """Give a picture as the content of a file: PNG keeps every pixel, WebP is smaller."""
    if picture_format == "png":
        return _rgb_png(image_HW3)
    file = BytesIO()
    Image.fromarray(image_HW3).save(file, "WEBP", quality=_WEBP_QUALITY, method=_WEBP_METHOD)
    return file.getvalue()


def index_png(indices_HW: NDArray[np.uint8] | NDArray[np.uint16], palette: list[int] | None = None) -> bytes:
    """Give a map as PNG: uint8 with a palette, where there is one, or uint16."""
    file = BytesIO()
    image = Image.fromarray(indices_HW)
    if palette is not None:
        image.putpalette(palette)
    image.save(file, "PNG")
    return file.getvalue()


def _rgb_png(image_HW3: NDArray[np.uint8]) -> bytes:
    """Give a picture as PNG, with one filter and runs alone.

    Pillow takes four times as long for as many bytes, and lets no other thread go on meanwhile.
    """
    height, width, _ = image_HW3.shape
    flat = image_HW3.reshape(height, 3 * width)
    rows = np.empty((height, 1 + 3 * width), np.uint8)
    rows[:, 0] = _SUB
    rows[:, 1:4] = flat[:, :3]
    np.subtract(flat[:, 3:], flat[:, :-3], out=rows[:, 4:])
    packer = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    content = packer.compress(rows.data) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits of red, green and blue
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, (b"IHDR", b"IDAT", b"IEND"), (header, content, b"")))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))

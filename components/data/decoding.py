"""Opening the files of a record as numpy arrays.

Each `read_*` decodes the whole file, so a truncated one is found, and refuses what Pillow would convert in silence:
16-bit photos (cut to 8 bits) and greyscale label maps of fewer than 8 bits (their indices scaled to 0..255).
"""

import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

FileRole = Literal["image", "label", "instance", "condition"]
ROLE_NAMES: dict[FileRole, str] = {
    "image": "photo",
    "label": "label map",
    "instance": "instance map",
    "condition": "RGB condition",
}

# What Pillow's decoders raise for broken files; OSError includes its UnidentifiedImageError.
_BROKEN_FILE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


def read_label(path: Path) -> npt.NDArray[np.uint8]:
    """Read a label map.

    Args:
        path: a PNG of 8-bit class indices, greyscale (L) or palette (P).

    Returns:
        Class indices, (H, W) uint8.

    Raises:
        ValueError: the file is unreadable, truncated or of another mode or depth.
    """
    image, raw_mode = _load(path)
    if image.mode not in ("L", "P"):
        raise ValueError(f"{path}: label map has mode {image.mode}, expected 8-bit class indices (L or P)")
    _refuse_scaled_indices(path, "label map", raw_mode)
    return np.array(image, dtype=np.uint8)


def read_instance(path: Path) -> npt.NDArray[np.int32]:
    """Read an instance map.

    Args:
        path: a file of one integer channel: 8-bit (L or P), 16-bit (I;16) or 32-bit (I).

    Returns:
        Instance ids, (H, W) int32, not negative.

    Raises:
        ValueError: the file is unreadable, truncated or of another mode, or an id is not in 0..2^31-1.
    """
    image, raw_mode = _load(path)
    if image.mode not in ("L", "P", "I", "I;16", "I;16B", "I;16L"):
        raise ValueError(f"{path}: instance map has mode {image.mode}, expected integer ids (L, P, I;16 or I)")
    _refuse_scaled_indices(path, "instance map", raw_mode)
    instance_HW = np.array(image).astype(np.int32)
    if instance_HW.size and instance_HW.min() < 0:
        # Pillow holds 32-bit pixels as signed, so an unsigned id past 2^31-1 arrives here as a negative one.
        raise ValueError(f"{path}: instance map has id {instance_HW.min()} as int32, expected ids in 0..{2**31 - 1}")
    return instance_HW


def read_photo(path: Path) -> npt.NDArray[np.uint8]:
    """Read a photo or an RGB condition.

    Args:
        path: an RGB, greyscale or palette picture of at most 8 bits a channel.

    Returns:
        RGB in 0..255, (H, W, 3) uint8.

    Raises:
        ValueError: the file is unreadable or truncated, has an alpha channel, more than 8 bits a channel or another
            mode, or its EXIF data asks for a rotation that label maps would not follow.
    """
    image, raw_mode = _load(path)
    if image.has_transparency_data:
        raise ValueError(f"{path}: photo has transparency (mode {image.mode}), expected RGB without alpha")
    if image.mode not in ("RGB", "L", "P", "1") or ";16" in raw_mode:
        raise ValueError(f"{path}: photo has mode {raw_mode}, expected 8-bit RGB, greyscale or palette")
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation != 1:
        raise ValueError(f"{path}: photo has EXIF orientation {orientation}, expected 1 (pixels stored upright)")
    return np.array(image.convert("RGB"))


def _load(path: Path) -> tuple[Image.Image, str]:
    """Decode a file whole; give it with the pixel layout that it has on disk, as in `L;4` or `RGB;16B`."""
    try:
        with Image.open(path) as image:
            layout = image.tile[0].args if image.tile else image.mode
            image.load()
    except _BROKEN_FILE as error:
        raise _unreadable(path, error) from error
    return image, layout if isinstance(layout, str) else str(layout[0] if layout else image.mode)


def _refuse_scaled_indices(path: Path, role: str, raw_mode: str) -> None:
    """Refuse greyscale of 2 or 4 bits, whose values Pillow multiplies to fill 0..255."""
    if raw_mode in ("L;2", "L;4"):
        raise ValueError(f"{path}: {role} has {raw_mode[-1]}-bit greyscale, expected at least 8 bits or a palette")


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: unreadable or truncated, expected a whole picture file ({error})")

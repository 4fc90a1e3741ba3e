"""Opening the files of a record as numpy arrays.

Each `read_*` decodes the whole file, so a truncated one is found, and refuses what Pillow would convert in silence:
16-bit photos (cut to 8 bits), greyscale label maps of fewer than 8 bits (their indices scaled to 0..255), maps from a
lossy format, and all frames but the first. A photo is turned upright as its EXIF orientation asks; a label map has to
match the upright photo. Every message ends in what to do.
"""

import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

FileRole = Literal["image", "label", "instance", "condition"]
ROLE_NAMES: dict[FileRole, str] = {
    "image": "photo",
    "label": "label map",
    "instance": "instance map",
    "condition": "RGB condition",
}

# What Pillow's decoders raise for broken files; OSError includes its UnidentifiedImageError.
_BROKEN_FILE = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, OverflowError, EOFError, MemoryError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)
_MAP_FORMATS = ("PNG", "BMP", "PPM", "TIFF")  # lossless; writers of GIF renumber the palette
_LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")
_UPRIGHT = (0, 1)  # 0 is what some cameras write for 'unknown'

_WRONG_LABEL_MODE = {
    "1": "save the indices with 8 bits a pixel",
    "I": "save the indices with 8 bits a pixel, or move it to the instance maps if it holds ids of objects",
    "F": "save the indices as 8-bit integers",
    "LA": "remove its alpha channel",
    "PA": "remove its alpha channel",
    "RGB": "replace each colour by the index of its class and save one channel",
    "RGBA": "remove its alpha channel, replace each colour by the index of its class and save one channel",
}
_WRONG_INSTANCE_MODE = {
    "1": "save the ids with 8 or 16 bits a pixel",
    "F": "save the ids as 16-bit integers",
    "LA": "remove its alpha channel",
    "PA": "remove its alpha channel",
}


def read_label(path: Path) -> npt.NDArray[np.uint8]:
    """Read a label map.

    Args:
        path: a PNG of 8-bit class indices, greyscale (L) or palette (P).

    Returns:
        Class indices, (H, W) uint8.

    Raises:
        ValueError: the file is unreadable, truncated, lossy or of another mode or depth.
    """
    image, raw_mode = _load(path)
    _refuse_as_map(path, "label map", image, raw_mode)
    if image.mode not in ("L", "P"):
        advice = _WRONG_LABEL_MODE.get(image.mode.split(";")[0], _WRONG_LABEL_MODE["RGB"])
        raise ValueError(f"{path}: label map has mode {image.mode}, expected 8-bit class indices (L or P): {advice}")
    return np.array(image, dtype=np.uint8)


def read_instance(path: Path) -> npt.NDArray[np.int32]:
    """Read an instance map.

    Args:
        path: a file of one integer channel: 8-bit (L or P), 16-bit (I;16) or 32-bit (I).

    Returns:
        Instance ids, (H, W) int32, not negative.

    Raises:
        ValueError: the file is unreadable, truncated, lossy or of another mode, or an id is not in 0..2^31-1.
    """
    image, raw_mode = _load(path)
    _refuse_as_map(path, "instance map", image, raw_mode)
    if image.mode not in ("L", "P", "I", "I;16", "I;16B", "I;16L"):
        advice = _WRONG_INSTANCE_MODE.get(image.mode, "replace each colour by one id and save one channel of 16 bits")
        raise ValueError(
            f"{path}: instance map has mode {image.mode}, expected integer ids (L, P, I;16 or I): {advice}"
        )
    instance_HW = np.array(image).astype(np.int32)
    if instance_HW.size and instance_HW.min() < 0:
        # Pillow holds 32-bit pixels as signed, so an unsigned id past 2^31-1 arrives here as a negative one.
        raise ValueError(
            f"{path}: instance map has id {instance_HW.min()} as int32, expected ids in 0..{2**31 - 1}: number the "
            "objects of each picture anew"
        )
    return instance_HW


def read_photo(path: Path) -> npt.NDArray[np.uint8]:
    """Read a photo or an RGB condition, turned upright as its EXIF orientation asks.

    Args:
        path: an RGB, greyscale or palette picture of at most 8 bits a channel; an alpha channel has to be opaque.

    Returns:
        RGB in 0..255, (H, W, 3) uint8.

    Raises:
        ValueError: the file is unreadable or truncated, has transparent pixels, more than 8 bits a channel or another
            mode.
    """
    image, raw_mode = _load(path)
    if image.mode not in ("RGB", "L", "P", "1", "RGBA", "LA", "PA") or ";16" in raw_mode:
        raise ValueError(
            f"{path}: photo has mode {raw_mode}, expected 8-bit RGB, greyscale or palette: convert it to 8-bit RGB"
        )
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        raise ValueError(
            f"{path}: photo has transparency (mode {image.mode}), expected RGB without alpha: put it on an opaque "
            "background, or leave it out"
        )
    try:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except _BROKEN_FILE as error:
        raise ValueError(f"{path}: EXIF data cannot be read ({error}): remove it from the photo") from error


def exif_orientation(path: Path) -> int:
    """Give the EXIF orientation of a photo that `read_photo` takes: 1 for upright, 2..8 for turned or mirrored."""
    with Image.open(path) as image:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation if orientation in range(2, 9) else 1


def verify_file(path: Path) -> None:
    """Check what decoding pixels does not look at: that the file has content, and the checksums of a PNG.

    Raises:
        ValueError: the path is no regular file, or the file is empty, not readable or damaged.
    """
    try:
        if not path.is_file():
            raise ValueError(f"{path}: is no file that can be read, expected a picture: replace it")
        if path.stat().st_size == 0:
            raise ValueError(f"{path}: empty file, expected a picture: copy or export it again")
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        with Image.open(path) as image:
            image.verify()
    except _BROKEN_FILE as error:
        raise _unreadable(path, error) from error


def _load(path: Path) -> tuple[Image.Image, str]:
    """Decode a file whole; give it with the pixel layout that it has on disk, as in `L;4` or `RGB;16B`."""
    try:
        with Image.open(path) as image:
            layout = image.tile[0].args if image.tile else image.mode
            frames = getattr(image, "n_frames", 1)
            image.load()
    except _BROKEN_FILE as error:
        raise _unreadable(path, error) from error
    if frames > 1 and image.format != "MPO":  # the further pictures of a camera's MPO file are previews
        raise ValueError(f"{path}: has {frames} frames, expected one picture: save each frame as a file of its own")
    return image, layout if isinstance(layout, str) else str(layout[0] if layout else image.mode)


def _refuse_as_map(path: Path, role: str, image: Image.Image, raw_mode: str) -> None:
    """Refuse what changes indices: formats for photos, rotations, and the 2 or 4-bit greyscale that Pillow scales."""
    if image.format not in _MAP_FORMATS or image.info.get("compression") in _LOSSY_TIFF:
        raise ValueError(
            f"{path}: {role} is a {image.format} file, expected a PNG, as formats for photos change indices: export it "
            "again as PNG (converting this file would keep the damage)"
        )
    if raw_mode in ("L;2", "L;4"):
        raise ValueError(
            f"{path}: {role} has {raw_mode[-1]}-bit greyscale, expected at least 8 bits or a palette: save it with "
            "8 bits a pixel"
        )
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _BROKEN_FILE as error:
        raise ValueError(f"{path}: EXIF data cannot be read ({error}): remove it from the {role}") from error
    if orientation not in _UPRIGHT:
        raise ValueError(
            f"{path}: {role} has EXIF orientation {orientation}, expected none: turn its pixels to match the upright "
            "photo and remove the EXIF data"
        )


def _unreadable(path: Path, error: Exception) -> ValueError:
    if isinstance(error, PermissionError):
        return ValueError(f"{path}: cannot be read ({error.strerror}): give this user the right to read it")
    return ValueError(
        f"{path}: unreadable or truncated, expected a whole picture file: copy or export it again ({error})"
    )

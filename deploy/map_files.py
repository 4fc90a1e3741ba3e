"""Label maps, instance maps and photos from files.

Shapes: H x W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from components.inference import Bundle

Size = tuple[int, int]  # height, width

_BROKEN_FILE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises for them


@dataclass(frozen=True)
class Source:
    """The files of one picture: label map or RGB condition, instance map, and the picture that is made of them."""

    condition: Path
    instances: Path | None
    target: Path


def find_sources(maps: Path, instances: Path | None, out: Path) -> list[Source]:
    """Pair the files.

    Args:
        maps: a PNG file, or a folder whose PNG files are taken, those of its subfolders too.
        instances: a file for a file; for a folder a folder with a file of the same path for each.
        out: the folder that gets a picture of the same path for each.

    Raises:
        ValueError: there is no map, or a picture would replace a map or lie among them.
    """
    if maps.is_dir():
        if out.resolve().is_relative_to(maps.resolve()):
            raise ValueError(f"--out {out}: lies in {maps}, expected another folder: pictures are no label maps")
        names = sorted(path.relative_to(maps) for path in maps.rglob("*") if path.suffix.lower() == ".png")
        sources = [Source(maps / name, instances / name if instances else None, out / name) for name in names]
    else:
        sources = [Source(maps, instances, out / maps.name)] if maps.is_file() else []
    if not sources:
        raise ValueError(f"{maps}: found no PNG file, expected one or a folder with some")
    for source in sources:
        if source.target.resolve() in [path.resolve() for path in (source.condition, source.instances) if path]:
            raise ValueError(f"--out {out}: the picture would replace {source.target}, expected another folder")
    return sources


def read_maps(
    bundle: Bundle, condition: Path, instances: Path | None, size: Size | None = None, photo: Path | None = None
) -> dict[str, NDArray[Any]]:
    """Read the maps of a picture and, where they were drawn on one, the photo.

    Args:
        bundle: of the model.
        condition: label map, or RGB picture where the model has no classes.
        instances: instance map of any ids.
        size: to resize to, maps by nearest neighbour, pictures bicubically; None leaves them as they are.
        photo: that the maps were drawn on.

    Returns:
        `label` uint8 [H, W] or `picture` uint8 [H, W, 3], and, where they are given, `instance` int32 [H, W] and
        `image` uint8 [H, W, 3].

    Raises:
        ValueError: a file is no such map, files differ in size, a class is unknown, or the model takes no such size.
    """
    pixels = {condition: read_indices(condition) if bundle.class_count else read_picture(condition)}
    if instances is not None:
        pixels[instances] = read_indices(instances)
    if photo is not None:
        pixels[photo] = read_picture(photo)
    if bundle.class_count and pixels[condition].max() >= bundle.class_count:
        raise ValueError(f"{condition}: found class {pixels[condition].max()}, expected 0..{bundle.class_count - 1}")
    found = pixels[condition].shape[:2]
    for path, array in pixels.items():
        if array.shape[:2] != found:
            expected = f"expected {_written(found)}, the size of {condition}"
            raise ValueError(f"{path}: found {_written(array.shape)} (HxW), {expected}")
    multiple = bundle.size_multiple
    if size is None and any(pixel_count % multiple for pixel_count in found):
        larger = _written([-(-pixel_count // multiple) * multiple for pixel_count in found])
        expected = f"expected multiples of {multiple}; --size {larger} resizes it"
        raise ValueError(f"{condition}: found {_written(found)} (HxW), {expected}")
    files = {"label" if bundle.class_count else "picture": condition, "instance": instances, "image": photo}
    maps = {name: _resized(pixels[path], size or found) for name, path in files.items() if path is not None}
    if "label" in maps:
        maps["label"] = maps["label"].astype(np.uint8)
    return maps


def read_indices(path: Path) -> NDArray[np.int32]:
    """Read a PNG with one index a pixel, greyscale or palette, in 8 or 16 bits; int32 [H, W].

    Raises:
        ValueError: it is no such file.
    """
    image, layout = _load(path)
    # Greyscale of fewer bits is spread over 0..255 by Pillow.
    if image.format != "PNG" or image.mode not in ("L", "P", "I", "I;16") or layout in ("L;2", "L;4"):
        expected = "expected a PNG with one index a pixel in 8 or 16 bits (greyscale or palette)"
        raise ValueError(f"{path}: found a {image.format} of mode {layout}, {expected}")
    return np.array(image).astype(np.int32)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a photo, turned upright as its EXIF orientation asks, or an RGB condition; uint8 [H, W, 3].

    Raises:
        ValueError: it is no picture of 8 bits a channel.
    """
    image, layout = _load(path)
    if image.mode not in ("RGB", "RGBA", "L", "P") or ";16" in layout:
        raise ValueError(f"{path}: found mode {layout}, expected 8-bit RGB")
    return np.array(ImageOps.exif_transpose(image).convert("RGB"))


def _load(path: Path) -> tuple[Image.Image, str]:
    """Decode a file whole; give it with the layout that its pixels have on disk, as in `L;4`."""
    try:
        with Image.open(path) as image:
            layout = image.tile[0].args if image.tile else image.mode
            image.load()
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file") from error
    except _BROKEN_FILE as error:
        raise ValueError(f"{path}: unreadable or truncated, expected a picture ({error})") from error
    return image, layout if isinstance(layout, str) else image.mode


def _resized(pixels: NDArray[Any], size: Size) -> NDArray[Any]:
    height, width = size
    if pixels.shape[:2] == size:
        return pixels
    method = Image.Resampling.NEAREST if pixels.ndim == 2 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(pixels).resize((width, height), method))


def _written(shape: Sequence[int]) -> str:
    return f"{shape[0]}x{shape[1]}"

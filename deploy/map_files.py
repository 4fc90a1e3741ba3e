"""Label maps, instance maps and photos from files and from what clients send.

Shapes: H x W pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from struct import error as StructError
from typing import Any
from zlib import error as ZlibError

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from components.inference import Bundle

Size = tuple[int, int]  # height, width

PNG = ("PNG",)
PICTURES = ("PNG", "JPEG", "WEBP")
# What Pillow was seen to raise for damaged files, and what the libraries beneath it raise.
_BROKEN_FILE = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError),
    *(StructError, ZlibError, Image.DecompressionBombError),
)


@dataclass(frozen=True, eq=False)
class Upload:
    """A file that a client sent. Its size and format are known before memory is taken for its pixels.

    Attributes:
        name: of the field, for errors.
        content: of the file.
        most_pixels: that it may have.
    """

    name: str
    content: bytes
    most_pixels: int

    def __str__(self) -> str:
        """Give the name of the field."""
        return self.name


MapSource = Path | Upload


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
    bundle: Bundle,
    condition: MapSource,
    instances: MapSource | None,
    size: Size | Callable[[Size], Size] | None = None,
    photo: MapSource | None = None,
    advice: str = "--size {size} resizes it",
) -> dict[str, NDArray[Any]]:
    """Read the maps of a picture and, where they were drawn on one, the photo.

    Args:
        bundle: of the model.
        condition: label map, or RGB picture where the model has no classes.
        instances: instance map of any ids.
        size: to resize to, maps by nearest neighbour, pictures bicubically, or what gives it for the size found; None
            leaves them as they are.
        photo: that the maps were drawn on.
        advice: for who sends maps of a size that the model does not take.

    Returns:
        `label` uint8 [H, W] or `picture` uint8 [H, W, 3], and, where they are given, `instance` int32 [H, W] and
        `image` uint8 [H, W, 3].

    Raises:
        ValueError: a file is no such map, files differ in size, a class is unknown, or the model takes no such size.
    """
    pixels = {condition: read_indices(condition) if bundle.class_count else read_picture(condition, PNG)}
    if instances is not None:
        pixels[instances] = read_indices(instances)
    if photo is not None:
        pixels[photo] = read_picture(photo)
    check_labels(bundle, condition, pixels[condition])
    found = pixels[condition].shape[:2]
    for source, array in pixels.items():
        if array.shape[:2] != found:
            expected = f"expected {_written(found)}, the size of {condition}"
            raise ValueError(f"{source}: found {_written(array.shape)} (HxW), {expected}")
    multiple = bundle.size_multiple
    if size is None and any(pixel_count % multiple for pixel_count in found):
        larger = _written([-(-pixel_count // multiple) * multiple for pixel_count in found])
        expected = f"expected multiples of {multiple}; {advice.format(size=larger)}"
        raise ValueError(f"{condition}: found {_written(found)} (HxW), {expected}")
    target = size(found) if callable(size) else size or found
    files = {"label" if bundle.class_count else "picture": condition, "instance": instances, "image": photo}
    maps = {name: resized(pixels[source], target) for name, source in files.items() if source is not None}
    if "label" in maps:
        maps["label"] = maps["label"].astype(np.uint8)
    return maps


def check_labels(bundle: Bundle, source: MapSource, pixels: NDArray[Any]) -> None:
    """Check the classes of a label map; a picture, where the model has no classes, has none.

    Raises:
        ValueError: one is unknown.
    """
    if bundle.class_count and pixels.max() >= bundle.class_count:
        raise ValueError(f"{source}: found class {pixels.max()}, expected 0..{bundle.class_count - 1}")


def read_indices(source: MapSource) -> NDArray[np.int32]:
    """Read a PNG with one index a pixel, greyscale or palette, in 8 or 16 bits; int32 [H, W].

    Raises:
        ValueError: it is no such file.
    """
    image, layout = _load(source, PNG)
    # Greyscale of fewer bits is spread over 0..255 by Pillow.
    if image.format != "PNG" or image.mode not in ("L", "P", "I", "I;16") or layout in ("L;2", "L;4"):
        expected = "expected a PNG with one index a pixel in 8 or 16 bits (greyscale or palette)"
        raise ValueError(f"{source}: found a {image.format} of mode {layout}, {expected}")
    return np.array(image).astype(np.int32)


def read_picture(source: MapSource, formats: tuple[str, ...] = PICTURES) -> NDArray[np.uint8]:
    """Read a photo, turned upright as its EXIF orientation asks, or an RGB condition; uint8 [H, W, 3].

    Args:
        source: of the photo.
        formats: that clients may send.

    Raises:
        ValueError: it is no picture of 8 bits a channel.
    """
    image, layout = _load(source, formats)
    if image.mode not in ("RGB", "RGBA", "L", "P") or ";16" in layout:
        raise ValueError(f"{source}: found mode {layout}, expected 8-bit RGB")
    try:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except _BROKEN_FILE as error:
        raise ValueError(f"{source}: found EXIF that cannot be read, expected a picture ({error})") from error


def _load(source: MapSource, formats: tuple[str, ...]) -> tuple[Image.Image, str]:
    """Decode a file whole; give it with the layout that its pixels have on disk, as in `L;4`."""
    try:
        with _opened(source, formats) as image:
            layout = image.tile[0].args if image.tile else image.mode
            image.load()
    except FileNotFoundError as error:
        raise ValueError(f"{source}: no such file") from error
    except _BROKEN_FILE as error:
        if isinstance(error, ValueError) and str(error).startswith(f"{source}: found"):
            raise
        raise ValueError(f"{source}: unreadable or truncated, expected a picture ({error})") from error
    return image, layout if isinstance(layout, str) else image.mode


def _opened(source: MapSource, formats: tuple[str, ...]) -> ImageFile.ImageFile:
    if isinstance(source, Path):
        return Image.open(source)
    try:
        image = Image.open(BytesIO(source.content), formats=formats)
    except UnidentifiedImageError as error:  # it names an address in memory
        raise ValueError(f"{source}: found none that can be read, expected a {' or '.join(formats)} file") from error
    width, height = image.size
    if width * height > source.most_pixels:
        raise ValueError(f"{source}: found {height}x{width} (HxW), expected at most {source.most_pixels} pixels")
    if getattr(image, "is_animated", False) or image.get_format_mimetype() == "image/apng":
        raise ValueError(f"{source}: found an animation, expected a single picture")
    return image


def resized(pixels: NDArray[Any], size: Size) -> NDArray[Any]:
    """Resize a map by nearest neighbour, a picture bicubically."""
    height, width = size
    if pixels.shape[:2] == size:
        return pixels
    method = Image.Resampling.NEAREST if pixels.ndim == 2 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(pixels).resize((width, height), method))


def _written(shape: Sequence[int]) -> str:
    return f"{shape[0]}x{shape[1]}"

"""Sample scenes and masks of objects from a bundle's optional file `samples.json`: what an editor opens and offers.

Shapes: H x W pixels of a scene, h x w pixels of a mask.
"""

import base64
import binascii
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.inference.bundle import Bundle, BundleError

SAMPLES_FILE = "samples.json"
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}")  # also the part of an address that asks for the scene
FILE_LIMIT = 2**26  # bytes
PIXEL_LIMIT = 2**27  # of all scenes and masks together: 64 scenes of 2048 x 1024


@dataclass(frozen=True)
class SampleScene:
    """Label map uint8 [H, W] and instance map int32 [H, W] of a picture of the validation set."""

    name: str
    label: NDArray[np.uint8]
    instance: NDArray[np.int32]


@dataclass(frozen=True)
class GalleryMask:
    """The mask, bool [h, w], of a whole object of a class; its frame is as small as it can be."""

    class_index: int
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Samples:
    """What `samples.json` holds; nothing where a bundle has no such file."""

    scenes: tuple[SampleScene, ...] = ()
    gallery: tuple[GalleryMask, ...] = ()

    @classmethod
    def load(cls, bundle: Bundle) -> "Samples":
        """Read the file, where `bundle.json` lists it.

        Its form: `{"scenes": [{"name", "height", "width", "label": L, "instance": I}], "gallery": [{"class", "height",
        "width", "bits": B}]}`. L, I and B are base64 of zlib, row by row: L of uint8 class indices, I of little-endian
        uint16 ids, B of one bit a pixel, the first in the highest of a byte.

        Raises:
            BundleError: the file is missing, differs from its hash, or holds something unexpected.
        """
        if SAMPLES_FILE not in bundle.files:
            return cls()
        path = bundle.verified(bundle.folder / SAMPLES_FILE)
        if path.stat().st_size > FILE_LIMIT:
            raise BundleError(f"{path}: found {path.stat().st_size} bytes, expected at most {FILE_LIMIT}")
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise BundleError(f"{path}: found {error}, expected JSON") from error
        samples = _Reader(path, bundle).read(document)
        names = [scene.name for scene in samples.scenes]
        if len(set(names)) != len(names):
            raise BundleError(f"{path}: scenes: found names {names}, expected each once")
        return samples


class _Reader:
    """Reads one file; an error names it and the field, as in `scenes[2].label`."""

    def __init__(self, path: Path, bundle: Bundle) -> None:
        self._path = path
        self._bundle = bundle
        self._pixels = 0

    def read(self, document: Any) -> Samples:
        if "label" not in self._bundle.inputs:
            raise self._error("scenes", "samples of a model that takes pictures", "the file in bundles with classes")
        scenes = self._entries(document, "scenes")
        gallery = self._entries(document, "gallery")
        return Samples(
            tuple(self._scene(entry, f"scenes[{number}]") for number, entry in enumerate(scenes)),
            tuple(self._mask(entry, f"gallery[{number}]") for number, entry in enumerate(gallery)),
        )

    def _scene(self, entry: Any, field: str) -> SampleScene:
        name = self._field(entry, field, "name")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise self._error(f"{field}.name", name, f"a name of the form {NAME.pattern}")
        height, width = self._size(entry, field)
        multiple = self._bundle.size_multiple
        if height % multiple or width % multiple:
            raise self._error(field, f"{height}x{width} pixels (HxW)", f"multiples of {multiple}")
        label = np.frombuffer(self._unpacked(entry, field, "label", height * width), np.uint8)
        if label.max() >= self._bundle.class_count:
            raise self._error(f"{field}.label", label.max(), f"0..{self._bundle.class_count - 1}")
        instance = np.frombuffer(self._unpacked(entry, field, "instance", 2 * height * width), "<u2")
        return SampleScene(name, label.reshape(height, width).copy(), instance.reshape(height, width).astype(np.int32))

    def _mask(self, entry: Any, field: str) -> GalleryMask:
        class_index = self._whole_number(entry, field, "class", at_least=0)
        if class_index >= self._bundle.class_count:
            raise self._error(f"{field}.class", class_index, f"0..{self._bundle.class_count - 1}")
        height, width = self._size(entry, field)
        packed = np.frombuffer(self._unpacked(entry, field, "bits", -(-height * width // 8)), np.uint8)
        mask = np.unpackbits(packed, count=height * width).reshape(height, width).astype(bool)
        if not mask.any():
            raise self._error(f"{field}.bits", "no pixel that is set", "one or more")
        return GalleryMask(class_index, mask)

    def _size(self, entry: Any, field: str) -> tuple[int, int]:
        height = self._whole_number(entry, field, "height", at_least=1)
        width = self._whole_number(entry, field, "width", at_least=1)
        self._pixels += height * width
        if self._pixels > PIXEL_LIMIT:
            raise self._error(field, f"{self._pixels} pixels up to here", f"at most {PIXEL_LIMIT} in the file")
        return height, width

    def _unpacked(self, entry: Any, field: str, name: str, size: int) -> bytes:
        """Decode base64 of zlib; of what unpacks to more, no more than `size` bytes and one are ever in memory."""
        text, field = self._field(entry, field, name), f"{field}.{name}"
        if not isinstance(text, str):
            raise self._error(field, type(text).__name__, "text in base64")
        unpacker = zlib.decompressobj()
        try:
            content = unpacker.decompress(base64.b64decode(text, validate=True), size + 1)
        except (binascii.Error, ValueError, zlib.error) as error:
            raise self._error(field, str(error), "base64 of zlib") from error
        if len(content) != size:
            found = f"more than {size}" if len(content) > size else len(content)
            raise self._error(field, f"{found} bytes", size)
        if not unpacker.eof or unpacker.unused_data:
            raise self._error(field, "zlib that does not end with its content", "a whole stream and nothing after it")
        return content

    def _whole_number(self, entry: Any, field: str, name: str, *, at_least: int) -> int:
        value = self._field(entry, field, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
            raise self._error(f"{field}.{name}", value, f"a whole number, {at_least} or more")
        return value

    def _entries(self, document: Any, name: str) -> list[Any]:
        entries = self._field(document, "", name)
        if not isinstance(entries, list):
            raise self._error(name, type(entries).__name__, "a list")
        return entries

    def _field(self, entry: Any, field: str, name: str) -> Any:
        if not isinstance(entry, Mapping) or name not in entry:
            found = sorted(entry) if isinstance(entry, Mapping) else type(entry).__name__
            raise self._error(field or "the whole", found, f"an object with {name!r}")
        return entry[name]

    def _error(self, field: str, found: object, expected: object) -> BundleError:
        shown = repr(found) if isinstance(found, str) and len(found) > 100 else str(found)
        return BundleError(f"{self._path}: {field}: found {shown[:100]}, expected {expected}")

"""What a request may ask of the server, and what of its content is checked before memory is taken for it."""

import base64
import binascii
import zlib
from dataclasses import dataclass

LARGEST_IDS = 2**16  # that fit in two bytes, as scene documents have them
MOST_OPERATIONS = 4096


@dataclass(frozen=True)
class Limits:
    """Limits of a server.

    Attributes:
        bytes: of a request's body.
        pixels: of a picture, and of all pictures of a batch together.
        instances: ids of a scene, with those that have lost their pixels.
        operations: of one edit.
        queue: pictures that may wait.
        batch: pictures that are made at once.
        deadline: seconds that a request may take from its first byte on.
    """

    bytes: int = 16 * 2**20
    pixels: int = 2048 * 1024
    instances: int = 1024
    operations: int = 256
    queue: int = 64
    batch: int = 8
    deadline: float = 30.0

    def __post_init__(self) -> None:
        """Refuse limits that nothing could keep to."""
        for name in ("bytes", "pixels", "instances", "operations", "queue", "batch", "deadline"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected more than 0")
        for name, most in (("instances", LARGEST_IDS), ("operations", MOST_OPERATIONS)):
            if getattr(self, name) > most:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected at most {most}")

    @property
    def values(self) -> int:
        """How many values a JSON document may hold, so that reading one keeps nobody waiting."""
        return 100_000 + 16 * self.instances

    def check_size(self, name: str, height: int, width: int, multiple: int) -> None:
        """Check the size of a picture.

        Args:
            name: of what has it, for the error.
            height: in pixels.
            width: in pixels.
            multiple: that the model takes.

        Raises:
            ValueError: it is too large, or no multiple.
        """
        self.check_pixels(name, height, width)
        if height < 1 or width < 1 or height % multiple or width % multiple:
            fitting = " or ".join(f"{h}x{w}" for h, w in allowed_sizes(height, width, multiple))
            found = f"found {height}x{width} (HxW)"
            raise ValueError(f"{name}: {found}, expected multiples of {multiple}, such as {fitting}")

    def check_pixels(self, name: str, height: int, width: int) -> None:
        """Check how many pixels a picture has, whatever its sides.

        Raises:
            ValueError: they are too many.
        """
        if height * width > self.pixels:
            raise ValueError(f"{name}: found {height}x{width} (HxW), expected at most {self.pixels} pixels")

    def check_instances(self, name: str, count: int) -> None:
        """Check how many ids a scene has.

        Raises:
            ValueError: they are too many.
        """
        if count > self.instances:
            raise ValueError(f"{name}: found {count} instances, expected at most {self.instances}")


def allowed_sizes(height: int, width: int, multiple: int) -> list[tuple[int, int]]:
    """Give the next larger and, where there is one, the next smaller size of multiples."""
    larger = (max(1, -(-height // multiple)) * multiple, max(1, -(-width // multiple)) * multiple)
    smaller = (height // multiple * multiple, width // multiple * multiple)
    return [larger, smaller] if all(smaller) and smaller != larger else [larger]


def inflated(name: str, text: str, size: int) -> bytes:
    """Give the content of base64 of zlib, which must be `size` bytes; no more than that is ever unpacked.

    Raises:
        ValueError: it is no base64, no zlib, cut off, or of another size.
    """
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{name}: found no base64, expected that of zlib") from error
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, size + 1)
    except zlib.error as error:
        raise ValueError(f"{name}: found no zlib in the base64, expected {size} bytes in it") from error
    if len(content) != size or not unpacker.eof or unpacker.unused_data:
        found = "more" if len(content) > size else f"{len(content)}, or something after them"
        raise ValueError(f"{name}: found {found}, expected {size} bytes, no more and no less")
    return content


def deflated(content: bytes) -> str:
    """Pack as `inflated` reads; level 1, as time matters more than the few bytes."""
    return base64.b64encode(zlib.compress(content, 1)).decode("ascii")

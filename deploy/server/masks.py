"""Masks as JSON: strokes, polygons, what hangs together, and bitmaps.

Shapes: H x W pixels of the scene, h x w of a bitmap.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from components.inference.editing import Scene, brush_mask, connected_mask, polygon_mask
from components.inference.editing.masks import placed_mask
from deploy.server.documents import FARTHEST, Document, Packed, Side
from deploy.server.limits import Limits, inflated

MOST_POINTS = 4096
_POINTS_AT_ONCE = 16  # of a stroke, after which it is seen whether anybody waits for it still

Coordinate = Annotated[float, Field(ge=-FARTHEST, le=FARTHEST)]
Offset = Annotated[int, Field(ge=-FARTHEST, le=FARTHEST)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2, description="[y, x] in pixels")]


@dataclass(frozen=True)
class Course:
    """What an operation is done under.

    Attributes:
        limits: of the server.
        check: raises where the work is no longer wanted.
    """

    limits: Limits
    check: Callable[[], None]


class Brush(Document):
    """The pixels that are at most `radius` from the line through the points."""

    kind: Literal["brush"]
    points: Annotated[list[Point], Field(min_length=1, max_length=MOST_POINTS)]
    radius: Annotated[float, Field(ge=0, le=FARTHEST)]

    def pixels(self, scene: Scene, course: Course) -> NDArray[np.bool_]:
        """Give the mask, bool [H, W]."""
        height, width = scene.instance.shape
        mask_HW = np.zeros((height, width), bool)
        for start in range(0, max(len(self.points) - 1, 1), _POINTS_AT_ONCE):
            course.check()
            part = self.points[start : start + _POINTS_AT_ONCE + 1]
            mask_HW |= brush_mask((height, width), part, self.radius)
        return mask_HW


class Polygon(Document):
    """The pixels inside a closed line, and those on it."""

    kind: Literal["polygon"]
    points: Annotated[list[Point], Field(min_length=3, max_length=MOST_POINTS)]

    def pixels(self, scene: Scene, course: Course) -> NDArray[np.bool_]:
        """Give the mask, bool [H, W]."""
        height, width = scene.instance.shape
        return polygon_mask((height, width), self.points)


class Connected(Document):
    """The connected part of the object under a pixel."""

    kind: Literal["connected"]
    point: Annotated[list[Annotated[int, Field(ge=0, lt=FARTHEST)]], Field(min_length=2, max_length=2)]

    def pixels(self, scene: Scene, course: Course) -> NDArray[np.bool_]:
        """Give the mask, bool [H, W].

        Raises:
            ValueError: the pixel is outside the scene.
        """
        y, x = self.point
        return connected_mask(scene, y, x)


class Bitmap(Document):
    """A mask of its own size, its first pixel at row `top`, column `left`; what lies outside the scene is cut."""

    kind: Literal["bitmap"]
    height: Side
    width: Side
    top: Offset
    left: Offset
    bits: Annotated[Packed, Field(description="base64 of zlib of the bits, row by row, the first bit the highest")]

    def own_pixels(self, course: Course) -> NDArray[np.bool_]:
        """Give the mask in its own size, bool [h, w].

        Raises:
            ValueError: it is too large, or its bits are not as said.
        """
        course.limits.check_pixels("bitmap", self.height, self.width)
        return unpacked_bits("bitmap.bits", self.bits, self.height, self.width)

    def pixels(self, scene: Scene, course: Course) -> NDArray[np.bool_]:
        """Give the mask, bool [H, W].

        Raises:
            ValueError: as `own_pixels`.
        """
        height, width = scene.instance.shape
        return placed_mask((height, width), self.own_pixels(course), self.top, self.left)


Mask = Annotated[Brush | Polygon | Connected | Bitmap, Field(discriminator="kind")]


def unpacked_bits(name: str, bits: str, height: int, width: int) -> NDArray[np.bool_]:
    """Read the bits of a mask, bool [h, w].

    Raises:
        ValueError: they are not as a bitmap has them.
    """
    count = height * width
    content = np.frombuffer(inflated(name, bits, -(-count // 8)), np.uint8)
    return np.unpackbits(content, count=count).view(bool).reshape(height, width)

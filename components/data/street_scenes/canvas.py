"""Where a scene is painted: camera, light, and a canvas that keeps photo and instances in step.

The street lies in metres: x to the right, y up, z ahead of the camera, the ground at y = 0. The canvas is
`OVERSAMPLING` times finer than the picture. The maps take the middle of each block of fine pixels and the photo
its mean, so edges are soft in the photo and exact in the maps.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from components.data.street_scenes.catalogue import Colour

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Box = tuple[slice, slice]
Point = tuple[float, float]

OVERSAMPLING = 3  # odd, so that a block of fine pixels has a middle one
CIRCLE = (
    *((1.0, 0.0), (0.87, 0.5), (0.5, 0.87), (0.0, 1.0), (-0.5, 0.87), (-0.87, 0.5)),
    *((-1.0, 0.0), (-0.87, -0.5), (-0.5, -0.87), (0.0, -1.0), (0.5, -0.87), (0.87, -0.5)),
)
HAZE_DISTANCE = 180.0  # metres at which half of what is seen is haze


@dataclass(frozen=True)
class Camera:
    """A camera that looks along the street; lengths in fine pixels, `eye` in metres above the ground."""

    width: int
    height: int
    focal: float
    centre: float
    horizon: float
    eye: float

    def project(self, x: float, y: float, z: float) -> Point:
        """Give the fine pixel (column, row) at which a point of the street (metres) is seen."""
        return self.centre + self.focal * x / z, self.horizon + self.focal * (self.eye - y) / z

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Give the part of the canvas within a rectangle of fine pixels; it may be empty."""
        rows = slice(int(np.clip(top, 0, self.height)), int(np.clip(bottom + 1, 0, self.height)))
        columns = slice(int(np.clip(left, 0, self.width)), int(np.clip(right + 1, 0, self.width)))
        return rows, columns

    def rays(self, box: Box) -> tuple[Floats, Floats]:
        """Give, for the pixels of a box, x/z as (1, w) and (eye - y)/z as (h, 1)."""
        rows, columns = box
        across = (np.arange(columns.start, columns.stop, dtype=np.float64) + 0.5 - self.centre) / self.focal
        down = (np.arange(rows.start, rows.stop, dtype=np.float64) + 0.5 - self.horizon) / self.focal
        return across[None, :], down[:, None]


@dataclass(frozen=True)
class Light:
    """Sun and sky of one picture: a unit vector to the sun, and colours (RGB, 0..1) as (3,) arrays."""

    sun_direction: Floats
    sun: Floats
    ambient: Floats
    haze: Floats

    def on(self, x: float, y: float, z: float) -> Floats:
        """Give the light (RGB) on a surface whose unit normal is (x, y, z)."""
        facing = max(0.0, float(self.sun_direction @ np.array([x, y, z])))
        return self.ambient + self.sun * facing


class Canvas:
    """The photo (H, W, 3) in 0..1 and, for every pixel (H, W), the number of the instance seen there."""

    def __init__(self, camera: Camera, light: Light) -> None:
        self.camera = camera
        self.light = light
        self.photo: Floats = np.zeros((camera.height, camera.width, 3))
        self.owner = np.zeros((camera.height, camera.width), np.int32)

    def paint(self, box: Box, mask: Bools, colour: Floats, owner: int, depth: Floats | float) -> None:
        """Put an instance before all that was painted until now.

        Args:
            box: the part of the canvas, h by w.
            mask: (h, w), where the instance is seen.
            colour: (h, w, 3), lit but without haze.
            owner: the instance's number.
            depth: metres from the camera, one value or (h, w); sets the haze.
        """
        haze = np.asarray(depth / (depth + HAZE_DISTANCE))[..., None]
        seen = colour + (self.light.haze - colour) * haze
        self.photo[box] = np.where(mask[..., None], seen, self.photo[box])
        self.owner[box][mask] = owner

    def round_shadow(self, x: float, z: float, radius: float, strength: float) -> None:
        """Darken the ground within `radius` metres of (x, z), softly towards the edge."""
        self.shadow([(x + radius * dx, z + radius * dz) for dx, dz in CIRCLE], strength)

    def shadow(self, corners: list[tuple[float, float]], strength: float) -> None:
        """Darken the ground inside a polygon of (x, z) metres, softly towards its edge."""
        points = [self.camera.project(x, 0.0, z) for x, z in corners]
        sketch = Sketch(self.camera, points)
        column, row = np.mean(points, axis=0)
        for scale in (1.0, 0.85, 0.7):
            smaller = [(column + scale * (x - column), row + scale * (y - row)) for x, y in points]
            sketch.polygon(smaller, (0, 0, 0))
            self.photo[sketch.box] *= 1 - strength / 3 * sketch.mask()[..., None]
            sketch.clear()


class Sketch:
    """Flat polygons and ellipses (fine pixels), drawn over each other in the box around given points."""

    def __init__(self, camera: Camera, extent: list[Point]) -> None:
        columns, rows = zip(*extent, strict=True)
        self.box = camera.box(min(columns), min(rows), max(columns), max(rows))
        self.clear()

    def clear(self) -> None:
        """Take back all that was drawn."""
        height, width = (part.stop - part.start for part in self.box)
        self._colours = Image.new("RGB", (width, height))
        self._mask = Image.new("1", (width, height))
        self._brushes = ImageDraw.Draw(self._colours), ImageDraw.Draw(self._mask)

    @property
    def empty(self) -> bool:
        """Whether no pixel of the canvas lies in the box."""
        return 0 in self._mask.size

    def polygon(self, points: list[Point], colour: Colour | Floats) -> None:
        """Fill a polygon given by its corners (column, row) on the canvas with an RGB colour in 0..1."""
        corners = [(column - self.box[1].start, row - self.box[0].start) for column, row in points]
        if not self.empty:
            self._brushes[0].polygon(corners, fill=_to_bytes(colour))
            self._brushes[1].polygon(corners, fill=1)

    def ellipse(self, middle: Point, half_width: float, half_height: float, colour: Colour | Floats) -> None:
        """Fill an ellipse with an RGB colour in 0..1."""
        column, row = middle[0] - self.box[1].start, middle[1] - self.box[0].start
        bounds = (column - half_width, row - half_height, column + half_width, row + half_height)
        if not self.empty:
            self._brushes[0].ellipse(bounds, fill=_to_bytes(colour))
            self._brushes[1].ellipse(bounds, fill=1)

    def colours(self) -> Floats:
        """Give what was drawn: (h, w, 3) in 0..1."""
        return np.asarray(self._colours, np.float64) / 255

    def mask(self) -> Bools:
        """Give where something was drawn: (h, w)."""
        return np.array(self._mask, np.bool_)


def visible(size: float, metres_a_pixel: Floats) -> Floats:
    """Give 1 where a detail of `size` metres is many pixels large, 0 where it is finer than about two."""
    return np.clip(1.5 - 3.0 * metres_a_pixel / size, 0, 1)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], cell: float) -> Floats:
    """Give noise (height, width) around 0, mostly within -1..1, whose spots are `cell` pixels apart."""
    height, width = shape
    coarse = rng.uniform(-1, 1, (max(2, round(height / cell)), max(2, round(width / cell)))).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.float64)


def _to_bytes(colour: Colour | Floats) -> tuple[int, int, int]:
    red, green, blue = (int(min(1.0, max(0.0, float(value))) * 255 + 0.5) for value in colour)
    return red, green, blue

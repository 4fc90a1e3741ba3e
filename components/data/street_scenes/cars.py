"""Paint cars as solids in perspective: bands from one side to the other, the side that is seen, and a shadow."""

from typing import NamedTuple

import numpy as np

from components.data.street_scenes.canvas import CIRCLE, Canvas, Floats, Sketch
from components.data.street_scenes.catalogue import CAR, Colour, style_colour
from components.data.street_scenes.layout import Car


class Station(NamedTuple):
    """A line across a car: how far along the car, how high, and its half width, in metres."""

    z: float
    y: float
    half: float

    def towards(self, other: "Station", part: float) -> "Station":
        """Give the line between this one (part 0) and another (part 1)."""
        return Station(*(mine + part * (yours - mine) for mine, yours in zip(self, other, strict=True)))


# Around the body from the rear bumper over the roof to the front bumper; z as a part of the car's length.
SALOON = (
    Station(0.00, 0.28, 0.88),
    Station(0.00, 0.80, 0.90),
    Station(0.04, 0.98, 0.88),
    Station(0.13, 1.46, 0.70),
    Station(0.55, 1.48, 0.70),
    Station(0.73, 0.98, 0.86),
    Station(0.98, 0.82, 0.88),
    Station(1.00, 0.28, 0.88),
)
VAN = (
    Station(0.00, 0.28, 0.94),
    Station(0.00, 1.00, 0.96),
    Station(0.01, 1.20, 0.95),
    Station(0.03, 2.00, 0.86),
    Station(0.74, 2.02, 0.86),
    Station(0.90, 1.15, 0.93),
    Station(0.99, 0.95, 0.94),
    Station(1.00, 0.28, 0.94),
)
NEARER_WINDOW, FARTHER_WINDOW = 2, 4  # the bands that hold the windows across the car, counted from the near end
GLASS: Floats = np.array((0.16, 0.21, 0.27))
RUBBER, HUB = (0.07, 0.07, 0.08), (0.62, 0.63, 0.65)
BUMPER, PLATE = (0.15, 0.15, 0.16), (0.93, 0.93, 0.90)
REAR_LIGHT, HEADLIGHT = (0.92, 0.10, 0.06), (1.0, 0.97, 0.82)


def paint_car(canvas: Canvas, car: Car, owner: int) -> None:
    """Paint a car in the colour of its style."""
    far_z = car.z + car.length
    around = ((-1.2, car.z - 0.4), (1.2, car.z - 0.4), (1.2, far_z), (-1.2, far_z))
    canvas.shadow([(car.x + x, z) for x, z in around], 0.7)
    corners = [canvas.camera.project(car.x + x, y, z) for x in (-1, 1) for y in (0.0, 2.1) for z in (car.z, far_z)]
    sketch = Sketch(canvas.camera, corners)
    if sketch.empty:
        return
    outline = _outline(car)
    paint = np.array(style_colour(CAR, car.style))
    for end in (-1, 1):
        _draw_across(canvas, sketch, car, Station(car.z, 0.0, 0.0), (end * 0.60, end * 0.86), 0.35, RUBBER)
    for number in reversed(range(len(outline) - 1)):
        _draw_band(canvas, sketch, car, outline, number, paint)
    near_end, top = outline[0], outline[1].y
    _draw_across(canvas, sketch, car, near_end, (-0.88, 0.88), 0.40, BUMPER)
    _draw_across(canvas, sketch, car, near_end._replace(y=0.46), (-0.26, 0.26), 0.58, PLATE)
    for end in (-1, 1):
        lamp = HEADLIGHT if car.oncoming else REAR_LIGHT
        _draw_across(canvas, sketch, car, near_end._replace(y=top - 0.20), (end * 0.56, end * 0.86), top - 0.02, lamp)
    _draw_side(canvas, sketch, car, outline, paint)

    colour = sketch.colours()
    sheen = 1.06 - 0.16 * np.linspace(0, 1, colour.shape[0])[:, None, None]
    canvas.paint(sketch.box, sketch.mask(), colour * sheen, owner, car.z)


def _outline(car: Car) -> list[Station]:
    """Give the lines around the car in the street's metres, from its near end to its far one."""
    profile = VAN if car.is_van else SALOON
    parts = [station._replace(z=1 - station.z) for station in reversed(profile)] if car.oncoming else profile
    return [station._replace(z=car.z + car.length * station.z) for station in parts]


def _draw_band(canvas: Canvas, sketch: Sketch, car: Car, outline: list[Station], number: int, paint: Floats) -> None:
    """Draw the sheet between two neighbouring lines across the car, with the window that it may hold."""
    first, second = outline[number], outline[number + 1]
    rise, run = second.y - first.y, second.z - first.z
    size = float(np.sqrt(rise * rise + run * run))

    def corners(inset: float) -> list[tuple[float, float]]:
        low, high = first.towards(second, inset), first.towards(second, 1 - inset)
        ends = ((low, -1 + inset), (low, 1 - inset), (high, 1 - inset), (high, -1 + inset))
        return [canvas.camera.project(car.x + end * line.half, line.y, line.z) for line, end in ends]

    sketch.polygon(corners(0.0), paint * canvas.light.on(0.0, run / size, -rise / size))
    if number in (NEARER_WINDOW, FARTHER_WINDOW):
        sketch.polygon(corners(0.12), 0.8 * GLASS + 0.22 * canvas.light.haze)


def _draw_across(
    canvas: Canvas, sketch: Sketch, car: Car, low: Station, ends: tuple[float, float], top: float, colour: Colour
) -> None:
    """Draw an upright rectangle that faces the camera; `ends` are metres from the car's middle."""
    left, right = ends
    corners = ((left, low.y), (right, low.y), (right, top), (left, top))
    sketch.polygon([canvas.camera.project(car.x + x, y, low.z) for x, y in corners], colour)


def _draw_side(canvas: Canvas, sketch: Sketch, car: Car, outline: list[Station], paint: Floats) -> None:
    """Draw the side that faces the middle of the street, with windows and wheels, where the camera sees it."""
    if abs(car.x) <= max(station.half for station in outline):
        return
    end = -float(np.sign(car.x))

    def draw(stations: list[Station], colour: Colour | Floats) -> None:
        sketch.polygon([canvas.camera.project(car.x + end * half, y, z) for z, y, half in stations], colour)

    draw(outline, paint * canvas.light.on(end, 0.0, 0.0))
    belt = outline[2], outline[5]
    roof = outline[3]._replace(y=outline[3].y - 0.1), outline[4]._replace(y=outline[4].y - 0.1)
    for start, stop in ((0.06, 0.47), (0.53, 0.94)):
        window = [
            belt[0].towards(belt[1], start),
            roof[0].towards(roof[1], start),
            roof[0].towards(roof[1], stop),
            belt[0].towards(belt[1], stop),
        ]
        draw(window, GLASS + 0.10 * canvas.light.haze)
    for part in (0.20, 0.80):
        for radius, colour in ((0.34, RUBBER), (0.18, HUB)):
            middle = car.z + part * car.length
            draw([Station(middle + radius * z, 0.34 + radius * y, 0.88) for z, y in CIRCLE], colour)

"""Paint people on foot: coat, legs, head, and a shadow at the feet."""

import numpy as np

from components.data.street_scenes.canvas import Canvas, Floats, Sketch
from components.data.street_scenes.catalogue import PEDESTRIAN, style_colour
from components.data.street_scenes.layout import Pedestrian

AVERAGE_HEIGHT = 1.75
# Corners as metres right of the middle and above the ground, of a person of average height.
COAT = (
    *((-0.23, 0.55), (0.23, 0.55), (0.17, 1.0), (0.24, 1.42)),
    *((0.1, 1.5), (-0.1, 1.5), (-0.24, 1.42), (-0.17, 1.0)),
)
ARMS = (
    ((-0.27, 0.8), (-0.18, 0.8), (-0.12, 1.4), (-0.24, 1.4)),
    ((0.18, 0.8), (0.27, 0.8), (0.24, 1.4), (0.12, 1.4)),
)
TROUSERS: Floats = np.array((0.19, 0.21, 0.29))
SKIN: Floats = np.array(((0.94, 0.76, 0.63), (0.78, 0.57, 0.42), (0.47, 0.32, 0.23)))
HAIR: Floats = np.array(((0.16, 0.11, 0.08), (0.42, 0.27, 0.13), (0.75, 0.62, 0.38)))


def paint_pedestrian(canvas: Canvas, rng: np.random.Generator, person: Pedestrian, owner: int) -> None:
    """Paint a person in a long coat, whose colour is that of the style."""
    camera, light = canvas.camera, canvas.light
    canvas.round_shadow(person.x, person.z, 0.36, 0.5)
    column, ground = camera.project(person.x, 0.0, person.z)
    scale = camera.focal / person.z * person.height / AVERAGE_HEIGHT
    sketch = Sketch(camera, [(column - 0.5 * scale, ground - 1.8 * scale), (column + 0.5 * scale, ground)])
    if sketch.empty:
        return

    def draw(corners: tuple[tuple[float, float], ...], colour: Floats) -> None:
        sketch.polygon([(column + x * scale, ground - y * scale) for x, y in corners], colour)

    lit = light.on(0.0, 0.3, -0.95)
    coat = lit * np.array(style_colour(PEDESTRIAN, person.style))
    for side, shade in ((-1, 0.8), (1, 1.0)):
        foot, hip = side * person.stride / 2, side * 0.075
        draw(((foot - 0.08, 0.0), (foot + 0.08, 0.0), (hip + 0.09, 0.75), (hip - 0.09, 0.75)), shade * TROUSERS * lit)
        draw(ARMS[0] if side < 0 else ARMS[1], 0.8 * coat)
    draw(COAT, coat)
    sketch.ellipse((column, ground - 1.64 * scale), 0.13 * scale, 0.14 * scale, HAIR[rng.integers(len(HAIR))] * lit)
    sketch.ellipse((column, ground - 1.60 * scale), 0.10 * scale, 0.11 * scale, SKIN[rng.integers(len(SKIN))] * lit)
    colour = sketch.colours()
    towards_sun = np.linspace(-0.2, 0.2, colour.shape[1])[None, :, None] * np.sign(light.sun_direction[0])
    canvas.paint(sketch.box, sketch.mask(), colour * (1 + towards_sun), owner, person.z)

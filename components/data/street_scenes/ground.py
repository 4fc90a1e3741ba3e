"""Paint road and pavements: stones in perspective, kerbs, markings, and the shadow of the houses."""

from typing import NamedTuple

import numpy as np

from components.data.street_scenes.canvas import Canvas, Floats, smooth_noise, visible
from components.data.street_scenes.catalogue import PAVEMENT, ROAD, style_colour, style_name
from components.data.street_scenes.layout import Layout


class Stones(NamedTuple):
    """Length and width of a stone in metres, how far its joints darken, and how far stones differ (both 0..1)."""

    length: float
    width: float
    joint: float
    variety: float


STONES: dict[str, Stones] = {
    "asphalt": Stones(9.0, 9.0, 0.0, 0.0),
    "cobble": Stones(0.55, 0.40, 0.35, 0.30),
    "concrete": Stones(4.0, 2.2, 0.30, 0.08),
    "slabs": Stones(1.2, 1.0, 0.25, 0.12),
    "brick": Stones(0.45, 0.9, 0.30, 0.25),
    "slate": Stones(0.8, 1.6, 0.35, 0.20),
}
KERB_WIDTH = 0.22


def paint_ground(
    canvas: Canvas, rng: np.random.Generator, layout: Layout, road_owner: int, pavement_owner: int
) -> None:
    """Paint all below the horizon: the road, and to both sides of it the pavement."""
    camera, light = canvas.camera, canvas.light
    box = camera.box(0, camera.horizon + 1, camera.width, camera.height)
    across, down = camera.rays(box)
    z = camera.eye / down + 0 * across
    x = across * z
    from_middle = np.abs(x)
    on_road = from_middle < layout.road
    colour = np.where(
        on_road[..., None],
        _stones(canvas, rng, ROAD, layout.road_style, x, z),
        _stones(canvas, rng, PAVEMENT, layout.pavement_style, x, z),
    )
    if style_name(ROAD, layout.road_style) == "asphalt":
        marking = (from_middle < 0.11) & (z % 5.0 < 2.6)
        colour = np.where(marking[..., None], 0.88, colour)
    kerb = ~on_road & (from_middle < layout.road + KERB_WIDTH)
    colour = np.where(kerb[..., None], colour * 0.5 + 0.36, colour)

    to_kerb = np.clip((layout.road - from_middle) / 0.7, 0, 1)
    to_wall = np.clip((layout.wall - from_middle) / 1.2, 0, 1)
    openness = np.where(on_road, 0.8 + 0.2 * to_kerb, 0.75 + 0.25 * to_wall)
    sun_x, sun_y, _ = light.sun_direction
    shadow_edge = layout.wall - 4.0 * abs(sun_x) / sun_y  # metres from the middle, on the side of the sun
    sunny = np.clip((shadow_edge - x * np.sign(sun_x)) / 0.8 + 0.5, 0, 1)
    lit = light.ambient + light.sun * sun_y * (0.25 + 0.75 * sunny)[..., None]
    colour = colour * openness[..., None] * lit
    canvas.paint(box, on_road, colour, road_owner, z)
    canvas.paint(box, ~on_road, colour, pavement_owner, z)


def _stones(canvas: Canvas, rng: np.random.Generator, class_index: int, style: int, x: Floats, z: Floats) -> Floats:
    """Give the unlit colour (h, w, 3) of a paving at points of the ground, every second row set off by half a stone."""
    stones = STONES[style_name(class_index, style)]
    row = np.floor(z / stones.length)
    column = x / stones.width + 0.5 * (row % 2)
    tone = rng.uniform(-1, 1, (16, 16))[row.astype(np.int64) % 16, np.floor(column).astype(np.int64) % 16]
    joint = ((z / stones.length) % 1 < 0.14) | (column % 1 < 0.1)
    metres_a_pixel = z * z / (canvas.camera.focal * canvas.camera.eye)
    pattern = visible(stones.length, metres_a_pixel) * (stones.variety * tone - stones.joint * joint)
    grain = 0.05 * smooth_noise(rng, x.shape, 5.0) + 0.05 * smooth_noise(rng, x.shape, 40.0)
    colour: Floats = (1 + pattern + grain)[..., None] * np.array(style_colour(class_index, style))
    return colour

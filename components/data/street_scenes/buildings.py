"""Paint houses: fronts with windows in perspective, and the end walls that rise above a lower neighbour."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from components.data.street_scenes.canvas import Box, Canvas, Floats, visible
from components.data.street_scenes.catalogue import BUILDING, Colour, style_colour, style_name
from components.data.street_scenes.layout import CORNICE_HEIGHT, FLOOR_HEIGHT, STREET_LENGTH, Building


class Windows(NamedTuple):
    """Half width and half height of a window as parts of its bay, and the colours of its frame and pane."""

    half_width: float
    half_height: float
    frame: Colour
    pane: Colour


WINDOWS: dict[str, Windows] = {
    "brick": Windows(0.20, 0.25, (0.92, 0.90, 0.86), (0.14, 0.18, 0.23)),
    "cream": Windows(0.19, 0.27, (0.72, 0.64, 0.52), (0.14, 0.18, 0.23)),
    "glass": Windows(0.42, 0.41, (0.52, 0.72, 0.84), (0.10, 0.30, 0.44)),
    "ochre": Windows(0.20, 0.26, (0.98, 0.94, 0.86), (0.14, 0.18, 0.23)),
}
BAY_WIDTH = 2.3  # metres, about
FRAME_WIDTH = 0.07  # part of a bay
SHOP_HALF_WIDTH = 0.34  # of the windows on the ground floor, part of a bay
END_WALL_DEPTH = 9.0


@dataclass(frozen=True)
class Wall:
    """Where the rays of a box meet a wall.

    Attributes:
        box: the part of the canvas, h by w.
        along: (h, w), metres from the wall's beginning.
        up: (h, w), metres above the ground.
        depth: (h, w), metres from the camera.
        length: the wall's length in metres.
        normal: the unit normal.
    """

    box: Box
    along: Floats
    up: Floats
    depth: Floats
    length: float
    normal: tuple[float, float, float]


def paint_building(canvas: Canvas, rng: np.random.Generator, house: Building, wall: float, owner: int) -> None:
    """Paint a house whose front is `wall` metres from the middle of the street, or across the street's end."""
    if house.side == 0:
        _paint_wall(canvas, rng, house, _facing_wall(canvas, house, house.start, house.end, STREET_LENGTH), owner, True)
        return
    _paint_wall(canvas, rng, house, _side_wall(canvas, house, wall), owner, True)
    left, right = sorted((house.side * wall, house.side * (wall + END_WALL_DEPTH)))
    _paint_wall(canvas, rng, house, _facing_wall(canvas, house, left, right, house.start), owner, False)


def _facing_wall(canvas: Canvas, house: Building, left: float, right: float, z: float) -> Wall:
    """Give the wall from x = `left` to `right` that faces the camera."""
    camera = canvas.camera
    box = camera.box(*camera.project(left, house.height, z), *camera.project(right, 0.0, z))
    across, down = camera.rays(box)
    along, up = z * across - left + 0 * down, camera.eye - z * down + 0 * across
    return Wall(box, along, up, np.full_like(up, z), right - left, (0.0, 0.0, -1.0))


def _side_wall(canvas: Canvas, house: Building, wall: float) -> Wall:
    """Give the front along the street."""
    camera, x = canvas.camera, house.side * wall
    left, right = sorted(camera.project(x, 0.0, z)[0] for z in (house.start, house.end))
    _, top = camera.project(x, house.height, house.start)
    _, bottom = camera.project(x, 0.0, house.start)
    box = camera.box(left, top, right, bottom)
    across, down = camera.rays(box)
    z = wall / np.maximum(across * house.side, 1e-3) + 0 * down
    return Wall(box, z - house.start, camera.eye - z * down, z, house.end - house.start, (-float(house.side), 0.0, 0.0))


def _paint_wall(
    canvas: Canvas, rng: np.random.Generator, house: Building, wall: Wall, owner: int, has_windows: bool
) -> None:
    if wall.along.size == 0:
        return
    name = style_name(BUILDING, house.style)
    colour = np.broadcast_to(style_colour(BUILDING, house.style), (*wall.along.shape, 3))
    if name == "brick":
        course = np.where(wall.up % 0.5 < 0.25, 0.09, -0.09) * visible(0.5, wall.depth / canvas.camera.focal)
        colour = colour * (1 + course)[..., None]
    if has_windows:
        colour = _with_windows(rng, WINDOWS[name], wall, colour, canvas.light.haze)
    cornice = wall.up > house.height - CORNICE_HEIGHT
    colour = np.where(cornice[..., None], 0.75 * colour + 0.22, colour)
    openness = 0.84 + 0.16 * np.clip(wall.up / 5.0, 0, 1)
    mask = (wall.up >= 0) & (wall.up < house.height) & (wall.along >= 0) & (wall.along < wall.length)
    canvas.paint(wall.box, mask, colour * openness[..., None] * canvas.light.on(*wall.normal), owner, wall.depth)


def _with_windows(rng: np.random.Generator, windows: Windows, wall: Wall, colour: Floats, sky: Floats) -> Floats:
    """Give the wall's colour (h, w, 3) with a window in each bay of each floor; panes mirror the sky in part."""
    bay_width = wall.length / round(wall.length / BAY_WIDTH)
    bay, floor = wall.along / bay_width, wall.up / FLOOR_HEIGHT
    across, up = np.abs(bay % 1 - 0.5), floor % 1 - 0.5
    half_width = np.where(floor < 1, max(SHOP_HALF_WIDTH, windows.half_width), windows.half_width)
    is_pane = (across < half_width) & (np.abs(up) < windows.half_height)
    is_frame = (across < half_width + FRAME_WIDTH) & (np.abs(up) < windows.half_height + FRAME_WIDTH) & ~is_pane
    tone = rng.uniform(0, 1, (8, 8))[bay.astype(np.int64) % 8, floor.astype(np.int64) % 8]
    mirrored = np.clip(0.05 + 0.2 * tone + 0.35 * (up + windows.half_height), 0, 0.6)[..., None]
    pane = np.array(windows.pane)
    near = np.where(is_frame[..., None], np.array(windows.frame), colour)
    near = np.where(is_pane[..., None], pane + (sky - pane) * mirrored, near)

    # Far away a window is finer than a pixel: there the wall takes its mean colour instead of glittering.
    share = 4 * windows.half_width * windows.half_height
    far = colour * (1 - share) + (0.7 * pane + 0.3 * sky) * share
    metres_a_pixel = np.abs(np.gradient(wall.along, axis=1)) if wall.along.shape[1] > 1 else np.ones_like(bay)
    return far + (near - far) * visible(bay_width, metres_a_pixel)[..., None]

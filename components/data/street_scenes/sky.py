"""The kinds of sky: the light that each throws on the street, and how it is painted."""

from dataclasses import dataclass

import numpy as np

from components.data.street_scenes.canvas import Canvas, Light, smooth_noise
from components.data.street_scenes.catalogue import SKY, Colour, style_colour, style_name


@dataclass(frozen=True)
class Sky:
    """Colours (RGB, 0..1) of a kind of sky; its colour at the zenith is that of the style.

    Attributes:
        sun: the light of the sun on a surface that faces it.
        ambient: the light from all around.
        horizon: the sky just above the street's end, and the haze before it.
        cloud: the clouds.
        cloudiness: how much of the sky they cover; about 1.
    """

    sun: Colour
    ambient: Colour
    horizon: Colour
    cloud: Colour
    cloudiness: float


SKIES: dict[str, Sky] = {
    "clear": Sky((0.50, 0.47, 0.40), (0.64, 0.66, 0.70), (0.80, 0.88, 0.96), (1.0, 1.0, 1.0), 1.6),
    "overcast": Sky((0.16, 0.16, 0.16), (0.80, 0.81, 0.83), (0.84, 0.85, 0.86), (0.54, 0.57, 0.62), 0.8),
    "sunset": Sky((0.50, 0.39, 0.27), (0.66, 0.62, 0.64), (0.98, 0.70, 0.46), (0.99, 0.62, 0.50), 1.4),
}


def make_light(rng: np.random.Generator, style: int) -> Light:
    """Draw the sun's place by chance, behind the camera and to one side, under the sky of a style."""
    sky = SKIES[style_name(SKY, style)]
    x, y, z = rng.choice((-1.0, 1.0)) * rng.uniform(0.5, 0.9), rng.uniform(0.6, 0.9), -rng.uniform(0.3, 0.7)
    direction = np.array((x, y, z)) / np.sqrt(x * x + y * y + z * z)
    return Light(direction, np.array(sky.sun), np.array(sky.ambient), np.array(sky.horizon))


def paint_sky(canvas: Canvas, rng: np.random.Generator, style: int, owner: int) -> None:
    """Paint the whole canvas with a gradient from the zenith to the horizon, and clouds."""
    camera, sky = canvas.camera, SKIES[style_name(SKY, style)]
    shape = (camera.height, camera.width)
    height = np.clip(1 - np.arange(camera.height) / camera.horizon, 0, 1)[:, None]  # 1 at the top, 0 at the horizon
    clouds = smooth_noise(rng, shape, camera.height / 5) + 0.5 * smooth_noise(rng, shape, camera.height / 12)
    cover = 0.75 * np.clip(sky.cloudiness * clouds - 0.2, 0, 1) * (0.2 + 0.8 * height)
    gradient = np.array(sky.horizon) + (np.array(style_colour(SKY, style)) - np.array(sky.horizon)) * height[..., None]
    colour = gradient + (np.array(sky.cloud) - gradient) * cover[..., None]
    canvas.paint(camera.box(0, 0, camera.width, camera.height), np.ones(shape, np.bool_), colour, owner, 0.0)

"""Render one scene: photo, label map and instance map, and the style of every instance seen."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.data.street_scenes.buildings import paint_building
from components.data.street_scenes.canvas import OVERSAMPLING, Camera, Canvas
from components.data.street_scenes.cars import paint_car
from components.data.street_scenes.catalogue import BUILDING, CAR, CLASSES, PAVEMENT, PEDESTRIAN, ROAD, SKY, TREE
from components.data.street_scenes.ground import paint_ground
from components.data.street_scenes.layout import Car, Pedestrian, Tree, draw_layout
from components.data.street_scenes.pedestrians import paint_pedestrian
from components.data.street_scenes.sky import make_light, paint_sky
from components.data.street_scenes.trees import paint_tree

IDS_A_CLASS = 1000
NOISE = 0.012


@dataclass(frozen=True)
class Scene:
    """A rendered scene.

    Attributes:
        photo: (H, W, 3) uint8, RGB.
        label: (H, W) uint8, class indices.
        instance: (H, W) uint16; the class index for stuff, class * 1000 + n for objects, n from 0.
        styles: the style's index by instance id, for exactly the ids in `instance`.
    """

    photo: npt.NDArray[np.uint8]
    label: npt.NDArray[np.uint8]
    instance: npt.NDArray[np.uint16]
    styles: dict[int, int]


def render_scene(rng: np.random.Generator, height: int, width: int) -> Scene:
    """Draw a scene by chance and render it at `height` by `width` pixels."""
    layout = draw_layout(rng)
    camera = Camera(
        width=width * OVERSAMPLING,
        height=height * OVERSAMPLING,
        focal=(0.375 * width + 0.75 * height) * OVERSAMPLING,
        centre=rng.uniform(0.44, 0.56) * width * OVERSAMPLING,
        horizon=rng.uniform(0.43, 0.49) * height * OVERSAMPLING,
        eye=2.4,
    )
    canvas = Canvas(camera, make_light(rng, layout.sky_style))
    painted: list[tuple[int, int]] = []  # class and style of each instance, by its number on the canvas

    def add(class_index: int, style: int) -> int:
        painted.append((class_index, style))
        return len(painted) - 1

    paint_sky(canvas, rng, layout.sky_style, add(SKY, layout.sky_style))
    road, pavement = add(ROAD, layout.road_style), add(PAVEMENT, layout.pavement_style)
    paint_ground(canvas, rng, layout, road, pavement)
    # From far to near. House fronts line the street, so whatever stands in it is before all of them.
    for house in sorted(layout.buildings, key=lambda house: (abs(house.side), -house.start)):
        paint_building(canvas, rng, house, layout.wall, add(BUILDING, house.style))
    standing: list[Tree | Car | Pedestrian] = [*layout.trees, *layout.cars, *layout.pedestrians]
    for item in sorted(standing, key=lambda item: -item.z):
        match item:
            case Tree():
                paint_tree(canvas, rng, item, add(TREE, item.style))
            case Car():
                paint_car(canvas, item, add(CAR, item.style))
            case Pedestrian():
                paint_pedestrian(canvas, rng, item, add(PEDESTRIAN, item.style))

    middle = OVERSAMPLING // 2
    owner = canvas.owner[middle::OVERSAMPLING, middle::OVERSAMPLING]
    ids = _number(owner, painted)
    blocks = np.clip(canvas.photo, 0, 1).reshape(height, OVERSAMPLING, width, OVERSAMPLING, 3)
    photo = blocks.mean(axis=(1, 3)) + NOISE * rng.standard_normal((height, width, 3))
    return Scene(
        photo=(np.clip(photo, 0, 1) * 255 + 0.5).astype(np.uint8),
        label=np.array([class_index for class_index, _ in painted], np.uint8)[owner],
        instance=np.array(ids, np.uint16)[owner],
        styles={ids[number]: painted[number][1] for number in np.unique(owner).tolist()},
    )


def _number(owner: npt.NDArray[np.int32], painted: list[tuple[int, int]]) -> list[int]:
    """Give each painted instance its id; those that can be seen are counted from 0 in each class."""
    ids, seen = [0] * len(painted), Counter[int]()
    for number in np.unique(owner).tolist():
        class_index = painted[number][0]
        has_instances = CLASSES[class_index].has_instances
        ids[number] = class_index * IDS_A_CLASS + seen[class_index] if has_instances else class_index
        seen[class_index] += 1
    return ids

"""What stands where in a scene: a street between two rows of touching houses, drawn by chance.

Metres: x to the right of the street's middle, z ahead of the camera. `side` is -1 left, 1 right.
"""

from dataclasses import dataclass

import numpy as np

from components.data.street_scenes.catalogue import (
    BUILDING,
    CAR,
    PAVEMENT,
    PEDESTRIAN,
    ROAD,
    SKY,
    STYLES,
    TREE,
)

STREET_LENGTH = 85.0
FLOOR_HEIGHT = 3.0
CORNICE_HEIGHT = 0.7


@dataclass(frozen=True)
class Building:
    """A house beside the street (`side` -1 or 1) from `start` to `end` along z.

    Those that close the street have side 0, and `start` to `end` is along x.
    """

    style: int
    side: int
    start: float
    end: float
    floors: int

    @property
    def height(self) -> float:
        """Metres from the ground to the top."""
        return self.floors * FLOOR_HEIGHT + CORNICE_HEIGHT


@dataclass(frozen=True)
class Tree:
    """A tree; `radius` is that of its crown."""

    style: int
    x: float
    z: float
    height: float
    radius: float


@dataclass(frozen=True)
class Car:
    """A car along the street; `z` is its nearer end. An oncoming one shows its front."""

    style: int
    x: float
    z: float
    oncoming: bool
    is_van: bool

    @property
    def length(self) -> float:
        """Metres from end to end."""
        return 4.8 if self.is_van else 4.2


@dataclass(frozen=True)
class Pedestrian:
    """A person on foot; `stride` is how far apart the feet are."""

    style: int
    x: float
    z: float
    height: float
    stride: float


@dataclass(frozen=True)
class Layout:
    """A scene. `road` and `wall` are the x of the kerb and of the house fronts, right of the middle."""

    sky_style: int
    road_style: int
    pavement_style: int
    road: float
    wall: float
    buildings: list[Building]
    trees: list[Tree]
    cars: list[Car]
    pedestrians: list[Pedestrian]


def draw_layout(rng: np.random.Generator) -> Layout:
    """Draw a scene by chance."""
    road = rng.uniform(4.3, 4.9)
    wall = road + rng.uniform(2.8, 3.6)
    crossing = rng.random() < 0.5
    return Layout(
        sky_style=_style(rng, SKY),
        road_style=_style(rng, ROAD),
        pavement_style=_style(rng, PAVEMENT),
        road=road,
        wall=wall,
        buildings=[*_row(rng, -1), *_row(rng, 1), *_closing(rng)],
        trees=[*_trees(rng, -1, road), *_trees(rng, 1, road)],
        cars=[*_parked(rng, -1, road), *_parked(rng, 1, road), *_driving(rng, 17.0 if crossing else 11.0)],
        pedestrians=_pedestrians(rng, road, wall, crossing),
    )


def _style(rng: np.random.Generator, class_index: int) -> int:
    return int(rng.integers(len(STYLES[class_index])))


def _row(rng: np.random.Generator, side: int) -> list[Building]:
    row, start = [], 3.0
    while start < STREET_LENGTH:
        end = start + rng.uniform(7.0, 14.0)
        row.append(Building(_style(rng, BUILDING), side, start, end, int(rng.integers(2, 6))))
        start = end
    return row


def _closing(rng: np.random.Generator) -> list[Building]:
    middle = rng.uniform(-4.0, 4.0)
    return [
        Building(_style(rng, BUILDING), 0, start, end, int(rng.integers(2, 6)))
        for start, end in ((-14.0, middle), (middle, 14.0))
    ]


def _trees(rng: np.random.Generator, side: int, road: float) -> list[Tree]:
    trees, z = [], rng.uniform(10.0, 16.0)
    while z < 60.0:
        if rng.random() < 0.75:
            x = side * (road + rng.uniform(0.9, 1.3))
            trees.append(Tree(_style(rng, TREE), x, z, rng.uniform(4.8, 6.5), rng.uniform(1.3, 1.9)))
        z += rng.uniform(7.0, 12.0)
    return trees


def _parked(rng: np.random.Generator, side: int, road: float) -> list[Car]:
    cars, z = [], rng.uniform(7.0, 12.5)
    for _ in range(int(rng.integers(3, 7))):
        x = side * (road - 1.05 + rng.uniform(-0.1, 0.1))
        car = Car(_style(rng, CAR), x, z, oncoming=side < 0, is_van=rng.random() < 0.2)
        if rng.random() < 0.88:
            cars.append(car)
        z += car.length + rng.uniform(0.5, 1.3)
    return cars


def _driving(rng: np.random.Generator, start: float) -> list[Car]:
    cars = []
    for side in (-1, 1):
        z = start + rng.uniform(0.0, 10.0)
        for _ in range(int(rng.integers(0, 3))):
            x = side * rng.uniform(1.15, 1.4)
            cars.append(Car(_style(rng, CAR), x, z, oncoming=side < 0, is_van=rng.random() < 0.15))
            z += rng.uniform(7.0, 14.0)
    return cars


def _pedestrians(rng: np.random.Generator, road: float, wall: float, crossing: bool) -> list[Pedestrian]:
    places = [
        (float(rng.choice((-1, 1))) * rng.uniform(road + 1.6, wall - 0.4), rng.uniform(9.0, 22.0))
        for _ in range(int(rng.integers(4, 8)))
    ]
    if crossing:
        places.append((rng.uniform(-1.8, 1.8), rng.uniform(9.5, 15.0)))
    return [
        Pedestrian(
            _style(rng, PEDESTRIAN),
            x + 0.52 * neighbour,
            z + rng.uniform(-0.2, 0.2),
            rng.uniform(1.62, 1.9),
            rng.uniform(0.1, 0.5),
        )
        for x, z in places
        for neighbour in range(int(rng.integers(1, 4)))
    ]

"""Small studies: pictures that a simulated participant can tell apart, servers for them, and such participants."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from deploy.study.application import create_application, describe, make_plan
from deploy.study.definition import StudyDefinition
from deploy.study.pictures import StudyPictures
from deploy.study.store import Side, StudyStore
from tests.deploy.web_server import serve_application

WIDTH, HEIGHT = 64, 48
COLOURS = {"ours": (190, 80), "theirs": (80, 190)}  # red, green; the first is preferred


def write_pictures(folder: Path, colour: tuple[int, int], names: Sequence[str]) -> Path:
    """Write pictures of one colour, with fine squares in blue, which mud has not."""
    folder.mkdir(parents=True, exist_ok=True)
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    for number, name in enumerate(names):
        blue = 255 * ((row // 2 + column // 2 + number) % 2)
        pixels = np.stack([np.full_like(blue, colour[0]), np.full_like(blue, colour[1]), blue], axis=-1)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
    return folder


def write_methods(folder: Path, count: int) -> dict[str, Path]:
    """Write pictures of both methods."""
    names = [f"{number:03}.png" for number in range(count)]
    return {method: write_pictures(folder / method, colour, names) for method, colour in COLOURS.items()}


def define(folder: Path, count: int, **fields: Any) -> StudyDefinition:
    """Define a study of both methods, and write their pictures."""
    return StudyDefinition(methods=write_methods(folder, count), **({"database": folder / "study.db"} | fields))


@contextmanager
def open_application(definition: StudyDefinition) -> Iterator[Any]:
    """Give the application of a study, and close its database afterwards."""
    pictures = StudyPictures.find(definition)
    plan = make_plan(definition, pictures)
    store = StudyStore(definition.database, describe(definition, plan, pictures))
    try:
        yield create_application(definition, pictures, plan, store)
    finally:
        store.close()


@contextmanager
def serve(definition: StudyDefinition) -> Iterator[str]:
    """Serve a study from a thread; gives its address."""
    with open_application(definition) as application, serve_application(application) as address:
        yield address


class Participant:
    """Someone who looks at both pictures and prefers the red method with a known probability."""

    def __init__(self, preference: float, seed: int = 0, attentive: bool = True) -> None:
        self._preference = preference
        self._draw = Random(seed)
        self._attentive = attentive
        self.red_chosen = 0

    def choose(self, looks: Mapping[Side, Mapping[str, float]]) -> Side:
        """Choose `left` or `right` by what either looks like: `red`, `green` and `detail`, in grey levels."""
        left, right = looks["left"], looks["right"]
        if min(left["detail"], right["detail"]) < max(left["detail"], right["detail"]) / 4:  # a check: one is mud
            worse, better = sorted(looks, key=lambda side: looks[side]["detail"])
            return better if self._attentive else worse
        takes_red = self._draw.random() < self._preference
        self.red_chosen += takes_red
        return "left" if (left["red"] > left["green"]) == takes_red else "right"


def look_at(pixels: Any) -> dict[str, float]:
    """Give what a participant sees of a picture, [H, W, 3] in grey levels."""
    red, green, blue = np.asarray(pixels, dtype=float).reshape(-1, 3).T
    return {"red": red.mean(), "green": green.mean(), "detail": blue.std()}

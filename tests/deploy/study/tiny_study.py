"""Small studies: pictures that a simulated participant can tell apart, servers for them, and such participants."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import uvicorn
from PIL import Image

from deploy.study.application import create_application, describe, make_plan
from deploy.study.definition import StudyDefinition
from deploy.study.pictures import StudyPictures
from deploy.study.store import Side, StudyStore
from tests.conftest import ROOT

WIDTH, HEIGHT = 64, 48
COLOURS = {"ours": (190, 80), "theirs": (80, 190)}  # red, green; the first is preferred
START_SECONDS = 60


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
    with open_application(definition) as application, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()


class ServerProcess:
    """`python -m deploy.study serve` as a process that can be killed."""

    def __init__(self, arguments: Sequence[object]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/"
        self._command = [sys.executable, "-m", "deploy.study", "serve", *map(str, arguments), "--port", str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, cwd=ROOT, stderr=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            try:
                with urlopen(self.address + "api/study"):
                    return
            except (URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"the server did not start: {self._command}")

    def kill(self) -> None:
        """Kill it as a crash of the machine would, without a chance to save anything."""
        assert self._process
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it where it still runs."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


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

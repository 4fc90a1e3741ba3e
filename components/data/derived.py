"""Making the files that a dataset lacks, picture by picture."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from components.data.processes import map_in_processes
from components.progress import track_progress

Item = TypeVar("Item")
Made = TypeVar("Made")


def derive(
    items: Sequence[Item], make: Callable[[Item], Made], *, label: str, processes: int | None = None
) -> tuple[list[Made], list[str]]:
    """Make something of every item; the result is the same whatever the number of processes.

    Args:
        items: what to work through.
        make: makes one, writing files of its own; as `map_in_processes` asks for. It raises ValueError, naming the
            file, where its input is broken.
        label: what is being done, for the progress.
        processes: how many, None for as many as the pictures are worth.

    Returns:
        What was made, in the order of the items, and a line for each that could not be.
    """
    outcomes = map_in_processes(partial(_attempt, make), items, processes)
    made: list[Made] = []
    problems: list[str] = []
    for result, problem in track_progress(outcomes, total=len(items), label=label):
        if problem is not None:
            problems.append(problem)
        elif result is not None:
            made.append(result)
    return made, problems


def write_png(path: Path, pixels: npt.NDArray[Any]) -> Path:
    """Write pixels, uint8 (H, W) or (H, W, 3) or uint16 (H, W), and give the path; its folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    return path


def _attempt(make: Callable[[Item], Made], item: Item) -> tuple[Made | None, str | None]:
    try:
        return make(item), None
    except ValueError as error:
        return None, str(error)

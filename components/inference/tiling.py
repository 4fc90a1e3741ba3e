"""Synthesis of a picture in tiles, where memory does not allow it as a whole.

Shapes: H x W pixels of the picture, M instances of it, F style dimension.

A tile is not what the whole picture would have there: instance norm takes mean and variance of what it sees.
`docs/inference.md` has the measured difference.
"""

import logging
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.inference.inputs import check_inputs
from components.inference.synthesizer import Synthesizer

_log = logging.getLogger(__name__)


def synthesize_tiled(synthesizer: Synthesizer, *, tile: int, overlap: int, **inputs: NDArray[Any]) -> NDArray[np.uint8]:
    """Make one picture of overlapping tiles, blended linearly where they overlap.

    A picture no larger than a tile is the one that `synthesize` makes.

    Args:
        synthesizer: the model.
        tile: height and width of a tile in pixels, a multiple of the bundle's sizes; a picture that is lower or
            narrower has tiles as high or wide as itself.
        overlap: by how many pixels neighbours overlap at least, 0 or more and, by one multiple of the bundle's
            sizes or more, less than `tile`.
        inputs: those of `Synthesizer.synthesize` without the axis N. Every tile gets all `styles`, so ids keep
            their rows.

    Returns:
        uint8 [H,W,3], RGB.

    Raises:
        ValueError: an input is not as the synthesizer wants it, or `tile` or `overlap` does not fit.
    """
    batched = {name: np.asarray(array)[None] for name, array in inputs.items()}
    check_inputs(synthesizer.bundle, synthesizer.bundle.inputs, batched)
    multiple = synthesizer.bundle.size_multiple
    if tile < 1 or tile % multiple:
        raise ValueError(f"tile: found {tile}, expected a multiple of {multiple}, the bundle's size_multiple")
    if not 0 <= overlap <= tile - multiple:
        raise ValueError(f"overlap: found {overlap}, expected 0..{tile - multiple} for tiles of {tile}")
    height, width = next(array.shape[1:3] for name, array in batched.items() if name != "styles")
    tiles = list(product(_spans(height, tile, overlap, multiple), _spans(width, tile, overlap, multiple)))
    weighted = np.zeros((height, width, 3), np.float32)
    weights = np.zeros((height, width, 1), np.float32)
    for number, ((rows, row_weights), (columns, column_weights)) in enumerate(tiles, start=1):
        made = synthesizer.synthesize(**_cut(batched, rows, columns))[0]
        weight = np.outer(row_weights, column_weights)[..., None]
        weighted[rows, columns] += weight * made
        weights[rows, columns] += weight
        _log.info("tile %d of %d", number, len(tiles))
    image: NDArray[np.uint8] = np.rint(weighted / weights).astype(np.uint8)
    return image


def _cut(batched: Mapping[str, NDArray[Any]], rows: slice, columns: slice) -> dict[str, NDArray[Any]]:
    return {
        name: array if name == "styles" else np.ascontiguousarray(array[:, rows, columns])
        for name, array in batched.items()
    }


def _spans(length: int, tile: int, overlap: int, multiple: int) -> list[tuple[slice, NDArray[np.float32]]]:
    """Where tiles lie along an axis, and the weight of each of their pixels there.

    They begin at multiples, as the network's own halvings of the picture do. Weights rise from a tile's edge over
    the overlap with its neighbour, and are 1 at the picture's edges.
    """
    if tile >= length:
        return [(slice(0, length), np.ones(length, np.float32))]
    step = (tile - overlap) // multiple * multiple
    starts = [*range(0, length - tile, step), length - tile]
    spans = []
    for number, start in enumerate(starts):
        weights = np.ones(tile, np.float32)
        if number:
            shared = starts[number - 1] + tile - start
            weights[:shared] *= _ramp(shared)
        if number + 1 < len(starts):
            shared = start + tile - starts[number + 1]
            weights[tile - shared :] *= _ramp(shared)[::-1]
        spans.append((slice(start, start + tile), weights))
    return spans


def _ramp(length: int) -> NDArray[np.float32]:
    return np.linspace(0, 1, length + 2, dtype=np.float32)[1:-1]

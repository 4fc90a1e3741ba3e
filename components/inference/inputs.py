"""Checks of what a client gives a graph: on a GPU a wrong id would end in an error that names nothing.

Shapes: N pictures, H and W pixels, M instances of a picture (ids 0..M-1), F style dimension, C classes.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.inference.bundle import Bundle

_MAP, _PICTURE = "[N,H,W]", "[N,H,W,3]"
_SHAPES = {"label": _MAP, "picture": _PICTURE, "image": _PICTURE, "instance": _MAP, "styles": "[N,M,F]"}
_DTYPES = {"label": "uint8", "picture": "uint8", "image": "uint8", "instance": "int32", "styles": "float32"}


def check_inputs(bundle: Bundle, expected: Collection[str], inputs: Mapping[str, NDArray[Any]]) -> None:
    """Check the inputs of one of a bundle's graphs.

    Args:
        bundle: whose sizes, classes and styles hold.
        expected: names of the graph's inputs.
        inputs: of `label` uint8 [N,H,W] (0..C-1), `picture` and `image` uint8 [N,H,W,3], `instance` int32 [N,H,W]
            (0 or more; below M where there are styles) and `styles` float32 [N,M,F].

    Raises:
        ValueError: an input is missing, unknown, or has a wrong dtype, shape or value.
    """
    if set(inputs) != set(expected):
        raise ValueError(f"inputs: found {sorted(inputs)}, expected {sorted(expected)}")
    for name, array in inputs.items():
        if not isinstance(array, np.ndarray) or array.dtype != _DTYPES[name]:
            found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise ValueError(f"{name}: found {found}, expected an array of {_DTYPES[name]}")
        if array.ndim != _SHAPES[name].count(",") + 1 or (_SHAPES[name] == _PICTURE and array.shape[3] != 3):
            raise ValueError(f"{name}: found shape {array.shape}, expected {_SHAPES[name]}")
    _check_sizes(inputs, bundle.size_multiple)
    _check_values(bundle, inputs)


def _check_sizes(inputs: Mapping[str, NDArray[Any]], multiple: int) -> None:
    maps = {name: array.shape[:3] for name, array in inputs.items() if name != "styles"}
    first, (pictures, height, width) = next(iter(maps.items()))
    for name, shape in maps.items():
        if shape != maps[first]:
            raise ValueError(f"{name}: found {shape} for N, H, W, expected {maps[first]}, those of {first}")
    if not pictures or not height or not width or height % multiple or width % multiple:
        raise ValueError(
            f"{first}: found {pictures} pictures of {height}x{width} (HxW), "
            f"expected 1 or more of multiples of {multiple}"
        )


def _check_values(bundle: Bundle, inputs: Mapping[str, NDArray[Any]]) -> None:
    label, instance, styles = inputs.get("label"), inputs.get("instance"), inputs.get("styles")
    if label is not None and label.max() >= bundle.class_count:
        raise ValueError(f"label: found {label.max()}, expected 0..{bundle.class_count - 1}")
    if instance is not None and instance.min() < 0:
        raise ValueError(f"instance: found id {instance.min()}, expected 0 or more")
    if styles is None:
        return
    pictures = len(next(array for name, array in inputs.items() if name != "styles"))
    if styles.shape[0] != pictures or styles.shape[2] != bundle.style_dimension:
        raise ValueError(f"styles: found shape {styles.shape}, expected ({pictures}, M, {bundle.style_dimension})")
    if instance is not None and instance.max() >= styles.shape[1]:
        raise ValueError(f"instance: found id {instance.max()}, expected 0..{styles.shape[1] - 1}, the rows of styles")
    if not np.isfinite(styles).all():
        raise ValueError("styles: found NaN or infinity, expected finite numbers")

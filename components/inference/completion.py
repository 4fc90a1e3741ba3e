"""The inputs of a model from what a person has: a label map alone is enough.

Shapes: H x W pixels, M instances of a picture (ids 0..M-1), F style dimension, N pictures.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.inference.bundle import Bundle
from components.inference.connected_components import connected_instances, dense_instances


def complete_inputs(
    bundle: Bundle,
    *,
    label: NDArray[np.uint8] | None = None,
    picture: NDArray[np.uint8] | None = None,
    instance: NDArray[np.integer] | None = None,
    styles: NDArray[np.float32] | None = None,
    seed: int = 0,
    chosen: Mapping[int, NDArray[np.float32]] | None = None,
) -> dict[str, NDArray[Any]]:
    """Make what is missing of one picture's inputs.

    Args:
        bundle: of the model; its style bank is what styles are drawn from.
        label: uint8 [H, W], class indices.
        picture: uint8 [H, W, 3], the condition of a model without classes.
        instance: [H, W], any ids where no styles are given. None takes the connected regions of each class with
            instances, and each other class whole.
        styles: float32 [M, F], row i for id i. None draws one of its class for each instance.
        seed: of that draw, 0 or more.
        chosen: by class index the style [F] that all its instances get instead.

    Returns:
        An array for each input that the bundle names, without the axis N; a given instance map is numbered anew,
        0..M-1, where its styles are drawn.

    Raises:
        ValueError: an input is given that the model does not take, or missing and cannot be made, or styles cannot be
            drawn since label and instance map differ in size or the seed is negative.
    """
    given = {"label": label, "picture": picture, "instance": instance, "styles": styles}
    unknown = [name for name, array in given.items() if array is not None and name not in bundle.inputs]
    if unknown:
        raise ValueError(f"inputs: found {unknown}, expected some of {list(bundle.inputs)}, which this model takes")
    for name in ("label", "picture"):
        if name in bundle.inputs and given[name] is None:
            raise ValueError(f"{name}: found none, expected one; it is the input that cannot be made from others")
    if styles is not None and instance is None:
        raise ValueError("styles: found without instance, expected both: row i is the style of id i")
    if "instance" in bundle.inputs and styles is None:
        given["instance"] = instance = _instances(bundle, label, instance)
        if "styles" in bundle.inputs:
            if label is None:
                raise ValueError("styles: found none, expected some: without label map none can be drawn")
            given["styles"] = bundle.style_bank.sample(label, instance, seed, chosen)
    return {name: array for name in bundle.inputs if (array := given[name]) is not None}


def stack_inputs(pictures: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Put the inputs of several pictures of one size into one batch.

    Args:
        pictures: of each the arrays of `complete_inputs`.

    Returns:
        The same with the axis N; the fewer styles of a picture with fewer instances end in rows of zeros.
    """
    rows = max((len(picture["styles"]) for picture in pictures if "styles" in picture), default=0)

    def padded(name: str, array: NDArray[Any]) -> NDArray[Any]:
        return np.pad(array, ((0, rows - len(array)), (0, 0))) if name == "styles" else array

    return {name: np.stack([padded(name, picture[name]) for picture in pictures]) for name in pictures[0]}


def _instances(
    bundle: Bundle, label: NDArray[np.uint8] | None, instance: NDArray[np.integer] | None
) -> NDArray[np.int32]:
    if instance is not None:
        return dense_instances(instance)
    if label is None:
        raise ValueError("instance: found none, expected a map: a picture has no classes to find objects by")
    return connected_instances(label, [each.has_instances for each in bundle.classes])

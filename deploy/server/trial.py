"""The trial that a model passes before it serves: pictures as promised, in time, that follow the styles.

Shapes: H x W pixels, M instances of a picture, F style dimension, K styles of a class.
"""

from math import inf
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.inference import StyleBank
from deploy.server.served import ServedModel

Inputs = dict[str, NDArray[Any]]
TRIES = 3  # to make a picture in time


class TrialFailed(Exception):
    """A model gives no picture, or not such as it should."""


def try_model(model: ServedModel, *, deadline: float) -> None:
    """Make pictures of a sample scene, or of a made-up one, at that size; the first also warms the model up.

    Args:
        model: that has been loaded.
        deadline: seconds that a picture may take once the model is warm.

    Raises:
        TrialFailed: a picture is all of one colour or comes too late, or other styles give the same one.
        BundleError: the model's own test fails.
    """
    model.self_test()
    inputs = _trial_inputs(model)
    first = _picture(model, inputs)
    _check_time(model, inputs, deadline)
    if (first == first[0, 0]).all():
        raise TrialFailed(f"found one colour, {first[0, 0].tolist()}, in the whole picture, expected several")
    if "styles" in inputs:
        label, styles = inputs.get("label"), inputs["styles"]
        other = _other_styles(model.bundle.style_bank, label, inputs["instance"], styles)
        if np.array_equal(first, _picture(model, inputs | {"styles": other})):
            raise TrialFailed("found the same picture in two styles, expected two")


def _check_time(model: ServedModel, inputs: Inputs, deadline: float) -> None:
    """Make a picture in time; the machine may be busy with others at one of some tries."""
    fastest = inf
    for _ in range(TRIES):
        began = monotonic()
        _picture(model, inputs)
        fastest = min(fastest, monotonic() - began)
        if fastest <= deadline:
            return
    raise TrialFailed(f"a picture took {fastest:.1f} s, expected at most {deadline:g} s")


def _trial_inputs(model: ServedModel) -> Inputs:
    """Give the inputs of the first sample scene; without any, of columns of all classes."""
    bundle = model.bundle
    height, width = bundle.trained_size
    column = np.arange(width) * max(2, bundle.class_count) // width
    label = np.broadcast_to(column % max(1, bundle.class_count), (height, width)).astype(np.uint8)
    instance = np.broadcast_to(column, (height, width)).astype(np.int32)
    if model.samples.scenes:
        label, instance = model.samples.scenes[0].label, model.samples.scenes[0].instance
    picture = np.broadcast_to((np.arange(width) % 2 * 255)[None, :, None], (height, width, 3)).astype(np.uint8)
    inputs: Inputs = {"label": label, "picture": picture, "instance": instance}
    if "styles" in bundle.inputs:
        shape = (int(instance.max()) + 1, bundle.style_dimension)
        known = bundle.class_count > 0
        inputs["styles"] = bundle.style_bank.sample(label, instance, 0) if known else np.zeros(shape, np.float32)
    return {name: inputs[name] for name in bundle.inputs}


def _other_styles(
    bank: StyleBank, label: NDArray[np.uint8] | None, instance: NDArray[np.int32], styles: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Give each instance the style of its class that is farthest from the one that it has; [M, F].

    An instance whose class has no other one gets a style beside its own.
    """
    other = styles + np.float32(1)
    for number in range(len(styles)):
        pixels = instance == number
        classes = np.bincount(label[pixels]) if label is not None and pixels.any() else np.zeros(0, np.int64)
        known = bank.styles.get(int(classes.argmax())) if len(classes) else None
        if known is not None and (known != known[0]).any():
            other[number] = known[np.linalg.norm(known - styles[number], axis=1).argmax()]
    return other


def _picture(model: ServedModel, inputs: Inputs) -> NDArray[np.uint8]:
    images = model.synthesizer.synthesize(**{name: array[None] for name, array in inputs.items()})
    image: NDArray[np.uint8] = images[0]
    return image

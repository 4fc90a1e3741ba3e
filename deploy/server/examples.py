"""Examples of requests for the API's description: of the model in use, so that each really runs.

Shapes: H x W pixels.
"""

from typing import Any

import numpy as np

from components.inference.editing import Scene
from deploy.server.documents import scene_document
from deploy.server.limits import Limits, allowed_sizes, deflated
from deploy.server.served import ServedModel

Examples = dict[str, Any]  # by name, the document of a request

_THING, _OTHER_THING, _SCATTERED = 1, 2, 3  # ids of the example scene, after its background
_LEAST_SIZE = 4, 16


def request_examples(model: ServedModel, limits: Limits) -> dict[str, Examples]:
    """Give examples of each route that takes JSON, by the route's path.

    There are none for a model without classes, or where the limits allow no scene with objects.
    """
    size = _scene_size(model, limits)
    if not model.bundle.class_count or size is None:
        return {}
    scene = example_scene(model, size)
    document = scene_document(scene)
    height, width = scene.instance.shape
    edits = {name: [operation] for name, operation in _operations(scene).items()}
    return {
        "/api/scenes/empty": {"one region": {"height": height, "width": width, "class": 0, "seed": 0}},
        "/api/scenes/picture": {each: {"scene": document, "format": each} for each in ("png", "webp")},
        "/api/scenes/edit": {
            name: {"scene": document, "operations": operations, "format": None} for name, operations in edits.items()
        }
        | {
            "two operations and a picture": {
                "scene": document,
                "operations": [edits["paint with a brush"][0], {"do": "compact"}],
                "format": "png",
            }
        },
        "/api/scenes/thumbnails": {"an object": {"scene": document, "instance": _THING}},
        "/api/scenes/maps": {"a scene": {"scene": document}},
    }


def path_examples(model: ServedModel) -> dict[str, dict[str, Any]]:
    """Give values of the parameters of paths, by path and name."""
    examples: dict[str, dict[str, Any]] = {}
    if model.bundle.style_bank.styles:
        first = min(model.bundle.style_bank.styles)
        examples["/api/styles/{class_index}/{number}/thumbnail"] = {"class_index": first, "number": 0}
    if model.samples.scenes:
        name = {"name": model.samples.scenes[0].name}
        examples["/api/samples/{name}"] = examples["/api/samples/{name}/thumbnail"] = name
    return examples


def _scene_size(model: ServedModel, limits: Limits) -> tuple[int, int] | None:
    """Give the size of the training pictures, or the least that has room for all objects."""
    least = allowed_sizes(*_LEAST_SIZE, model.bundle.size_multiple)[0]
    fitting = [(h, w) for h, w in (model.bundle.trained_size, least) if h * w <= limits.pixels]
    return fitting[0] if fitting else None


def example_scene(model: ServedModel, size: tuple[int, int]) -> Scene:
    """Make a scene: a background, two objects and one in two parts, or a background and one region."""
    height, width = size
    thing = _class_of_objects(model)
    separate = model.has_instances[thing]
    behind = next((each.index for each in model.bundle.classes if each.index != thing), thing)
    instance = np.zeros((height, width), np.int32)
    y, x = max(1, height // 4), max(1, width // 8)
    for column, number in ((1, _THING), (3, _OTHER_THING), (5, _SCATTERED), (7, _SCATTERED)):
        instance[y : 2 * y, column * x : (column + 1) * x] = number if separate else _THING
    label = np.where(instance > 0, thing, behind).astype(np.uint8)
    bank = model.bundle.style_bank
    return Scene.from_maps(label, instance, has_instances=model.has_instances, bank=bank, seed=0)


def _class_of_objects(model: ServedModel) -> int:
    """Give the class that has most of: instances, styles, a number beyond the first."""
    styles = model.bundle.style_bank.styles
    return max(
        (each.index for each in model.bundle.classes),
        key=lambda index: (model.has_instances[index], index in styles, index > 0, -index),
    )


def _operations(scene: Scene) -> dict[str, dict[str, Any]]:
    """Give an operation of each kind that the scene allows, by what it shows."""
    height, width = scene.instance.shape
    y, x = max(1, height // 4), max(1, width // 8)
    thing, behind = scene.class_of(_THING), scene.class_of(0)
    stroke = {"kind": "brush", "points": [[y, x], [1.5 * y, 2 * x]], "radius": 1.0}
    triangle = {"kind": "polygon", "points": [[0, 0], [0, 2 * x], [y, x]]}
    bits = deflated(np.packbits(np.ones(y * x, bool)).tobytes())
    bitmap = {"kind": "bitmap", "height": y, "width": x, "top": 0, "left": 0, "bits": bits}
    operations: dict[str, dict[str, Any]] = {
        "paint with a brush": {"do": "paint", "mask": stroke, "class": thing, "instance": None, "style": None},
        "paint a polygon": {"do": "paint", "mask": triangle, "class": thing},
        "fill what hangs together": {"do": "paint", "mask": {"kind": "connected", "point": [0, 0]}, "class": thing},
        "erase": {"do": "erase", "instance": _THING, "mask": stroke, "fill": None},
        "add an object": {"do": "add_object", "mask": bitmap, "class": thing, "style": None},
        "remove": {"do": "remove", "instance": _THING, "fill": behind},
        "move": {"do": "move", "instance": _THING, "down": 1, "right": 1, "fill": behind},
        "scale": {"do": "scale", "instance": _THING, "factor": 1.5, "fill": behind},
        "duplicate": {"do": "duplicate", "instance": _THING, "down": y, "right": 0},
        "change the class": {"do": "change_class", "instance": _THING, "class": behind},
        "style by its floats": {"do": "set_style", "instance": _THING, "style": scene.styles[_THING].tolist()},
        "draw all styles": {"do": "draw_styles", "seed": 1, "instances": None},
        "compact": {"do": "compact"},
    }
    if scene.bank is not None and thing in scene.bank.styles:
        operations["style of the bank"] = {"do": "set_style", "instance": _THING, "style": 0}
        operations["style of a class"] = {"do": "set_class_style", "class": thing, "style": 0}
    if scene.has_instances[thing]:
        left_half = {"kind": "bitmap", "height": y, "width": x, "top": y, "left": x - x // 2, "bits": bits}
        operations["merge"] = {"do": "merge", "instances": [_THING, _OTHER_THING]}
        operations["split"] = {"do": "split", "instance": _THING, "mask": left_half}
        operations["split what hangs apart"] = {"do": "split_connected", "instance": _SCATTERED}
    return operations

"""Small pictures: of styles, and of an object of a scene in each of its class's styles.

Shapes: H x W pixels, M instances of a scene.
"""

import numpy as np

from components.inference.editing import Scene, consistent_instances, set_style
from components.inference.editing.masks import Box
from components.inference.samples import SampleScene
from deploy.server.served import ServedModel

_MARGIN = 0.25  # of an object's larger side, around it
_SMALLEST = 16  # pixels of the larger side of an object that is worth showing


def sample_scene(model: ServedModel, sample: SampleScene, seed: int = 0) -> Scene:
    """Make a scene of a sample, with styles drawn from the bank."""
    instance = consistent_instances(sample.label, sample.instance, model.has_instances)
    bank = model.bundle.style_bank
    return Scene.from_maps(sample.label, instance, has_instances=model.has_instances, bank=bank, seed=seed)


def object_box(scene: Scene, instance: int) -> Box:
    """Give the rectangle around an object, with a margin, cut at the edges of the scene.

    Raises:
        ValueError: there is no such object.
    """
    mask_HW = scene.mask(instance)
    height, width = mask_HW.shape
    box = Box.around(mask_HW)
    margin = round(_MARGIN * max(box.bottom - box.top, box.right - box.left, _SMALLEST))
    return Box(
        max(box.top - margin, 0),
        max(box.left - margin, 0),
        min(box.bottom + margin, height),
        min(box.right + margin, width),
    )


def in_each_style(scene: Scene, instance: int) -> list[Scene]:
    """Give the scene with the object in each style that the bank has for its class."""
    assert scene.bank is not None
    known = scene.bank.styles.get(scene.class_of(instance), ())
    return [set_style(scene, instance, number) for number in range(len(known))]


def style_example(model: ServedModel, class_index: int, number: int) -> tuple[Scene, Box]:
    """Give a scene with an object of a class in a style of the bank, and the rectangle around it.

    The object is the largest of its class in the sample scenes; a class that they lack fills the middle of a scene.
    """
    scene, instance = _largest_object(model, class_index) or _made_up_object(model, class_index)
    return set_style(scene, instance, number), object_box(scene, instance)


def _largest_object(model: ServedModel, class_index: int) -> tuple[Scene, int] | None:
    best: tuple[int, SampleScene] | None = None
    for sample in model.samples.scenes:
        ids = sample.instance if model.has_instances[class_index] else np.zeros_like(sample.instance)
        area = int(np.bincount(ids[sample.label == class_index], minlength=1).max())
        if area > (best[0] if best else 0):
            best = area, sample
    if best is None:
        return None
    scene = sample_scene(model, best[1])
    return scene, int(np.where(scene.classes == class_index, scene.areas, -1).argmax())


def _made_up_object(model: ServedModel, class_index: int) -> tuple[Scene, int]:
    """Lay a disc of the class over a region of another one, or of the same where there is no other."""
    height, width = model.bundle.trained_size
    y, x = np.mgrid[:height, :width]
    disc_HW = (y - height / 2) ** 2 + (x - width / 2) ** 2 < (min(height, width) / 3) ** 2
    behind = next((each.index for each in model.bundle.classes if each.index != class_index), class_index)
    label = np.where(disc_HW, class_index, behind).astype(np.uint8)
    scene = sample_scene(model, SampleScene("made up", label, disc_HW.astype(np.int32)))
    return scene, int(scene.instance[height // 2, width // 2])

"""Giving pixels to objects, and taking them away.

Shapes: H and W pixels.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from components.inference.editing.masks import Box
from components.inference.editing.scene import Scene
from components.inference.editing.styling import Style, set_style

_UNKNOWN, _OUTSIDE = -1, -2


def paint(
    scene: Scene,
    mask: NDArray[np.bool_],
    class_index: int,
    instance: int | None = None,
    style: Style | None = None,
) -> Scene:
    """Paint a mask, over whatever was there.

    Args:
        scene: the scene.
        mask: bool [H, W], such as of `brush_mask`, `polygon_mask` or `connected_mask`.
        class_index: what to paint.
        instance: the object that gets the pixels. None makes a new one, with the id `scene.instance_for(class_index)`,
            or gives them to the region of a class without instances.
        style: of that object, as in `set_style`; None leaves it, and draws that of a new one.

    Raises:
        ValueError: the mask or the style is not as said, the mask is empty, there is no such class or object, or the
            object is of another class.
    """
    mask = checked_mask(scene, mask)
    target = scene.instance_for(class_index)
    if instance is not None:
        if scene.class_of(instance) != class_index:
            raise ValueError(f"instance {instance}: found class {scene.class_of(instance)}, expected {class_index}")
        target = instance
    if target == len(scene.classes):
        scene = scene.with_objects(class_index, scene.drawn_styles([class_index], [target], scene.seed))
    if style is not None:
        scene = set_style(scene, target, style)
    return scene.with_pixels(mask, target)


def erase(scene: Scene, instance: int, mask: NDArray[np.bool_], fill: int | None = None) -> Scene:
    """Take the pixels of a mask from an object.

    Args:
        scene: the scene.
        instance: the object; pixels of others stay as they are.
        mask: bool [H, W].
        fill: the class that fills the hole, as `paint` would. None gives each pixel to the nearest other object, by
            steps that go in turn to 4 and to 8 neighbours: at most some 12 % farther than the very nearest.

    Raises:
        ValueError: the mask is not as said or has no pixel of the object, there is no such object or class, the hole
            would be filled with the object itself, or there is no other object to fill it.
    """
    own = scene.mask(instance)
    hole = own & checked_mask(scene, mask)
    if not hole.any():
        raise ValueError(f"instance {instance}: found none of its pixels in the mask, expected one or more")
    if fill is None:
        return replace(scene, instance=np.where(hole, _nearest_others(scene, instance, own), scene.instance))
    if scene.instance_for(fill) == instance:
        raise ValueError(f"fill: found class {fill}, which is instance {instance} itself, expected another class")
    return paint(scene, hole, fill)


def checked_mask(scene: Scene, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Give the mask back if it is bool [H, W] and has a pixel; else raise a ValueError."""
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != scene.instance.shape:
        found = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise ValueError(f"mask: found {found}, expected bool {scene.instance.shape}, the shape of the picture")
    if not mask.any():
        raise ValueError("mask: found no pixel inside the picture, expected one or more")
    return mask


def _nearest_others(scene: Scene, instance: int, own: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Give the instance map without an object: its pixels go to the nearest others."""
    box = Box.around(own)
    window = slice(max(box.top - 1, 0), box.bottom + 1), slice(max(box.left - 1, 0), box.right + 1)
    remaining = np.where(own[window], np.int32(_UNKNOWN), scene.instance[window])
    if (remaining == _UNKNOWN).all():
        raise ValueError(f"instance {instance}: found no other object to fill the hole, expected a class in fill")
    padded = np.pad(remaining, 1, constant_values=_OUTSIDE)
    ids, row = padded.ravel(), padded.shape[1]
    beside = (1, -1, row, -row)  # of equally near ones the left, then the upper one comes first
    around = (*beside, row + 1, row - 1, -row + 1, -row - 1)
    front, diagonal = np.flatnonzero(ids >= 0), False
    while front.size:
        reached = []
        for offset in around if diagonal else beside:
            pixels = front + offset
            new = ids[pixels] == _UNKNOWN
            ids[pixels[new]] = ids[front[new]]
            reached.append(pixels[new])
        front, diagonal = np.concatenate(reached), not diagonal
    filled_HW = scene.instance.copy()
    filled_HW[window] = padded[1:-1, 1:-1]
    return filled_HW

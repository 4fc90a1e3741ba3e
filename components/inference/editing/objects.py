"""Operations on whole objects.

Shapes: H and W pixels; h and w pixels of a mask of its own size.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from components.inference.editing.masks import Box, connected_parts, placed_mask
from components.inference.editing.painting import checked_mask, erase, paint
from components.inference.editing.scene import Scene
from components.inference.editing.styling import Style


def change_class(scene: Scene, instance: int, class_index: int) -> Scene:
    """Make an object one of another class, with a style drawn for it.

    Where the new class has no instances but a region, the pixels join it, with its style.

    Raises:
        ValueError: there is no such object or class, or the object has no pixels.
    """
    mask = scene.mask(instance)
    target = scene.instance_for(class_index)
    if scene.class_of(instance) == class_index:
        return scene
    if target < len(scene.classes):
        return scene.with_pixels(mask, target)
    classes, styles = scene.classes.copy(), scene.styles.copy()
    classes[instance] = class_index
    styles[instance] = scene.drawn_styles([class_index], [instance], scene.seed)[0]
    return replace(scene, classes=classes, styles=styles)


def remove(scene: Scene, instance: int, fill: int | None = None) -> Scene:
    """Remove an object; `fill` is the class that fills the hole, None leaves it to the nearest others, see `erase`.

    Raises:
        ValueError: as `erase`.
    """
    return erase(scene, instance, scene.mask(instance), fill)


def add_object(
    scene: Scene,
    mask: NDArray[np.bool_],
    class_index: int,
    top: int = 0,
    left: int = 0,
    style: Style | None = None,
) -> Scene:
    """Add an object, over whatever was there; what lies outside the picture is cut.

    Args:
        scene: the scene.
        mask: bool [h, w], the shape of the object.
        class_index: its class; the pixels join the region of a class without instances.
        top: the row in the picture of the mask's first row; may be negative.
        left: likewise its column.
        style: as in `set_style`; None draws it, and leaves that of an existing region.

    Raises:
        ValueError: the mask or the style is not as said, no pixel lies in the picture, or there is no such class.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.ndim != 2:
        found = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise ValueError(f"mask: found {found}, expected bool [h, w]")
    return paint(scene, placed_mask(scene.instance.shape, mask, top, left), class_index, style=style)


def move(scene: Scene, instance: int, down: int, right: int, fill: int | None = None) -> Scene:
    """Move an object by pixels, over whatever is there; what leaves the picture is cut.

    What it uncovers is filled as by `remove`, so that the object itself does not grow into it.

    Raises:
        ValueError: as `erase`, or no pixel would stay in the picture; remove it instead.
    """
    mask = scene.mask(instance)
    box = Box.around(mask)
    return _put(scene, instance, placed_mask(mask.shape, mask[box.window], box.top + down, box.left + right), fill)


def scale(scene: Scene, instance: int, factor: float, fill: int | None = None) -> Scene:
    """Scale an object about the middle of its box; what leaves the picture is cut, what it uncovers filled.

    Raises:
        ValueError: as `erase`, the factor is not positive and finite, or no pixel would be left in the picture.
    """
    if not (factor > 0 and math.isfinite(factor)):
        raise ValueError(f"factor: found {factor}, expected a finite number above 0")
    mask = scene.mask(instance)
    box = Box.around(mask)
    rows = _scaled_axis(box.top, box.bottom, factor, mask.shape[0])
    columns = _scaled_axis(box.left, box.right, factor, mask.shape[1])
    inside = (rows >= 0)[:, None] & (columns >= 0)
    return _put(scene, instance, mask[rows[:, None], columns] & inside, fill)


def duplicate(scene: Scene, instance: int, down: int, right: int) -> Scene:
    """Lay a copy of an object, with its style, `down` and `right` of it, over whatever is there, cut at the edges.

    The copy has the next free id; that of a class without instances joins its region.

    Raises:
        ValueError: there is no such object, or no pixel of the copy would lie in the picture.
    """
    mask = scene.mask(instance)
    box = Box.around(mask)
    copy = placed_mask(mask.shape, mask[box.window], box.top + down, box.left + right)
    return paint(scene, copy, scene.class_of(instance), style=scene.styles[instance])


def merge(scene: Scene, instances: Sequence[int]) -> Scene:
    """Make one object of several of one class; it has the id and the style of the first.

    Raises:
        ValueError: there is no such object, one has no pixels, or they are not two or more of one class.
    """
    classes = [scene.class_of(each) for each in instances]
    if len(set(instances)) < 2 or len(set(classes)) > 1:
        raise ValueError(f"instances {list(instances)}: found classes {classes}, expected two or more of one class")
    gone = [each for each in instances if not scene.areas[each]]
    if gone:
        raise ValueError(f"instance {gone[0]}: found no pixel, expected one or more")
    return scene.with_pixels(np.isin(scene.instance, instances), instances[0])


def split(scene: Scene, instance: int, mask: NDArray[np.bool_]) -> Scene:
    """Make an object, with the next free id and the same style, of the pixels that a mask, bool [H, W], has of another.

    Raises:
        ValueError: the mask is not as said, has none or all pixels of the object, there is no such object, or its
            class has no instances.
    """
    own = _own_of_thing(scene, instance)
    part = own & checked_mask(scene, mask)
    if not part.any() or (part == own).all():
        found = f"found {part.sum()} of its {own.sum()} pixels in the mask"
        raise ValueError(f"instance {instance}: {found}, expected some and not all")
    return paint(scene, part, scene.class_of(instance), style=scene.styles[instance])


def split_connected(scene: Scene, instance: int) -> Scene:
    """Make each part that hangs together (8 neighbours) an object; the largest stays, the others get the next free ids.

    Raises:
        ValueError: there is no such object, its class has no instances, or it has a single part.
    """
    parts_HW = connected_parts(_own_of_thing(scene, instance))
    areas = np.bincount(parts_HW[parts_HW >= 0])
    if len(areas) < 2:
        raise ValueError(f"instance {instance}: found 1 connected part, expected two or more")
    class_index, style = scene.class_of(instance), scene.styles[instance]
    new = np.delete(np.arange(len(areas)), areas.argmax())
    ids = np.full(len(areas) + 1, instance, dtype=np.int32)
    ids[new] = len(scene.classes) + np.arange(len(new))
    scene = scene.with_objects(class_index, np.tile(style, (len(new), 1)))
    return replace(scene, instance=np.where(parts_HW >= 0, ids[parts_HW], scene.instance))


def _own_of_thing(scene: Scene, instance: int) -> NDArray[np.bool_]:
    own, class_index = scene.mask(instance), scene.class_of(instance)
    if not scene.has_instances[class_index]:
        raise ValueError(f"instance {instance}: found class {class_index} without instances, expected one with them")
    return own


def _put(scene: Scene, instance: int, pixels: NDArray[np.bool_], fill: int | None) -> Scene:
    if not pixels.any():
        raise ValueError(f"instance {instance}: found no pixel left in the picture, expected one or more; remove it?")
    return remove(scene, instance, fill).with_pixels(pixels, instance)


def _scaled_axis(start: int, end: int, factor: float, size: int) -> NDArray[np.int64]:
    """Give for each pixel of a scaled row or column the one it comes from, -1 outside start..end; int64 [size]."""
    middle = (start + end) / 2
    origin = np.floor((np.arange(size) + 0.5 - middle) / factor + middle)
    return np.where((origin >= start) & (origin < end), origin, -1).astype(np.int64)

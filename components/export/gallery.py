"""Masks of objects for the gallery: whole, of decent size and of distinct shapes.

Shapes: H x W pixels of a picture, h x w of an object's frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Mask = NDArray[np.bool_]
LEAST_SHARE = 0.004  # of its picture's pixels: a smaller object is a speck to a person who picks one
LEAST_PIXELS = 24
LEAST_SHARE_OF_LARGEST = 0.1  # the pixels of a gallery's object, of those of its class's largest
POOL = 64  # objects of a class that the choice is made from
COMPARED_SIDE = 24  # pixels of the square in which two shapes are laid over each other
LEAST_DIFFERENCE = 0.1  # of two shapes: 1 - intersection over union
DIAGONAL_TOO = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class MaskOfObject:
    """An object of a picture.

    Attributes:
        mask: bool [h, w]; its frame is as small as it can be.
        share: of its picture's pixels.
        covered: the share of its outline where another object touches it, and may hide a part.
    """

    mask: Mask
    share: float
    covered: float


def whole_objects(
    label: NDArray[np.uint8], instance: NDArray[np.int32], things: Sequence[int]
) -> Iterator[tuple[int, MaskOfObject]]:
    """Give the objects of a picture that may be in a gallery, each with its class, in the order of their ids.

    They are in one piece, the picture's edge does not cut them, and they are not tiny.

    Args:
        label: class indices [H, W].
        instance: ids [H, W].
        things: the classes with instances.
    """
    is_thing = np.isin(label, things)
    for number, frame in enumerate(ndimage.find_objects(instance + 1)):
        if frame is None or any(
            part.start == 0 or part.stop == size for part, size in zip(frame, label.shape, strict=True)
        ):
            continue
        mask = instance[frame] == number
        classes = np.unique(label[frame][mask])
        pixels = int(mask.sum())
        if len(classes) > 1 or classes[0] not in things or pixels < max(LEAST_PIXELS, LEAST_SHARE * label.size):
            continue
        if ndimage.label(mask, DIAGONAL_TOO)[1] > 1:
            continue
        around = tuple(slice(part.start - 1, part.stop + 1) for part in frame)
        padded = np.pad(mask, 1)
        outline = ndimage.binary_dilation(padded, DIAGONAL_TOO) & ~padded
        yield int(classes[0]), MaskOfObject(mask, pixels / label.size, float(is_thing[around][outline].mean()))


def distinct_masks(objects: Sequence[MaskOfObject], count: int) -> list[Mask]:
    """Choose up to `count` masks: the best, and again and again the good one that is least like those before.

    A large object that nothing hides is a good one. Shapes that are nearly the same are taken once, and none that is
    small beside the largest, so there may be fewer than `count`.
    """
    least = LEAST_SHARE_OF_LARGEST * max((each.share for each in objects), default=0)
    fair = [number for number, each in enumerate(objects) if each.share >= least]
    good = sorted(fair, key=lambda each: (-_quality(objects[each]), each))[:POOL]
    shapes = [_shape(objects[each].mask) for each in good]
    nearest = np.ones(len(good))  # the least difference of each to those that were chosen
    chosen: list[Mask] = []
    while len(chosen) < min(count, len(good)):
        worth = nearest * [_quality(objects[each]) for each in good]
        best = int(np.argmax(np.where(nearest >= LEAST_DIFFERENCE, worth, -1)))
        if nearest[best] < LEAST_DIFFERENCE:
            break
        chosen.append(objects[good[best]].mask)
        nearest = np.minimum(nearest, [1 - _overlap(shapes[best], shape) for shape in shapes])
    return chosen


def _quality(found: MaskOfObject) -> float:
    return float(np.sqrt(found.share) * (1 - found.covered) ** 2)


def _shape(mask: Mask) -> Mask:
    """Scale a mask so that its longer side fills a square, in whose middle it lies; bool [24, 24]."""
    height, width = (max(1, round(COMPARED_SIDE * side / max(mask.shape))) for side in mask.shape)
    scaled = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST), dtype=bool)
    square = np.zeros((COMPARED_SIDE, COMPARED_SIDE), dtype=bool)
    top, left = (COMPARED_SIDE - height) // 2, (COMPARED_SIDE - width) // 2
    square[top : top + height, left : left + width] = scaled
    return square


def _overlap(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / (one | other).sum())

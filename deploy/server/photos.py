"""The styles of a photo's objects.

Shapes: H x W pixels, M instances of the photo, F style dimension.
"""

from dataclasses import dataclass
from math import floor, sqrt

import numpy as np
from numpy.typing import NDArray

from components.inference import connected_instances
from components.inference.connected_components import dense_instances
from deploy.map_files import Size, Upload, check_labels, read_indices, read_picture, resized
from deploy.server.limits import Limits
from deploy.server.served import ServedModel

_LARGER = 16  # times the limit on pixels of a scene: photos are made smaller


@dataclass(frozen=True)
class PhotoStyle:
    """The style of an object: its id in the instance map, its class where that is known, and F floats."""

    instance: int
    class_index: int | None
    vector: list[float]


def photo_pixels(limits: Limits) -> int:
    """Give how many pixels a photo may have."""
    return _LARGER * limits.pixels


def styles_of_photo(
    model: ServedModel, limits: Limits, photo: Upload | None, label: Upload | None, instance: Upload | None
) -> list[PhotoStyle]:
    """Take the styles from a photo.

    Args:
        model: that has an encoder.
        limits: of the server.
        photo: of any size; it is resized to about the training pictures' pixels, its maps with it.
        label: the class of each pixel.
        instance: the id of each pixel; None takes the connected regions of `label`, or the whole photo as one object.

    Raises:
        ValueError: a file is not as expected, or one that this encoder needs is missing.
    """
    assert model.encoder is not None
    assert photo is not None
    bundle = model.bundle
    if "label" in model.encoder.inputs and label is None:
        raise ValueError("label: found none, expected one: this model's styles belong to classes")
    image = read_picture(photo)
    found: Size = (image.shape[0], image.shape[1])
    size = _encoder_size(found, bundle.trained_size, bundle.size_multiple, limits)
    image = resized(image, size)
    label_HW: NDArray[np.uint8] | None = None
    if label is not None:
        classes = _map(label, found, size)
        check_labels(bundle, label, classes)
        label_HW = classes.astype(np.uint8)
    given = None if instance is None else _map(instance, found, size)
    if given is not None:
        ids = dense_instances(given)
    elif label_HW is not None:
        ids = connected_instances(label_HW, model.has_instances)
    else:
        ids = np.zeros(size, np.int32)
    numbers = np.arange(int(ids.max()) + 1) if given is None else np.unique(given)
    limits.check_instances("instance" if instance else "label", len(numbers))
    of_classes = label_HW[None] if label_HW is not None and "label" in model.encoder.inputs else None
    styles_MF = model.encoder.encode(image[None], ids[None], of_classes)[0]
    return [
        PhotoStyle(int(number), None if label_HW is None else _class_of(label_HW, ids == row), styles_MF[row].tolist())
        for row, number in enumerate(numbers)
    ]


def _map(source: Upload, found: Size, size: Size) -> NDArray[np.int32]:
    """Read a map of the photo's size and resize it as the photo was."""
    pixels = read_indices(source)
    if pixels.shape != found:
        raise ValueError(
            f"{source}: found {pixels.shape[0]}x{pixels.shape[1]} (HxW), "
            f"expected {found[0]}x{found[1]}, the size of photo"
        )
    smaller: NDArray[np.int32] = resized(pixels, size)
    return smaller


def _class_of(label_HW: NDArray[np.uint8], mask_HW: NDArray[np.bool_]) -> int:
    """Give the commonest class of an object."""
    return int(np.bincount(label_HW[mask_HW]).argmax())


def _encoder_size(found: Size, trained: Size, multiple: int, limits: Limits) -> Size:
    """Give a size of multiples and about the photo's shape, of no more pixels than training pictures have."""
    most = min(trained[0] * trained[1], limits.pixels)
    share = min(1.0, sqrt(most / (found[0] * found[1])))
    height, width = (max(1, floor(share * each / multiple)) * multiple for each in found)
    # One side of a very long picture is a single multiple; the other gives way.
    if height * width > most:
        height, width = (
            (height, max(1, most // height // multiple) * multiple)
            if width > height
            else (max(1, most // width // multiple) * multiple, width)
        )
    return height, width

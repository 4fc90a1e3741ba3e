"""Files that clients send, as inputs of the model.

Shapes: H x W pixels, M instances of a picture, F style dimension.
"""

import json
from typing import Any

import numpy as np
from fastapi import UploadFile
from numpy.typing import NDArray

from components.inference import complete_inputs, connected_instances
from components.inference.editing import Scene, consistent_instances
from deploy.map_files import Size, Upload, read_maps
from deploy.server.documents import OtherModelError, float32
from deploy.server.limits import Limits, allowed_sizes
from deploy.server.served import ServedModel


async def upload(name: str, file: UploadFile | None, most_pixels: int) -> Upload | None:
    """Take the content of a field of a form."""
    return None if file is None else Upload(name, await file.read(), most_pixels)


def scene_of_maps(
    model: ServedModel, limits: Limits, label: Upload | None, instance: Upload | None, seed: int, resize: bool
) -> Scene:
    """Make a scene.

    Args:
        model: that will paint it.
        limits: of the server.
        label: the label map.
        instance: the instance map; None takes the connected regions.
        seed: of the styles.
        resize: to the nearest size that the model takes.

    Raises:
        OtherModelError: the model has no classes.
        ValueError: a file is not as expected.
    """
    assert label is not None
    bundle = model.bundle
    if not bundle.class_count:
        raise OtherModelError("label: found a map of classes, expected none: this model takes pictures")

    def nearest(found: Size) -> Size:
        return nearest_size(found, bundle.size_multiple, limits)

    advice = "the size {size} is the next one; resize=true takes the nearest"
    maps = read_maps(bundle, label, instance, nearest if resize else None, advice=advice)
    limits.check_pixels("label", *maps["label"].shape)
    if "instance" in maps:
        ids = consistent_instances(maps["label"], maps["instance"], model.has_instances)
    else:
        ids = connected_instances(maps["label"], model.has_instances)
    limits.check_instances("instance" if instance else "label", int(ids.max()) + 1)
    return Scene.from_maps(maps["label"], ids, has_instances=model.has_instances, bank=bundle.style_bank, seed=seed)


def nearest_size(found: Size, multiple: int, limits: Limits) -> Size:
    """Give the size of multiples that is nearest to one and within the limits."""
    height, width = (max(1, round(each / multiple)) * multiple for each in found)
    return (height, width) if height * width <= limits.pixels else allowed_sizes(*found, multiple)[-1]


def inputs_of_uploads(
    model: ServedModel,
    limits: Limits,
    condition: Upload,
    instance: Upload | None,
    styles: str | None,
    seed: int,
) -> dict[str, NDArray[Any]]:
    """Give the inputs of one picture, without the axis N.

    Args:
        model: that will paint it.
        limits: of the server.
        condition: the label map, or the picture where the model has no classes.
        instance: the instance map.
        styles: JSON, a list of rows of F floats.
        seed: of the styles that are drawn.

    Raises:
        ValueError: a file is not as expected.
    """
    bundle = model.bundle
    maps = read_maps(bundle, condition, instance, advice="the size {size} is the next one")
    limits.check_pixels(condition.name, *next(iter(maps.values())).shape[:2])
    rows = None if styles is None else _rows(styles, bundle.style_dimension)
    inputs = complete_inputs(
        bundle,
        label=maps.get("label"),
        picture=maps.get("picture"),
        instance=maps.get("instance"),
        styles=rows,
        seed=seed,
    )
    if "instance" in inputs:
        limits.check_instances("instance", int(inputs["instance"].max()) + 1)
        if rows is not None and inputs["instance"].max() >= len(rows):
            expected = f"expected 0..{len(rows) - 1}, the rows of styles"
            raise ValueError(f"instance: found id {inputs['instance'].max()}, {expected}")
    return inputs


def _rows(styles: str, dimension: int) -> NDArray[np.float32]:
    expected = f"expected JSON, a list of rows of {dimension} numbers"
    try:
        rows = json.loads(styles)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"styles: found no JSON, {expected}") from error
    if not (isinstance(rows, list) and rows and all(isinstance(row, list) and len(row) == dimension for row in rows)):
        raise ValueError(f"styles: found something else, {expected}")
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for row in rows for number in row):
        raise ValueError(f"styles: found something that is no number, {expected}")
    return float32("styles", rows)

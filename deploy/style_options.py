"""What a command line says of styles."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.inference import Bundle, StyleBank, StyleEncoder, complete_inputs
from components.inference.providers import CPU
from deploy.map_files import Size, read_maps

_OPTION = re.compile(r"(?P<name>.+)=(?P<first>\d+)(:(?P<second>\d+):(?P<share>[\d.]+))?")


def chosen_styles(options: Sequence[str], bundle: Bundle) -> dict[int, NDArray[np.float32]]:
    """Read the options `--style`.

    Args:
        options: each a class, by name or index, and the number of one of its styles (`car=2`), or two numbers and the
            share of the second between the two (`car=2:5:0.3`).
        bundle: of the model.

    Returns:
        By class index its style, float32 [F].

    Raises:
        ValueError: an option is written otherwise, names a class twice, or one that is unknown or has no such style.
    """
    chosen: dict[int, NDArray[np.float32]] = {}
    for option in options:
        if (parts := _OPTION.fullmatch(option)) is None:
            raise ValueError(f"--style {option}: expected CLASS=K or CLASS=K:L:SHARE, as in car=2 or car=2:5:0.3")
        try:
            class_index = _class_index(parts["name"], bundle)
            if class_index in chosen:
                raise ValueError(f"found a second style for class {class_index}, expected one")
            if parts["second"] is None:
                chosen[class_index] = bundle.style_bank.style(class_index, int(parts["first"]))
            else:
                between = int(parts["first"]), int(parts["second"]), float(parts["share"])
                chosen[class_index] = bundle.style_bank.interpolate(class_index, *between)
        except ValueError as error:
            raise ValueError(f"--style {option}: {error}") from error
    return chosen


def _class_index(name: str, bundle: Bundle) -> int:
    named = {each.name: each.index for each in bundle.classes}
    if name in named:
        return named[name]
    if name.isdecimal() and int(name) < bundle.class_count:
        return int(name)
    raise ValueError(f"found class {name!r}, expected one of {list(named)} or an index below {bundle.class_count}")


def photo_bank(
    bundle: Bundle, photo: Path | None, label: Path | None, instances: Path | None, size: Size | None
) -> StyleBank:
    """Read the options `--style-from`: a bank that draws from the styles of the objects in a photo.

    Args:
        bundle: of the model; classes that the photo has not keep its styles.
        photo: the picture.
        label: its label map, which tells the class of each object.
        instances: its instance map; None takes the connected regions of the label map.
        size: to resize all three to.

    Raises:
        ValueError: the bundle has no encoder, there is no label map, or a file is not as expected.
    """
    if bundle.encoder is None:
        raise ValueError(f"--style-from: {bundle.folder} has no encoder, expected a bundle of a model with styles")
    if photo is None or label is None:
        raise ValueError("--style-from: expected a photo and, as --style-from-label, its label map: both or none")
    maps = read_maps(bundle, label, instances, size, photo)
    instance = complete_inputs(bundle, label=maps["label"], instance=maps.get("instance"))["instance"]
    of_classes = maps["label"][None] if "label" in bundle.encoder.inputs else None
    encoder = StyleEncoder(bundle.folder, providers=[CPU])  # one picture: no GPU is worth its start
    styles = encoder.encode(maps["image"][None], instance[None], of_classes)[0]
    return bundle.style_bank.of_picture(maps["label"], instance, styles)

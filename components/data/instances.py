"""Instance maps for datasets that have none, or theirs in another form.

Shapes: label map (H, W) uint8; objects (H, W) integers; instance map (H, W) uint16.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.data.dataset import SPLITS, ClassInfo, Dataset, Record, Split
from components.data.decoding import read_label
from components.data.derived import derive, write_png

FIRST_OBJECT = 256  # the ids below are those of classes
_LAST_ID = 2**16 - 1
_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


def number_objects(
    label_HW: npt.NDArray[np.uint8], objects_HW: npt.NDArray[np.integer], classes: Sequence[ClassInfo]
) -> npt.NDArray[np.uint16]:
    """Number the objects of a picture.

    Args:
        label_HW: class indices.
        objects_HW: a number for each object of a class, 0 where a pixel belongs to none.
        classes: tell which classes have instances; the objects of others are one.

    Returns:
        Ids: 256 and on for each pair of class and object, elsewhere the class index. No id crosses a label border.

    Raises:
        ValueError: there are more objects than 16 bits hold.
    """
    has_instances = np.zeros(256, dtype=bool)
    has_instances[[each.index for each in classes if each.has_instances]] = True
    is_object = has_instances[label_HW] & (objects_HW > 0)
    pairs = label_HW[is_object].astype(np.int64) << 32 | objects_HW[is_object].astype(np.int64)
    found, ranks = np.unique(pairs, return_inverse=True)
    if FIRST_OBJECT + len(found) - 1 > _LAST_ID:
        raise ValueError(f"found {len(found)} objects, expected at most {_LAST_ID + 1 - FIRST_OBJECT} in a picture")
    instance_HW = label_HW.astype(np.uint16)
    instance_HW[is_object] = FIRST_OBJECT + ranks
    return instance_HW


def connected_instances(label_HW: npt.NDArray[np.uint8], classes: Sequence[ClassInfo]) -> npt.NDArray[np.uint16]:
    """Take each connected component (8 neighbours) of a class with instances as an object; ids as `number_objects`.

    Raises:
        ValueError: there are more components than 16 bits hold.
    """
    from scipy import ndimage

    components_HW = np.zeros(label_HW.shape, dtype=np.int32)
    for each in classes:
        if each.has_instances:
            of_class = label_HW == each.index
            components_HW[of_class] = ndimage.label(of_class, structure=_EIGHT_NEIGHBOURS)[0][of_class]
    return number_objects(label_HW, components_HW, classes)


def with_connected_instances(dataset: Dataset, work: Path) -> tuple[Dataset, list[str]]:
    """Make the instance maps of a dataset with label maps.

    Args:
        dataset: without instance maps.
        work: where the maps are written, as `instances/SPLIT/NAME.png`.

    Returns:
        The dataset with them, and a line a problem: no class with instances, or a label map of which none can be made.
    """
    if dataset.train and not any(each.has_instances for each in dataset.classes):
        return dataset, ["prepare.instances: found components, expected dataset where no class has instances"]
    made: dict[Split, tuple[Record, ...]] = {}
    problems: list[str] = []
    for split in SPLITS:
        add = partial(_add_instances, classes=dataset.classes, folder=work / "instances" / split)
        records, lines = derive(dataset.split(split), add, label=f"making instance maps of {split}")
        made[split] = tuple(records)
        problems += lines
    return Dataset(dataset.classes, made["train"], made["val"]), problems


def _add_instances(record: Record, classes: tuple[ClassInfo, ...], folder: Path) -> Record:
    assert record.label is not None, "the caller has made sure that there are label maps"
    label_HW = read_label(record.label)
    try:
        instance_HW = connected_instances(label_HW, classes)
    except ValueError as error:
        raise ValueError(f"{record.label}: {error}") from error
    return replace(record, instance=write_png(folder / f"{record.name}.png", instance_HW))

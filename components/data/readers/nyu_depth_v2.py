"""NYU Depth v2 (Silberman et al. 2012), its labelled .mat file, with the 40 classes of Gupta et al. 2013.

Shapes: N pictures. MATLAB stores columns first, so HDF5 shows each array with its axes reversed: images (N, 3, W, H)
uint8, labels (N, W, H) uint16 with 0 for unlabelled, instances (N, W, H) uint8.
"""

import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.data.class_colours import distinct_colour
from components.data.dataset import SPLITS, ClassInfo, Dataset, Record, Split
from components.data.derived import derive, write_png
from components.data.instances import number_objects
from components.data.pairing import found_dataset, no_folder
from components.data.prepare_config import PrepareConfig

PICTURES, SPLIT_LIST, MAPPING = "nyu_depth_v2_labeled.mat", "splits.mat", "classMapping40.mat"
LAYOUT = f"{PICTURES}, {SPLIT_LIST} and {MAPPING}"
CLASS_COUNT = 40
_STUFF = frozenset(("wall", "floor", "ceiling"))
_SPLIT_FIELDS: dict[Split, str] = {"train": "trainNdxs", "val": "testNdxs"}
_FIELDS = {"images": (4, np.uint8), "labels": (3, np.uint16), "instances": (3, np.uint8)}


@dataclass(frozen=True)
class _Source:
    """What it takes to make the files of a picture; `classes_of_labels` gives the class of each of the 894 labels."""

    pictures: Path
    work: Path
    classes: tuple[ClassInfo, ...]
    classes_of_labels: npt.NDArray[np.uint8]


def read(root: Path, work: Path, config: PrepareConfig) -> tuple[Dataset, list[str]]:
    """Write the photos, label maps and instance maps of the .mat file as PNG files below `work`.

    Pictures are named by their number in the .mat file, from 0001. Class 0 is unlabelled. An object is what has one
    label and one number in `instances`; walls, floors and ceilings carry one id a class.

    Returns:
        The pairs, and a line a problem.
    """
    if not root.is_dir():
        return no_folder(root, LAYOUT)
    found: dict[Split, tuple[Record, ...]] = {split: () for split in SPLITS}
    problems: list[str] = []
    classes: tuple[ClassInfo, ...] = ()
    try:
        classes, classes_of_labels = read_mapping(root / MAPPING)
        numbers = read_splits(root / SPLIT_LIST)
        count = count_pictures(root / PICTURES)
    except ValueError as error:
        return found_dataset(root, LAYOUT, Dataset((), (), ()), [str(error)])
    source = _Source(root / PICTURES, work, classes, classes_of_labels)
    for split in SPLITS:
        outside = [number for number in numbers[split] if not 1 <= number <= count]
        if outside:
            problems.append(f"{root / SPLIT_LIST}: {_SPLIT_FIELDS[split]} names {outside}, expected 1..{count}")
            continue
        make = partial(_make_files, source=source, split=split)
        records, lines = derive(numbers[split], make, label=f"taking {split} from {PICTURES}")
        found[split] = tuple(records)
        problems += lines
    return found_dataset(root, LAYOUT, Dataset(classes, found["train"], found["val"]), problems)


def read_mapping(path: Path) -> tuple[tuple[ClassInfo, ...], npt.NDArray[np.uint8]]:
    """Read the 40 classes and to which of them each of the 894 labels belongs.

    Args:
        path: a MATLAB file with `className`, the names of the classes, and `mapClass`, a class 1..40 for each label.

    Returns:
        The classes, unlabelled as number 0, and the class of each label from 0 on.

    Raises:
        ValueError: the file is missing, unreadable or of other content.
    """
    content = _load_matlab(path, "the 40 classes, a file that comes with the benchmark code of Gupta et al.")
    names = [str(name).strip() for name in np.ravel(_field(content, "className", path))]
    mapped = np.ravel(_field(content, "mapClass", path))
    if len(names) != CLASS_COUNT or len(set(names)) != CLASS_COUNT:
        raise ValueError(f"{path}: className has {len(set(names))} different names, expected {CLASS_COUNT}")
    if not np.isin(mapped, np.arange(1, CLASS_COUNT + 1)).all():
        raise ValueError(f"{path}: mapClass has values {np.unique(mapped).tolist()}, expected 1..{CLASS_COUNT}")
    objects = (
        ClassInfo(index, name, distinct_colour(index), has_instances=name not in _STUFF)
        for index, name in enumerate(names, start=1)
    )
    unlabelled = ClassInfo(0, "unlabelled", (0, 0, 0), ignored_in_scores=True)
    return (unlabelled, *objects), np.concatenate([[0], mapped]).astype(np.uint8)


def read_splits(path: Path) -> dict[Split, list[int]]:
    """Read the numbers, from 1, of the pictures for training and, as validation split, for testing.

    Raises:
        ValueError: the file is missing, unreadable or of other content.
    """
    content = _load_matlab(path, "trainNdxs and testNdxs, a file that comes with the dataset")
    numbers: dict[Split, list[int]] = {}
    for split, field in _SPLIT_FIELDS.items():
        found = np.ravel(_field(content, field, path))
        if found.dtype.kind not in "iuf" or not np.array_equal(found, np.floor(found)):
            raise ValueError(f"{path}: {field} holds {found.dtype} values, expected the numbers of pictures")
        numbers[split] = found.astype(np.int64).tolist()
    return numbers


def count_pictures(path: Path) -> int:
    """Count the pictures.

    Raises:
        ValueError: the file is missing, unreadable or of other content.
    """
    import h5py

    if not path.is_file():
        raise ValueError(f"{path}: file not found, expected the labelled dataset")
    try:
        with h5py.File(path) as file:
            for name, (axes, dtype) in _FIELDS.items():
                array = file.get(name)
                if not isinstance(array, h5py.Dataset) or array.ndim != axes or array.dtype != dtype:
                    raise ValueError(f"{path}: {name} is {array}, expected {axes} axes of {np.dtype(dtype)}")
            return int(min(len(file[name]) for name in _FIELDS))
    except OSError as error:
        raise ValueError(f"{path}: unreadable or truncated, expected a MATLAB 7.3 file ({error})") from error


def _make_files(number: int, source: _Source, split: Split) -> Record:
    import h5py

    place = f"{source.pictures}: picture {number}"
    try:
        with h5py.File(source.pictures) as file:
            photo = file["images"][number - 1].transpose(2, 1, 0)
            labels_HW = file["labels"][number - 1].T
            instances_HW = file["instances"][number - 1].T
    except OSError as error:
        raise ValueError(f"{place}: unreadable or truncated ({error})") from error
    known = len(source.classes_of_labels)
    if labels_HW.max() >= known:
        raise ValueError(f"{place}: has label {labels_HW.max()}, expected labels 0..{known - 1} as in {MAPPING}")
    label_HW = source.classes_of_labels[labels_HW]
    # Objects of several labels share a class and a number, so that the label tells them apart.
    objects_HW = labels_HW.astype(np.int32) << 8 | instances_HW
    instance_HW = number_objects(label_HW, objects_HW, source.classes)
    name, folder = f"{number:04}", source.work / split
    return Record(
        name=name,
        image=write_png(folder / "images" / f"{name}.png", photo),
        label=write_png(folder / "labels" / f"{name}.png", label_HW),
        instance=write_png(folder / "instances" / f"{name}.png", instance_HW),
    )


def _load_matlab(path: Path, content: str) -> dict[str, Any]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    broken_file = (
        *(OSError, ValueError, TypeError, LookupError, NotImplementedError, OverflowError, MemoryError),
        *(zlib.error, MatReadError),
    )
    if not path.is_file():
        raise ValueError(f"{path}: file not found, expected {content}")
    try:
        return dict(loadmat(path, simplify_cells=True))
    except broken_file as error:
        raise ValueError(f"{path}: unreadable, expected {content} ({error})") from error


def _field(content: dict[str, Any], name: str, path: Path) -> Any:
    if name not in content:
        found = ", ".join(key for key in content if not key.startswith("__"))
        raise ValueError(f"{path}: found {found or 'no field'}, expected a field {name}")
    return content[name]

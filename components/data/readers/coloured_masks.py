"""Label maps that give each class by its colour: CamVid's own files (Brostow et al. 2009), or folders of a split."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from components.data.colour_codes import decode_colours, read_label_colours, repeated_colours
from components.data.dataset import SPLITS, ClassInfo, Dataset, Record, Split
from components.data.decoding import read_photo
from components.data.derived import derive, write_png
from components.data.pairing import (
    MAP_ENDINGS,
    PHOTO_ENDINGS,
    Source,
    folder_prefix,
    found_dataset,
    listed_file,
    listed_names,
    optional_instances,
    read_dataset,
)
from components.data.prepare_config import PrepareConfig
from components.data.readers.labelled_folders import read_classes

LAYOUT = (
    "label_colors.txt or classes.json, and train_label/NAME.png with train_img/NAME.png or .jpg, val_* or test_* "
    "likewise; or train.txt and val.txt, names a line, with 701_StillsRaw_full/NAME.png and "
    "LabeledApproved_full/NAME_L.png"
)
_LISTS: dict[Split, str] = {"train": "train.txt", "val": "val.txt"}


def read(root: Path, work: Path, config: PrepareConfig) -> tuple[Dataset, list[str]]:
    """Pair the photos and masks, and turn each mask into a label map.

    Returns:
        The complete pairs, with label maps below `work`, and a line a problem.
    """
    colours = root / "classes.json" if (root / "classes.json").is_file() else root / "label_colors.txt"
    classes: tuple[ClassInfo, ...] = ()
    problems: list[str] = []
    if root.is_dir():
        classes, problems = read_classes(colours) if colours.suffix == ".json" else read_label_colours(colours)
        problems += repeated_colours(colours, classes)
    has_lists = any((root / name).is_file() for name in _LISTS.values())
    dataset, more = _listed_pairs(root, classes) if has_lists else _folder_pairs(root, classes)
    if problems:
        return dataset, problems + more
    made: dict[Split, tuple[Record, ...]] = {}
    for split in SPLITS:
        make = partial(_make_label, classes=classes, folder=work / "labels" / split)
        records, lines = derive(dataset.split(split), make, label=f"decoding masks of {split}")
        made[split] = tuple(records)
        more = lines + more
    return Dataset(classes, made["train"], made["val"]), more


def _folder_pairs(root: Path, classes: tuple[ClassInfo, ...]) -> tuple[Dataset, list[str]]:
    def sources(split: Split) -> list[Source]:
        prefix = folder_prefix(root, split)
        return [
            Source("label", root / f"{prefix}_label", MAP_ENDINGS),
            Source("image", root / f"{prefix}_img", PHOTO_ENDINGS),
            *optional_instances(root, split),
        ]

    return read_dataset(root, LAYOUT, classes, sources)


def _listed_pairs(root: Path, classes: tuple[ClassInfo, ...]) -> tuple[Dataset, list[str]]:
    photos, masks = root / "701_StillsRaw_full", root / "LabeledApproved_full"
    found: dict[Split, tuple[Record, ...]] = {}
    problems: list[str] = []
    for split, list_name in _LISTS.items():
        names, lines = listed_names(root / list_name)
        problems += lines
        records = []
        for name in names:
            image, label = listed_file(photos, name, PHOTO_ENDINGS), listed_file(masks, f"{name}_L", MAP_ENDINGS)
            if image is None:
                problems.append(f"{root / list_name}: names {name}, expected its photo {photos / name}.png")
            if label is None:
                problems.append(f"{root / list_name}: names {name}, expected its mask {masks / name}_L.png")
            if image is not None and label is not None:
                records.append(Record(name=name, image=image, label=label))
        found[split] = tuple(records)
    return found_dataset(root, LAYOUT, Dataset(classes, found["train"], found["val"]), problems)


def _make_label(record: Record, classes: Sequence[ClassInfo], folder: Path) -> Record:
    assert record.label is not None, "it was paired"
    pixels = read_photo(record.label)
    try:
        label_HW = decode_colours(pixels, classes)
    except ValueError as error:
        raise ValueError(f"{record.label}: {error}, expected the colours of the class list") from error
    return replace(record, label=write_png(folder / f"{record.name}.png", label_HW))

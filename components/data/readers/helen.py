"""Helen faces with the label masks of Smith et al. 2013 (Exemplar-Based Face Parsing), without instance maps."""

from functools import partial
from pathlib import Path

import numpy as np

from components.data.dataset import SPLITS, ClassInfo, Dataset, Record, Split
from components.data.decoding import read_label
from components.data.derived import derive, write_png
from components.data.pairing import PHOTO_ENDINGS, found_dataset, listed_file, listed_names, no_folder
from components.data.prepare_config import PrepareConfig

LAYOUT = (
    "exemplars.txt and tuning.txt (or testing.txt) with lines as in '0001 , NAME', images/NAME.jpg "
    "and labels/NAME/NAME_lbl00.png to NAME_lbl10.png"
)

CLASSES = (
    ClassInfo(0, "background", (0, 0, 0)),
    ClassInfo(1, "skin", (230, 180, 150)),
    ClassInfo(2, "left eyebrow", (110, 70, 30)),
    ClassInfo(3, "right eyebrow", (160, 110, 40)),
    ClassInfo(4, "left eye", (40, 90, 220)),
    ClassInfo(5, "right eye", (90, 170, 250)),
    ClassInfo(6, "nose", (250, 220, 90)),
    ClassInfo(7, "upper lip", (200, 30, 60)),
    ClassInfo(8, "inner mouth", (120, 0, 60)),
    ClassInfo(9, "lower lip", (250, 90, 120)),
    ClassInfo(10, "hair", (90, 200, 90)),
)


def read(root: Path, work: Path, config: PrepareConfig) -> tuple[Dataset, list[str]]:
    """Make a label map of every face: each pixel takes the class whose mask is strongest there.

    The training split is exemplars.txt, the validation split tuning.txt, or testing.txt where that is missing.

    Returns:
        The complete pairs, with label maps below `work`, and a line a problem.
    """
    if not root.is_dir():
        return no_folder(root, LAYOUT)
    held_out = root / "tuning.txt"
    lists = {"train": root / "exemplars.txt", "val": held_out if held_out.is_file() else root / "testing.txt"}
    made: dict[Split, tuple[Record, ...]] = {}
    problems: list[str] = []
    for split in SPLITS:
        names, lines = listed_names(lists[split], column=1)
        make = partial(_make_label, root=root, folder=work / "labels" / split)
        records, more = derive(names, make, label=f"making label maps of {split}")
        made[split] = tuple(records)
        problems += lines + more
    return found_dataset(root, LAYOUT, Dataset(CLASSES, made["train"], made["val"]), problems)


def _make_label(name: str, root: Path, folder: Path) -> Record:
    image = listed_file(root / "images", name, PHOTO_ENDINGS)
    if image is None:
        raise ValueError(f"{root / 'images' / name}.jpg: file not found, expected the photo of a listed face")
    paths = [root / "labels" / name / f"{name}_lbl{each.index:02}.png" for each in CLASSES]
    masks = [read_label(path) for path in paths]
    for path, mask in zip(paths, masks, strict=True):
        if mask.shape != masks[0].shape:
            height, width = masks[0].shape
            raise ValueError(
                f"{path}: mask is {mask.shape[1]}x{mask.shape[0]}, expected {width}x{height}, the size of {paths[0]}"
            )
    label_HW = np.argmax(masks, axis=0).astype(np.uint8)
    return Record(name=name, image=image, label=write_png(folder / f"{name}.png", label_HW))

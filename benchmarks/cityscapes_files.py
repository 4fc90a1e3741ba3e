"""Photos, label maps and instance maps in the layout of Cityscapes: real ones, or as costly to decode."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from components.data.checks import check_record, files_of
from components.data.dataset import Record
from components.data.manifest import Manifest, build_manifest
from components.data.readers.cityscapes import CLASSES

HEIGHT, WIDTH = 1024, 2048
CAR = 26
OBJECTS = 16
NOISE = 1.0  # grey levels: a PNG is then 3 MB and takes as long to decode as one of the dataset, 2 MB


def write_files(root: Path, count: int, height: int = HEIGHT, width: int = WIDTH) -> None:
    """Write training pictures: bands of stuff, ellipses of cars, and a smooth photo with a camera's noise."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    for number in range(count):
        label = np.array([23, 11, 21, 8, 7], np.uint8)[np.sort(rng.integers(5, size=height))][:, None].repeat(width, 1)
        instance = label.astype(np.uint16)
        for car in range(OBJECTS):
            y, x, size = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0.02, 0.1) * height
            inside = ((rows - y) / size) ** 2 + ((columns - x) / (2 * size)) ** 2 < 1
            label[inside], instance[inside] = CAR, 1000 * CAR + car
        coarse = rng.integers(256, size=(height // 16, width // 16, 3), dtype=np.uint8)
        photo = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
        noisy = photo + np.round(rng.normal(0, NOISE, (height, width, 1)))
        name = f"city_{number:06d}_000019"
        for path, pixels in (
            (_photos(root) / f"{name}_leftImg8bit.png", noisy.clip(0, 255).astype(np.uint8)),
            (_maps(root) / f"{name}_gtFine_labelIds.png", label),
            (_maps(root) / f"{name}_gtFine_instanceIds.png", instance),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)


def copy_files(root: Path, target: Path, count: int) -> None:
    """Copy the training pictures of a folder into another one, again and again until there are `count`."""
    records = find_records(root)
    for number in range(count):
        record = records[number % len(records)]
        for path in files_of(record).values():
            name = f"copy_{number:06d}{path.name.removeprefix(record.name)}"
            copy = target / path.relative_to(root).with_name(name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def find_records(root: Path) -> list[Record]:
    """The training pictures of a folder.

    Raises:
        ValueError: where it has none.
    """
    folder = root / "leftImg8bit" / "train"
    records = []
    for photo in sorted(folder.glob("*/*_leftImg8bit.png")):
        name = photo.name.removesuffix("_leftImg8bit.png")
        maps = root / "gtFine" / "train" / photo.parent.name / f"{name}_gtFine"
        records.append(Record(name, photo, Path(f"{maps}_labelIds.png"), Path(f"{maps}_instanceIds.png")))
    if not records:
        raise ValueError(f"{folder}: expected CITY/NAME_leftImg8bit.png, found none")
    return records


def make_manifest(root: Path, count: int) -> Manifest:
    """A training split of `count` pictures, in which those of the folder come again and again.

    Raises:
        ValueError: where the folder has no pictures, or they have problems.
    """
    facts = []
    for record in find_records(root)[:count]:
        found, problems = check_record(record, CLASSES)
        if found is None:
            raise ValueError("\n".join(problems))
        facts.append(found)
    train = [facts[number % len(facts)] for number in range(count)]
    return build_manifest("cityscapes", root, CLASSES, {"train": train, "val": []})


def _photos(root: Path) -> Path:
    return root / "leftImg8bit" / "train" / "city"


def _maps(root: Path) -> Path:
    return root / "gtFine" / "train" / "city"

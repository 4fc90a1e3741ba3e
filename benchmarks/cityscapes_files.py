"""Photos, label maps and instance maps in the layout of Cityscapes: real ones, or as costly to decode."""

from pathlib import Path

import numpy as np
from PIL import Image

from components.data.checks import check_record
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


def make_manifest(root: Path, count: int) -> Manifest:
    """A training split of `count` pictures, in which the files of the folder come again and again.

    Raises:
        ValueError: where the folder has no pictures, or they have problems.
    """
    folder = root / "leftImg8bit" / "train"
    facts = []
    for photo in sorted(folder.glob("*/*_leftImg8bit.png"))[:count]:
        name = photo.name.removesuffix("_leftImg8bit.png")
        maps = root / "gtFine" / "train" / photo.parent.name / f"{name}_gtFine"
        record = Record(name, photo, Path(f"{maps}_labelIds.png"), Path(f"{maps}_instanceIds.png"))
        found, problems = check_record(record, CLASSES)
        if found is None:
            raise ValueError("\n".join(problems))
        facts.append(found)
    if not facts:
        raise ValueError(f"{folder}: expected CITY/NAME_leftImg8bit.png, found none")
    train = [facts[number % len(facts)] for number in range(count)]
    return build_manifest("cityscapes", root, CLASSES, {"train": train, "val": []})


def _photos(root: Path) -> Path:
    return root / "leftImg8bit" / "train" / "city"


def _maps(root: Path) -> Path:
    return root / "gtFine" / "train" / "city"

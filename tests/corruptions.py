"""What can happen to the files of a dataset: each corruption damages one file of a small sound one.

A corruption is a function of the dataset's folder and a random generator; it gives the damaged file. Those here change
bytes, names and places, whatever a file shows; those of `picture_corruptions` change what it shows. JPEG photos are
cut off, but none of their bytes is changed: the format has no checksum, so nobody can tell such a photo from another.
"""

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

Corruption = Callable[[Path, Random], Path]
FILE_CORRUPTIONS: dict[str, Corruption] = {}
HEIGHT, WIDTH = 10, 14
ROLES = ("img", "label", "inst")
SKY = {"index": 0, "name": "sky", "colour": [0, 0, 255]}
CAR = {"index": 1, "name": "car", "colour": [255, 0, 0], "has_instances": True}


def write_sound_dataset(root: Path) -> None:
    """One picture a split, without any warning."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        label = rng.integers(0, 2, (HEIGHT, WIDTH), dtype=np.uint8)
        # Ids past 8 bits: cut to 8, 256 would become 0, which is the sky's, and 513 would become 1.
        instance = np.where(label == 1, np.where(np.arange(WIDTH) < WIDTH // 2, 256, 513), 0).astype(np.uint16)
        photo = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        arrays: tuple[np.ndarray, ...] = (photo, label, instance)
        for role, array in zip(ROLES, arrays, strict=True):
            (root / f"{split}_{role}").mkdir(parents=True)
            save(root / f"{split}_{role}" / "a.png", array)
    (root / "classes.json").write_text(json.dumps([SKY, CAR]))


def entered_in(table: dict[str, Corruption]) -> Callable[[Corruption], Corruption]:
    """Give a decorator that enters a function in a table by its name."""

    def enter(function: Corruption) -> Corruption:
        table[function.__name__] = function
        return function

    return enter


def path_of(root: Path, rng: Random, *roles: str) -> Path:
    """A file of one of these roles, of a random picture."""
    return root / f"{rng.choice(['train', 'val'])}_{rng.choice(roles or ROLES)}" / "a.png"


def pixels(path: Path) -> np.ndarray:
    """What a file holds, as Pillow decodes it."""
    with Image.open(path) as image:
        return np.array(image)


def save(path: Path, array: np.ndarray, **options: Any) -> Path:
    """Write pixels, as PNG unless the options say otherwise, whatever the name."""
    Image.fromarray(array).save(path, **({"format": "PNG"} | options))
    return path


@entered_in(FILE_CORRUPTIONS)
def cut_off(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content))])
    return path


@entered_in(FILE_CORRUPTIONS)
def jpeg_photo_cut_off(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "img")
    save(path, pixels(path), format="JPEG")
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content))])
    return path


@entered_in(FILE_CORRUPTIONS)
def byte_changed(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= rng.randrange(1, 256)
    path.write_bytes(content)
    return path


@entered_in(FILE_CORRUPTIONS)
def run_of_bytes_lost(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    content = path.read_bytes()
    start = rng.randrange(len(content))
    path.write_bytes(content[:start] + content[start + rng.randrange(1, 9) :])
    return path


@entered_in(FILE_CORRUPTIONS)
def run_of_zeros(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    content = bytearray(path.read_bytes())
    start = rng.randrange(len(content) - 8)
    content[start : start + 8] = bytes(8)
    path.write_bytes(content)
    return path


@entered_in(FILE_CORRUPTIONS)
def bytes_appended(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    path.write_bytes(path.read_bytes() + rng.randbytes(rng.randrange(1, 40)))
    return path


@entered_in(FILE_CORRUPTIONS)
def other_content(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    contents = [b"", bytes(100), b"<html>404</html>", b"version https://git-lfs", rng.randbytes(200)]
    path.write_bytes(rng.choice(contents))
    return path


@entered_in(FILE_CORRUPTIONS)
def file_lost(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    path.unlink()
    return path


@entered_in(FILE_CORRUPTIONS)
def file_renamed(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    names = ["b.png", "A.png", " a.png", "a (1).png", "a.jpg", "a.png.bak", "ä.png"]
    return path.rename(path.with_name(rng.choice(names)))


@entered_in(FILE_CORRUPTIONS)
def something_else_in_its_place(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    path.unlink()
    kind = rng.choice(["folder", "pipe", "link to itself", "link to nothing"])
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path if kind == "link to itself" else "gone.png")
    return path


@entered_in(FILE_CORRUPTIONS)
def link_out_of_the_folder(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    outside = root.with_name("outside.png")
    path.rename(outside)
    path.symlink_to(outside)
    return path


@entered_in(FILE_CORRUPTIONS)
def folder_linked_from_outside(root: Path, rng: Random) -> Path:
    folder = path_of(root, rng).parent
    folder.rename(root.with_name("outside"))
    folder.symlink_to(root.with_name("outside"))
    return folder


@entered_in(FILE_CORRUPTIONS)
def header_of_another_size(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    content = bytearray(path.read_bytes())
    start = content.index(b"IHDR")
    side = struct.pack(">I", rng.choice([0, 1, 9, 100, 60_000, 2**31 - 1, 2**32 - 1]))
    at = start + rng.choice([4, 8])
    content[at : at + 4] = side
    content[start + 17 : start + 21] = struct.pack(">I", zlib.crc32(content[start : start + 17]))
    path.write_bytes(content)
    return path


@entered_in(FILE_CORRUPTIONS)
def name_that_is_no_text(root: Path, rng: Random) -> Path:
    split, name = rng.choice(["train", "val"]), os.fsdecode(bytes([97, rng.randrange(128, 256)]) + b".png")
    for role in ROLES:
        path = root / f"{split}_{role}" / "a.png"
        path.rename(path.with_name(name))
    return path.with_name(name)


@entered_in(FILE_CORRUPTIONS)
def list_of_classes_damaged(root: Path, rng: Random) -> Path:
    path = root / "classes.json"
    content = path.read_bytes()
    start = rng.randrange(len(content))
    path.write_bytes(content[:start] + rng.choice([b"", b"\xff" + content[start:]]))
    return path

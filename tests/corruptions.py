"""What can happen to the files of a dataset: each corruption damages one file of a small sound one.

A corruption is a function of the dataset's folder and a random generator; it gives the damaged file. JPEG photos are
cut off, but none of their bytes is changed: the format has no checksum, so nobody can tell such a photo from another.
"""

import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

Corruption = Callable[[Path, Random], Path]
CORRUPTIONS: dict[str, Corruption] = {}
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
        for role, array in zip(ROLES, (photo, label, instance), strict=True):
            (root / f"{split}_{role}").mkdir(parents=True)
            save(root / f"{split}_{role}" / "a.png", array)
    (root / "classes.json").write_text(json.dumps([SKY, CAR]))


def corruption(function: Corruption) -> Corruption:
    """Enter a function among the corruptions."""
    CORRUPTIONS[function.__name__] = function
    return function


def path_of(root: Path, rng: Random, *roles: str) -> Path:
    """A file of one of these roles, of a random picture."""
    return root / f"{rng.choice(['train', 'val'])}_{rng.choice(roles or ROLES)}" / "a.png"


def pixels(path: Path) -> np.ndarray:
    """What a file holds, as Pillow decodes it."""
    with Image.open(path) as image:
        return np.array(image)


def save(path: Path, array: np.ndarray, **options) -> Path:
    """Write pixels, as PNG unless the options say otherwise, whatever the name."""
    Image.fromarray(array).save(path, **({"format": "PNG"} | options))
    return path


@corruption
def cut_off(root, rng):
    path = path_of(root, rng)
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content))])
    return path


@corruption
def jpeg_photo_cut_off(root, rng):
    path = path_of(root, rng, "img")
    save(path, pixels(path), format="JPEG")
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content))])
    return path


@corruption
def byte_changed(root, rng):
    path = path_of(root, rng)
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= rng.randrange(1, 256)
    path.write_bytes(content)
    return path


@corruption
def run_of_bytes_lost(root, rng):
    path = path_of(root, rng)
    content = path.read_bytes()
    start = rng.randrange(len(content))
    path.write_bytes(content[:start] + content[start + rng.randrange(1, 9) :])
    return path


@corruption
def run_of_zeros(root, rng):
    path = path_of(root, rng)
    content = bytearray(path.read_bytes())
    start = rng.randrange(len(content) - 8)
    content[start : start + 8] = bytes(8)
    path.write_bytes(content)
    return path


@corruption
def bytes_appended(root, rng):
    path = path_of(root, rng)
    path.write_bytes(path.read_bytes() + rng.randbytes(rng.randrange(1, 40)))
    return path


@corruption
def other_content(root, rng):
    path = path_of(root, rng)
    contents = [b"", bytes(100), b"<html>404</html>", b"version https://git-lfs", rng.randbytes(200)]
    path.write_bytes(rng.choice(contents))
    return path


@corruption
def file_lost(root, rng):
    path = path_of(root, rng)
    path.unlink()
    return path


@corruption
def file_renamed(root, rng):
    path = path_of(root, rng)
    names = ["b.png", "A.png", " a.png", "a (1).png", "a.jpg", "a.png.bak", "ä.png"]
    return path.rename(path.with_name(rng.choice(names)))


@corruption
def something_else_in_its_place(root, rng):
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


@corruption
def link_out_of_the_folder(root, rng):
    path = path_of(root, rng)
    outside = root.with_name("outside.png")
    path.rename(outside)
    path.symlink_to(outside)
    return path


@corruption
def folder_linked_from_outside(root, rng):
    folder = path_of(root, rng).parent
    folder.rename(root.with_name("outside"))
    folder.symlink_to(root.with_name("outside"))
    return folder


@corruption
def other_size(root, rng):
    path = path_of(root, rng)
    array = pixels(path)
    return save(path, rng.choice([array[1:], array[:, 1:], array.repeat(2, 0).repeat(2, 1), np.swapaxes(array, 0, 1)]))


@corruption
def values_of_no_class(root, rng):
    path = path_of(root, rng, "label")
    array = pixels(path)
    array[rng.randrange(HEIGHT), rng.randrange(WIDTH)] = rng.randrange(2, 256)
    return save(path, array)


@corruption
def colours_for_indices(root, rng):
    path = path_of(root, rng, "label", "inst")
    image = Image.fromarray(pixels(path).astype(np.uint8))
    image.convert(rng.choice(["RGB", "RGBA", "LA", "1"])).save(path)
    return path


@corruption
def lossy_map(root, rng):
    path = path_of(root, rng, "label", "inst")
    array = pixels(path).astype(np.uint8)
    return save(path, array, format=rng.choice(["JPEG", "WEBP", "JPEG2000"]), quality=rng.randrange(20, 96))


@corruption
def map_with_the_ending_of_a_jpeg(root, rng):
    path = path_of(root, rng, "label", "inst")
    save(path.with_suffix(".jpg"), pixels(path).astype(np.uint8), format="JPEG")
    path.unlink()
    return path


@corruption
def sixteen_bits_for_eight(root, rng):
    path = path_of(root, rng, "label", "img")
    return save(path, pixels(path).astype(np.uint16).reshape(HEIGHT, -1) * rng.randrange(1, 200))


@corruption
def eight_bits_for_sixteen(root, rng):
    path = path_of(root, rng, "inst")
    return save(path, pixels(path).astype(np.uint8))


@corruption
def floats_for_ids(root, rng):
    path = path_of(root, rng, "label", "inst")
    return save(path, pixels(path).astype(np.float32) + rng.random(), format="TIFF")


@corruption
def transparency(root, rng):
    path = path_of(root, rng, "img")
    alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    alpha[rng.randrange(HEIGHT), rng.randrange(WIDTH)] = rng.randrange(256)
    return save(path, np.concatenate([pixels(path), alpha], axis=2))


@corruption
def colours_of_print(root, rng):
    path = path_of(root, rng, "img")
    Image.fromarray(pixels(path)).convert("CMYK").save(path, rng.choice(["TIFF", "JPEG"]))
    return path


@corruption
def rotation_by_exif(root, rng):
    path = path_of(root, rng)
    exif = Image.Exif()
    exif[0x0112] = rng.randrange(10)
    return save(path, pixels(path), exif=exif)


@corruption
def several_frames(root, rng):
    path = path_of(root, rng)
    frames = [Image.fromarray(pixels(path)), Image.fromarray(pixels(path)[::-1].copy())]
    frames[0].save(path, rng.choice(["PNG", "TIFF"]), save_all=True, append_images=frames[1:])
    return path


@corruption
def header_of_another_size(root, rng):
    path = path_of(root, rng)
    content = bytearray(path.read_bytes())
    start = content.index(b"IHDR")
    side = struct.pack(">I", rng.choice([0, 1, 9, 100, 60_000, 2**31 - 1, 2**32 - 1]))
    at = start + rng.choice([4, 8])
    content[at : at + 4] = side
    content[start + 17 : start + 21] = struct.pack(">I", zlib.crc32(content[start : start + 17]))
    path.write_bytes(content)
    return path


@corruption
def format_for_other_maps(root, rng):
    path = path_of(root, rng, "label")
    return save(path, pixels(path), format=rng.choice(["BMP", "GIF", "TIFF", "PPM"]))


@corruption
def palette(root, rng):
    path = path_of(root, rng, "label")
    image = Image.fromarray(pixels(path), mode="P")
    image.putpalette(rng.randbytes(3 * rng.randrange(2, 256)))
    image.save(path)
    return path


@corruption
def maps_exchanged(root, rng):
    label = path_of(root, rng, "label")
    other = label.parent.with_name(label.parent.name.replace("label", rng.choice(["img", "inst"]))) / label.name
    content = label.read_bytes()
    label.write_bytes(other.read_bytes())
    other.write_bytes(content)
    return label


@corruption
def instances_of_another_picture(root, rng):
    path = path_of(root, rng, "inst")
    shutil.copy(root / ("val_inst" if "train" in path.parent.name else "train_inst") / path.name, path)
    return path


@corruption
def instances_shifted(root, rng):
    path = path_of(root, rng, "inst")
    return save(path, np.roll(pixels(path), rng.randrange(1, 4), axis=rng.randrange(2)))


@corruption
def photo_in_both_splits(root, rng):
    save(root / "val_img" / "a.png", pixels(root / "train_img" / "a.png"), format=rng.choice(["PNG", "BMP", "TIFF"]))
    return root / "val_img" / "a.png"


@corruption
def map_of_both_splits(root, rng):
    path = root / f"val_{rng.choice(['label', 'inst'])}" / "a.png"
    path.unlink()
    path.symlink_to(root / path.parent.name.replace("val", "train") / path.name)
    return path


@corruption
def name_that_is_no_text(root, rng):
    split, name = rng.choice(["train", "val"]), os.fsdecode(bytes([97, rng.randrange(128, 256)]) + b".png")
    for role in ROLES:
        path = root / f"{split}_{role}" / "a.png"
        path.rename(path.with_name(name))
    return path.with_name(name)


@corruption
def list_of_classes_damaged(root, rng):
    path = root / "classes.json"
    content = path.read_bytes()
    start = rng.randrange(len(content))
    path.write_bytes(content[:start] + rng.choice([b"", b"\xff" + content[start:]]))
    return path

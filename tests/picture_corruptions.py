"""What can happen to what the pictures of a dataset show: sizes, values, formats, and one picture for another."""

import shutil
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from tests.corruptions import HEIGHT, WIDTH, Corruption, entered_in, path_of, pixels, save

PICTURE_CORRUPTIONS: dict[str, Corruption] = {}


@entered_in(PICTURE_CORRUPTIONS)
def other_size(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    array = pixels(path)
    return save(path, rng.choice([array[1:], array[:, 1:], array.repeat(2, 0).repeat(2, 1), np.swapaxes(array, 0, 1)]))


@entered_in(PICTURE_CORRUPTIONS)
def values_of_no_class(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "label")
    array = pixels(path)
    array[rng.randrange(HEIGHT), rng.randrange(WIDTH)] = rng.randrange(2, 256)
    return save(path, array)


@entered_in(PICTURE_CORRUPTIONS)
def colours_for_indices(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "label", "inst")
    image = Image.fromarray(pixels(path).astype(np.uint8))
    image.convert(rng.choice(["RGB", "RGBA", "LA", "1"])).save(path)
    return path


@entered_in(PICTURE_CORRUPTIONS)
def lossy_map(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "label", "inst")
    array = pixels(path).astype(np.uint8)
    return save(path, array, format=rng.choice(["JPEG", "WEBP", "JPEG2000"]), quality=rng.randrange(20, 96))


@entered_in(PICTURE_CORRUPTIONS)
def map_with_the_ending_of_a_jpeg(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "label", "inst")
    save(path.with_suffix(".jpg"), pixels(path).astype(np.uint8), format="JPEG")
    path.unlink()
    return path


@entered_in(PICTURE_CORRUPTIONS)
def sixteen_bits_for_eight(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "label", "img")
    return save(path, pixels(path).astype(np.uint16).reshape(HEIGHT, -1) * rng.randrange(1, 200))


@entered_in(PICTURE_CORRUPTIONS)
def eight_bits_for_sixteen(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "inst")
    return save(path, pixels(path).astype(np.uint8))


@entered_in(PICTURE_CORRUPTIONS)
def floats_for_ids(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "label", "inst")
    return save(path, pixels(path).astype(np.float32) + rng.random(), format="TIFF")


@entered_in(PICTURE_CORRUPTIONS)
def transparency(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "img")
    alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    alpha[rng.randrange(HEIGHT), rng.randrange(WIDTH)] = rng.randrange(256)
    return save(path, np.concatenate([pixels(path), alpha], axis=2))


@entered_in(PICTURE_CORRUPTIONS)
def colours_of_print(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "img")
    Image.fromarray(pixels(path)).convert("CMYK").save(path, rng.choice(["TIFF", "JPEG"]))
    return path


@entered_in(PICTURE_CORRUPTIONS)
def rotation_by_exif(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    exif = Image.Exif()
    exif[0x0112] = rng.randrange(10)
    return save(path, pixels(path), exif=exif)


@entered_in(PICTURE_CORRUPTIONS)
def several_frames(root: Path, rng: Random) -> Path:
    path = path_of(root, rng)
    frames = [Image.fromarray(pixels(path)), Image.fromarray(pixels(path)[::-1].copy())]
    frames[0].save(path, rng.choice(["PNG", "TIFF"]), save_all=True, append_images=frames[1:])
    return path


@entered_in(PICTURE_CORRUPTIONS)
def format_for_other_maps(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "label")
    return save(path, pixels(path), format=rng.choice(["BMP", "GIF", "TIFF", "PPM"]))


@entered_in(PICTURE_CORRUPTIONS)
def palette(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "label")
    image = Image.fromarray(pixels(path), mode="P")
    image.putpalette(rng.randbytes(3 * rng.randrange(2, 256)))
    image.save(path)
    return path


@entered_in(PICTURE_CORRUPTIONS)
def maps_exchanged(root: Path, rng: Random) -> Path:
    label = path_of(root, rng, "label")
    other = label.parent.with_name(label.parent.name.replace("label", rng.choice(["img", "inst"]))) / label.name
    content = label.read_bytes()
    label.write_bytes(other.read_bytes())
    other.write_bytes(content)
    return label


@entered_in(PICTURE_CORRUPTIONS)
def instances_of_another_picture(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "inst")
    shutil.copy(root / ("val_inst" if "train" in path.parent.name else "train_inst") / path.name, path)
    return path


@entered_in(PICTURE_CORRUPTIONS)
def instances_shifted(root: Path, rng: Random) -> Path:
    path = path_of(root, rng, "inst")
    return save(path, np.roll(pixels(path), rng.randrange(1, 4), axis=rng.randrange(2)))


@entered_in(PICTURE_CORRUPTIONS)
def photo_in_both_splits(root: Path, rng: Random) -> Path:
    save(root / "val_img" / "a.png", pixels(root / "train_img" / "a.png"), format=rng.choice(["PNG", "BMP", "TIFF"]))
    return root / "val_img" / "a.png"


@entered_in(PICTURE_CORRUPTIONS)
def map_of_both_splits(root: Path, rng: Random) -> Path:
    path = root / f"val_{rng.choice(['label', 'inst'])}" / "a.png"
    path.unlink()
    path.symlink_to(root / path.parent.name.replace("val", "train") / path.name)
    return path

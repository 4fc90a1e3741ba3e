import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from components.data.dataset import ClassInfo
from components.data.decoding import read_instance, read_label, read_photo, verify_file

CLASSES = tuple(ClassInfo(index, f"class {index}", (index, 0, 0)) for index in range(3))
LABEL = np.array([[0, 0, 1], [2, 2, 2]], dtype=np.uint8)
PHOTO = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)


def save(path: Path, array: np.ndarray, **options: Any) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


def save_raw_png(path: Path, bits: int, colour_type: int, row: bytes, width: int) -> Path:
    """A PNG of one row in a depth that Pillow reads but does not write; colour type 0 is greyscale, 2 is RGB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, 1, bits, colour_type, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


def orientation_data(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def test_label_map_gives_the_indices_of_greyscale_and_of_palette_files(tmp_path: Path) -> None:
    palette = Image.fromarray(LABEL, mode="P")
    palette.putpalette([200, 100, 50] * 3)
    palette.save(tmp_path / "palette.png")
    for path in (save(tmp_path / "grey.png", LABEL), tmp_path / "palette.png"):
        label = read_label(path)
        assert label.dtype == np.uint8
        np.testing.assert_array_equal(label, LABEL)


def test_label_map_in_rgb_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", PHOTO)
    with pytest.raises(ValueError, match=r"x\.png: label map has mode RGB, expected 8-bit class indices \(L or P\)"):
        read_label(path)


def test_label_map_in_16_bits_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", LABEL.astype(np.uint16))
    with pytest.raises(ValueError, match=r"x\.png: label map has mode I;16, expected"):
        read_label(path)


@pytest.mark.parametrize("read", [read_label, read_instance])
def test_map_in_4_bit_greyscale_is_refused_as_its_indices_would_be_scaled(
    tmp_path: Path, read: Callable[[Path], np.ndarray]
) -> None:
    path = save_raw_png(tmp_path / "x.png", bits=4, colour_type=0, row=b"\x12", width=2)
    with pytest.raises(ValueError, match=r"x\.png: .* has 4-bit greyscale, expected at least 8 bits"):
        read(path)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("8.png", np.array([[0, 255]], dtype=np.uint8)),
        ("16.png", np.array([[7, 26001]], dtype=np.uint16)),
        ("16_high.png", np.array([[7, 65535]], dtype=np.uint16)),
        ("32.tif", np.array([[7, 2**31 - 1]], dtype=np.int32)),
    ],
)
def test_instance_map_keeps_ids_of_every_depth(tmp_path: Path, name: str, ids: np.ndarray) -> None:
    instance = read_instance(save(tmp_path / name, ids))
    assert instance.dtype == np.int32
    np.testing.assert_array_equal(instance, ids)


def test_instance_map_with_an_id_past_int32_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "x.tif", np.array([[1, -5]], dtype=np.int32))
    with pytest.raises(ValueError, match=r"x\.tif: instance map has id -5 as int32, expected ids in 0\.\.2147483647"):
        read_instance(path)


@pytest.mark.parametrize(("pixels", "mode"), [(PHOTO, "RGB"), (LABEL.astype(np.float32), "F")])
def test_instance_map_in_rgb_or_float_is_refused(tmp_path: Path, pixels: np.ndarray, mode: str) -> None:
    path = save(tmp_path / "x.tif", pixels)
    with pytest.raises(ValueError, match=rf"x\.tif: instance map has mode {mode}, expected integer ids"):
        read_instance(path)


def test_photo_in_greyscale_or_palette_becomes_rgb(tmp_path: Path) -> None:
    palette = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), mode="P")
    palette.putpalette([1, 2, 3, 4, 5, 6])
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "palette.png"), [[[1, 2, 3], [4, 5, 6]]])
    grey = save(tmp_path / "grey.png", np.array([[9]], dtype=np.uint8))
    np.testing.assert_array_equal(read_photo(grey), [[[9, 9, 9]]])
    np.testing.assert_array_equal(read_photo(save(tmp_path / "rgb.png", PHOTO)), PHOTO)


def test_photo_with_transparent_pixels_is_refused(tmp_path: Path) -> None:
    pixels = np.full((2, 2, 4), 255, dtype=np.uint8)
    pixels[1, 1, 3] = 254
    path = save(tmp_path / "x.png", pixels)
    with pytest.raises(ValueError, match=r"x\.png: photo has transparency \(mode RGBA\), expected RGB without alpha"):
        read_photo(path)


def test_photo_with_an_opaque_alpha_channel_loads_without_it(tmp_path: Path) -> None:
    opaque = np.concatenate([PHOTO, np.full((2, 3, 1), 255, dtype=np.uint8)], axis=2)
    np.testing.assert_array_equal(read_photo(save(tmp_path / "x.png", opaque)), PHOTO)


def test_photo_in_16_bits_is_refused(tmp_path: Path) -> None:
    rgb = save_raw_png(tmp_path / "rgb.png", bits=16, colour_type=2, row=bytes(6), width=1)
    grey = save(tmp_path / "grey.png", LABEL.astype(np.uint16))
    with pytest.raises(ValueError, match=r"rgb\.png: photo has mode RGB;16B, expected 8-bit"):
        read_photo(rgb)
    with pytest.raises(ValueError, match=r"grey\.png: photo has mode I;16B, expected 8-bit"):
        read_photo(grey)


# The photo [[a, b, c], [d, e, f]] as each EXIF orientation shows it.
@pytest.mark.parametrize(
    ("orientation", "upright"),
    [(0, "abc def"), (1, "abc def"), (2, "cba fed"), (3, "fed cba"), (4, "def abc")]
    + [(5, "ad be cf"), (6, "da eb fc"), (7, "fc eb da"), (8, "cf be ad"), (9, "abc def")],
)
def test_photo_is_turned_as_its_exif_orientation_asks(tmp_path: Path, orientation: int, upright: str) -> None:
    letters = dict(zip("abcdef", PHOTO.reshape(6, 3), strict=True))
    path = save(tmp_path / "x.png", PHOTO, exif=orientation_data(orientation))
    expected = [[letters[letter] for letter in row] for row in upright.split()]
    np.testing.assert_array_equal(read_photo(path), expected)


def test_map_that_asks_for_a_rotation_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", LABEL, exif=orientation_data(6))
    for read in (read_label, read_instance):
        with pytest.raises(ValueError, match=r"x\.png: .* map has EXIF orientation 6, expected none: turn its pixels"):
            read(path)


@pytest.mark.parametrize(
    ("format_", "options"), [("JPEG", {}), ("JPEG2000", {}), ("TIFF", {"compression": "jpeg"}), ("GIF", {})]
)
def test_map_in_a_lossy_format_is_refused_whatever_its_name(
    tmp_path: Path, format_: str, options: dict[str, str]
) -> None:
    path = save(tmp_path / "x.png", np.zeros((8, 8), dtype=np.uint8), format=format_, **options)
    for read in (read_label, read_instance):
        with pytest.raises(ValueError, match=rf"x\.png: .* map is a {format_} file, expected a PNG"):
            read(path)


def test_animation_is_refused_with_the_number_of_its_frames(tmp_path: Path) -> None:
    frames = [Image.fromarray(LABEL + number) for number in range(3)]
    frames[0].save(tmp_path / "x.png", save_all=True, append_images=frames[1:])
    for read in (read_label, read_photo):
        with pytest.raises(ValueError, match=r"x\.png: has 3 frames, expected one picture"):
            read(tmp_path / "x.png")


@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
def test_truncated_file_is_refused(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / name, noise)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=rf"{name}: unreadable or truncated, expected a whole picture file"):
        read_photo(path)


def test_file_that_may_not_be_read_is_told_apart_from_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "x.png", LABEL)

    def refuse(*args: object) -> None:  # root may read all files, so a mode would not do
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Image, "open", refuse)
    for read in (read_label, read_instance, read_photo, verify_file):
        with pytest.raises(ValueError, match=r"x\.png: cannot be read \(Permission denied\): give this user the right"):
            read(path)


def test_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_text("not a picture")
    for read in (read_label, read_instance, read_photo):
        with pytest.raises(ValueError, match=r"x\.png: unreadable or truncated"):
            read(path)

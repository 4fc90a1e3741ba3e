import io
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from deploy.map_files import PICTURES, Upload, read_indices, read_picture
from tests.deploy.server.test_server_scenes import detail
from tests.deploy.server.tiny_server import LABEL, png

MOST = 4096


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def raw_png(
    height: int, width: int, rows: bytes, *, bits: int = 8, colour: int = 0, before: bytes = b"", end: bytes = b""
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    pieces = [chunk(b"IHDR", header), before, chunk(b"IDAT", zlib.compress(rows)), end, chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def refusal(read: Callable[[Upload], object], content: bytes) -> str:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        read(Upload("label", content, MOST))
    message = str(refused.value)
    assert message.startswith("label: ")
    assert "0x" not in message
    return message


def read_or_refused(read: Callable[[Upload], Any], content: bytes) -> bool:
    """Whether a file gives pixels, or an error that names the field; any other error fails the test."""
    try:
        return bool(read(Upload("label", content, MOST)).size > 0)
    except ValueError as error:
        return str(error).startswith("label: ")


def test_indices_are_read_as_they_are_in_8_and_16_bits_and_of_palettes() -> None:
    wide = np.array([[0, 255, 256, 65535]], np.uint16)
    assert read_indices(Upload("label", png(wide, np.uint16), MOST)).tolist() == wide.tolist()
    assert read_indices(Upload("label", png(LABEL), MOST)).tolist() == LABEL.tolist()
    coloured = Image.fromarray(LABEL)
    coloured.putpalette([9, 9, 9, 200, 0, 0, 7, 7, 7])
    for bits in (2, 4, 8):
        assert read_indices(Upload("label", saved(coloured, "PNG", bits=bits), MOST)).tolist() == LABEL.tolist()


@pytest.mark.parametrize(("bits", "row"), [(1, b"\x00\xa0"), (2, b"\x00\x1b"), (4, b"\x00\x01\x23")])
def test_greyscale_below_8_bits_is_refused_as_its_values_are_spread(bits: int, row: bytes) -> None:
    message = refusal(read_indices, raw_png(1, 4, row, bits=bits))
    assert "expected a PNG with one index a pixel in 8 or 16 bits" in message


def test_a_picture_of_colours_is_no_map() -> None:
    assert "found a PNG of mode RGB, expected a PNG with one index" in refusal(read_indices, png(np.zeros((4, 4, 3))))


def test_a_header_of_a_giant_picture_is_refused_before_its_pixels() -> None:
    for height, width in ((30_000, 30_000), (2**31 - 1, 2**31 - 1), (65, 64)):
        message = refusal(read_indices, raw_png(height, width, b"\x00" * 10))
        # Pillow itself refuses what is larger than twice its own limit.
        assert "expected at most 4096 pixels" in message or "exceeds limit" in message


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_bomb_in_a_chunk_is_refused(kind: bytes) -> None:
    bomb = chunk(kind, b"name\x00\x00" + zlib.compress(bytes(200 * 2**20), 9))
    message = refusal(read_indices, raw_png(4, 4, b"\x00" * 20, before=bomb))
    assert "too large" in message.lower()


def test_a_bomb_behind_the_pixels_is_refused() -> None:
    bomb = chunk(b"iTXt", b"name\x00\x01\x00\x00\x00" + zlib.compress(bytes(200 * 2**20), 9))
    assert "too large" in refusal(read_indices, raw_png(4, 4, b"\x00" * 20, end=bomb)).lower()


def test_more_pixels_than_the_header_says_take_no_memory() -> None:
    assert read_indices(Upload("label", raw_png(4, 4, bytes(100 * 2**20)), MOST)).tolist() == [[0] * 4] * 4


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_refused(kind: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    assert "found an animation, expected a single picture" in refusal(
        lambda file: read_picture(file, PICTURES), content
    )


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "ICO", "JPEG"])
def test_another_format_is_refused_whatever_its_name(client: TestClient, kind: str) -> None:
    content = saved(Image.new("L", (8, 4)), kind)
    answer = client.post("/api/scenes", files={"label": ("label.png", content, "image/png")})
    assert detail(answer, 422) == "label: found none that can be read, expected a PNG file"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_photo_may_have_each_of_three_formats(client: TestClient, kind: str) -> None:
    content = saved(Image.new("RGB", (16, 8), (200, 100, 50)), kind)
    (style,) = client.post("/api/styles/photo", files={"photo": content}).json()["styles"]
    assert style["vector"] == pytest.approx([200, 100], abs=3)


def test_a_photo_is_turned_upright() -> None:
    image = Image.new("RGB", (8, 4))
    image.getexif()[0x0112] = 6  # a quarter turn
    content = saved(image, "JPEG", exif=image.getexif())
    assert read_picture(Upload("photo", content, MOST)).shape == (8, 4, 3)


def test_a_photo_of_16_bits_is_refused() -> None:
    content = raw_png(1, 1, b"\x00" * 7, bits=16, colour=2)
    assert "expected 8-bit RGB" in refusal(read_picture, content)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_of_damaged_files_all_are_read_or_refused(kind: str) -> None:
    draw = random.Random(kind)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8))
    image.getexif()[0x0112] = 6
    content = saved(image, kind, exif=image.getexif())
    for _ in range(400):
        damaged = bytearray(content)
        for _ in range(draw.randint(1, 8)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        if draw.random() < 0.2:
            del damaged[draw.randrange(len(damaged)) :]
        assert read_or_refused(read_picture, bytes(damaged))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_chunks_with_right_sums_are_read_or_refused() -> None:
    draw = random.Random(1)
    kinds = [b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"acTL"]
    kinds += [b"fcTL", b"fdAT", b"IHDR", b"IDAT", b"IEND", b"cICP", b"abcd", b"ABCD"]
    for _ in range(600):
        before = chunk(draw.choice(kinds), draw.randbytes(draw.randint(0, 40)))
        end = chunk(draw.choice(kinds), draw.randbytes(draw.randint(0, 40)))
        bits, colour = draw.choice([1, 2, 4, 8, 16, 3]), draw.choice([0, 2, 3, 4, 6, 1])
        content = raw_png(4, 4, draw.randbytes(200), bits=bits, colour=colour, before=before, end=end)
        for read in (read_indices, read_picture):
            assert read_or_refused(read, content)

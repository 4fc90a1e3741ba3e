import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deploy.server.pictures import encoded, index_png


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 20), width=st.integers(1, 20), seed=st.integers(0, 2**32 - 1), levels=st.integers(1, 256))
def test_of_a_png_pillow_reads_every_pixel(height: int, width: int, seed: int, levels: int) -> None:
    image = np.random.default_rng(seed).integers(0, levels, (height, width, 3), np.uint8)
    content = encoded(image, "png")
    with Image.open(io.BytesIO(content)) as opened:
        opened.verify()  # the sums of its chunks
    with Image.open(io.BytesIO(content)) as opened:
        assert (opened.format, opened.mode) == ("PNG", "RGB")
        assert np.array_equal(np.array(opened), image)


def test_a_cut_out_part_is_encoded_as_it_is() -> None:
    image = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    with Image.open(io.BytesIO(encoded(image[2:5, 1:4], "png"))) as opened:
        assert np.array_equal(np.array(opened), image[2:5, 1:4])


def test_webp_is_near_the_picture() -> None:
    row, column = np.mgrid[:32, :32]
    image = np.stack([4 * row, 4 * column, 2 * (row + column)], axis=-1).astype(np.uint8)
    with Image.open(io.BytesIO(encoded(image, "webp"))) as opened:
        assert opened.format == "WEBP"
        assert np.abs(np.array(opened.convert("RGB")).astype(int) - image).mean() < 4


@pytest.mark.parametrize(("dtype", "mode"), [(np.uint8, "P"), (np.uint16, "I;16")])
def test_a_map_keeps_its_indices(dtype: type[np.generic], mode: str) -> None:
    indices = np.array([[0, 1], [2, 200]], dtype)
    content = index_png(indices, [9, 8, 7] * 201 if mode == "P" else None)
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.mode == mode
        assert np.array_equal(np.array(opened), indices)

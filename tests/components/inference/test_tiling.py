from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.inference import Synthesizer, synthesize_tiled
from components.inference.tiling import _spans
from tests.tiny_bundle import write_tiny_bundle


@pytest.fixture(scope="module")
def synthesizer(tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    return Synthesizer(write_tiny_bundle(tmp_path_factory.mktemp("bundle")), threads=1)


def _picture(height: int, width: int, instances: int = 9) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "label": rng.integers(3, size=(height, width), dtype=np.uint8),
        "instance": rng.integers(instances, size=(height, width), dtype=np.int32),
        "styles": rng.integers(256, size=(instances, 2)).astype(np.float32),
    }


class Columns(Synthesizer):
    """A model whose picture is the number of the call: the first tile black, the next one of grey level 60."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.bundle = synthesizer.bundle
        self.sizes: list[tuple[int, int]] = []

    def synthesize(self, **inputs: Any) -> np.ndarray:
        grey = 60 * len(self.sizes)
        self.sizes.append(inputs["label"].shape[1:])
        return np.full((*inputs["label"].shape, 3), grey, np.uint8)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (16, 16), (20, 36), (40, 8)])
@pytest.mark.parametrize(("tile", "overlap"), [(16, 4), (16, 0), (8, 4), (16, 12), (4, 0)])
def test_a_model_that_sees_single_pixels_gives_the_untiled_picture(
    synthesizer: Synthesizer, height: int, width: int, tile: int, overlap: int
) -> None:
    picture = _picture(height, width)
    untiled = synthesizer.synthesize(**{name: array[None] for name, array in picture.items()})[0]
    assert np.array_equal(synthesize_tiled(synthesizer, tile=tile, overlap=overlap, **picture), untiled)


def test_a_tile_has_the_style_rows_of_ids_that_it_lacks(synthesizer: Synthesizer) -> None:
    picture = _picture(4, 16, instances=4)
    picture["instance"] = np.repeat(np.arange(4, dtype=np.int32), 4)[None].repeat(4, 0)  # an id a tile
    image = synthesize_tiled(synthesizer, tile=4, overlap=0, **picture)
    assert image[0, ::4, 2].tolist() == picture["styles"][:, 0].tolist()


def test_neighbours_blend_linearly_over_their_overlap(synthesizer: Synthesizer) -> None:
    model = Columns(synthesizer)
    image = synthesize_tiled(model, tile=8, overlap=4, **_picture(8, 12))
    assert model.sizes == [(8, 8), (8, 8)]
    assert image[0, :, 0].tolist() == [0, 0, 0, 0, 12, 24, 36, 48, 60, 60, 60, 60]  # fifths of 60 over 4 pixels
    assert (image == image[:1]).all()


def test_a_picture_of_one_tile_is_made_as_it_is(synthesizer: Synthesizer) -> None:
    model = Columns(synthesizer)
    synthesize_tiled(model, tile=16, overlap=8, **_picture(12, 16))
    assert model.sizes == [(12, 16)]


@pytest.mark.parametrize(
    ("length", "tile", "overlap", "starts"),
    [
        (32, 16, 4, [0, 12, 16]),
        (32, 16, 5, [0, 8, 16]),  # a multiple of 4 that leaves 5 pixels or more
        (20, 16, 0, [0, 4]),
        (32, 16, 0, [0, 16]),
        (16, 16, 8, [0]),
    ],
)
def test_tiles_begin_at_multiples_and_the_last_ends_with_the_picture(
    length: int, tile: int, overlap: int, starts: list[int]
) -> None:
    spans = _spans(length, tile, overlap, multiple=4)
    assert [rows.start for rows, _ in spans] == starts
    assert all(rows.stop - rows.start == tile for rows, _ in spans)
    assert spans[0][1][0] == spans[-1][1][-1] == 1  # nothing to blend with at the picture's edges


@pytest.mark.parametrize(
    ("tile", "overlap", "message"),
    [
        (10, 4, "tile: found 10, expected a multiple of 4, the bundle's size_multiple"),
        (0, 0, "tile: found 0, expected a multiple of 4"),
        (8, 5, r"overlap: found 5, expected 0\.\.4 for tiles of 8"),
        (8, -1, r"overlap: found -1, expected 0\.\.4 for tiles of 8"),
    ],
)
def test_tiles_that_do_not_fit_are_named(synthesizer: Synthesizer, tile: int, overlap: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        synthesize_tiled(synthesizer, tile=tile, overlap=overlap, **_picture(16, 16))


def test_inputs_are_checked_as_a_whole(synthesizer: Synthesizer) -> None:
    picture = _picture(16, 16)
    with pytest.raises(ValueError, match=r"instance: found \(1, 16, 12\) for N, H, W, expected \(1, 16, 16\)"):
        synthesize_tiled(synthesizer, tile=8, overlap=0, **picture | {"instance": picture["instance"][:, :12].copy()})
    with pytest.raises(ValueError, match=r"inputs: found \['label'\], expected"):
        synthesize_tiled(synthesizer, tile=8, overlap=0, label=picture["label"])


def test_a_model_of_pictures_is_tiled_too(tmp_path: Path) -> None:
    model = Synthesizer(write_tiny_bundle(tmp_path, inputs=("picture",)), threads=1)
    picture = np.random.default_rng(0).integers(256, size=(16, 8, 3), dtype=np.uint8)
    assert np.array_equal(synthesize_tiled(model, tile=8, overlap=4, picture=picture), picture)

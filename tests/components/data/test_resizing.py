"""To which size a picture is resized, and that all its tensors are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from components.data.dataset import Record
from components.data.preprocess import PreprocessConfig, preprocess
from components.data.record_encoding import encode_record
from components.data.store import ShardStore
from tests.tiny_dataset import tiny_manifest


def _config(**fields: Any) -> PreprocessConfig:
    values: dict[str, Any] = {"resize": "none", "multiple": 8, "height": None, "width": None, "shard_size": 2}
    return PreprocessConfig(**(values | fields))


@pytest.mark.parametrize(
    ("fields", "size", "expected"),
    [
        ({"resize": "fixed", "height": 32, "width": 64}, (375, 500), (32, 64)),
        # 500 wide to 128: 375 becomes 96, 300 becomes 76.8, 333 becomes 85.2
        ({"resize": "scale_width", "width": 128}, (375, 500), (96, 128)),
        ({"resize": "scale_width", "width": 128}, (300, 500), (80, 128)),
        ({"resize": "scale_width", "width": 128}, (333, 500), (88, 128)),
        ({"resize": "scale_width", "width": 128, "multiple": 1}, (333, 500), (85, 128)),
        ({"resize": "scale_width", "width": 128}, (10, 500), (8, 128)),  # 2.6 rows: one multiple at least
        ({}, (375, 500), (376, 496)),  # 46.9 and 62.5, the half to the even number of multiples, as published
        ({}, (372, 484), (368, 480)),  # 46.5 and 60.5
        ({"multiple": 32}, (375, 500), (384, 512)),
        ({"multiple": 1}, (375, 501), (375, 501)),
        ({"multiple": 16}, (3, 500), (16, 496)),
    ],
)
def test_a_size_becomes_the_nearest_that_the_mode_allows(
    fields: dict[str, Any], size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert _config(**fields).target_size(*size) == expected


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        (
            {"resize": "fixed"},
            {"height": "a number of pixels where resize is fixed, got None", "width": "a number of pixels"},
        ),
        ({"resize": "fixed", "height": 30, "width": 64}, {"height": "a multiple of 8 (preprocess.multiple), got 30"}),
        ({"resize": "scale_width"}, {"width": "a number of pixels where resize is scale_width, got None"}),
        ({"resize": "scale_width", "width": 64, "height": 32}, {"height": "null where resize is scale_width, got 32"}),
        ({"resize": "scale_width", "width": 60}, {"width": "a multiple of 8 (preprocess.multiple), got 60"}),
        ({"height": 8, "width": 16}, {"height": "null where resize is none, got 8", "width": "null where"}),
    ],
)
def test_sizes_that_do_not_go_with_the_mode_are_named_with_what_was_found(
    fields: dict[str, Any], problems: dict[str, str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        _config(**fields)
    found = {error["loc"][-1]: str(error["ctx"]["error"]) for error in caught.value.errors()}
    assert found.keys() == problems.keys()
    for field, problem in problems.items():
        assert found[field].startswith(f"must be {problem}")


@pytest.mark.parametrize("field", ["resize", "multiple", "height"])
def test_another_problem_of_the_section_is_named_alone(field: str) -> None:
    wrong = {"resize": "crop", "multiple": 0, "height": 0}[field]
    with pytest.raises(ValidationError) as caught:
        _config(**({"resize": "fixed", "height": 32, "width": 64} | {field: wrong}))
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


def _save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def _pixels(height: int, width: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([height, width, seed])
    return {
        "img": rng.integers(256, size=(height, width, 3), dtype=np.uint8),
        "label": rng.integers(2, size=(height, width), dtype=np.uint8),
        "inst": rng.integers(300, size=(height, width), dtype=np.uint16),
    }


def test_without_a_size_each_tensor_is_resized_to_the_nearest_multiple(tmp_path: Path) -> None:
    pixels = _pixels(21, 35)
    paths = {kind: _save(tmp_path / f"{kind}.png", each) for kind, each in pixels.items()}
    record = Record("p", paths["img"], label=paths["label"], instance=paths["inst"])
    sample, ids = encode_record(record, _config(), np.int16)
    assert sample["boundary"].shape == (24, 4)
    photo = np.asarray(Image.fromarray(pixels["img"]).resize((32, 24), Image.Resampling.BICUBIC))
    assert np.array_equal(sample["image"], photo)
    # Nearest neighbour: row r of 24 is at (r + 1/2) * 21 / 24 of the file's rows, and columns alike.
    rows = ((np.arange(24) + 0.5) * 21 / 24).astype(int)
    columns = ((np.arange(32) + 0.5) * 35 / 32).astype(int)
    assert np.array_equal(sample["label"], pixels["label"][rows][:, columns])
    assert np.array_equal(np.array(ids)[sample["instance"]], pixels["inst"][rows][:, columns])


def test_a_split_of_several_sizes_keeps_its_order_and_the_aspect_ratios(tmp_path: Path) -> None:
    sizes = [(40, 80), (40, 80), (80, 40), (60, 80)]
    root = tmp_path / "data"
    for split in ("train", "val"):
        for number, size in enumerate(sizes):
            pixels = _pixels(*size, seed=number if split == "train" else 9)
            _save(root / f"{split}_img" / f"p{number}.png", pixels["img"])
            _save(root / f"{split}_label" / f"p{number}.png", pixels["label"])
    classes = [{"index": n, "name": str(n), "colour": [n, n, n]} for n in range(2)]
    (root / "classes.json").write_text(json.dumps(classes))
    config = _config(resize="scale_width", width=32, shard_size=8)
    manifest = tiny_manifest("labelled_folders", root)
    preprocess(manifest, config, out=tmp_path / "shards", state=tmp_path / "state", processes=1)
    store = ShardStore(tmp_path / "shards" / "train")
    assert store.index.names == ("p0", "p1", "p2", "p3")
    assert store.index.sizes == ((16, 32), (16, 32), (64, 32), (24, 32))
    assert [shard.count for shard in store.index.shards] == [2, 1, 1]
    for number, (size, sample) in enumerate(zip(sizes, store, strict=True)):
        expected = Image.fromarray(_pixels(*size, seed=number)["img"]).resize(
            (32, sample["image"].shape[0]), Image.Resampling.BICUBIC
        )
        assert np.array_equal(sample["image"], np.asarray(expected))

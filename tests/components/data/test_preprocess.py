import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from components.data.dataset import Record
from components.data.encoding import boundary_map, pack_bits
from components.data.manifest import Manifest
from components.data.preprocess import PreprocessConfig, preprocess
from components.data.record_encoding import edges, encode_record, number_ids
from components.data.store import Shard, ShardStore
from tests.tiny import CLASSES
from tests.tiny_dataset import tiny_manifest

CONFIG = PreprocessConfig(resize="fixed", multiple=4, height=32, width=60, shard_size=2)


def _save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def _maps(seed: int) -> dict[str, np.ndarray]:
    """Maps of 64x120 in blocks of 8x8, so that halving them keeps every block at 4x4."""
    rng = np.random.default_rng(seed)
    label = rng.integers(4, size=(8, 15)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    instance = np.where(label == 2, 2000 + 10 * rng.integers(5, size=(8, 15)).repeat(8, 0).repeat(8, 1), label)
    return {
        "label": label,
        "inst": instance.astype(np.uint16),
        "img": rng.integers(256, size=(64, 120, 3), dtype=np.uint8),
    }


def _labelled(root: Path, *, instances: bool = True) -> Manifest:
    for split, seeds in (("train", range(3)), ("val", [3])):
        for seed in seeds:
            for kind, pixels in _maps(seed).items():
                if kind != "inst" or instances:
                    _save(root / f"{split}_{kind}" / f"p{seed}.png", pixels)
    classes = [{"index": each.index, "name": each.name, "colour": each.colour} for each in CLASSES]
    (root / "classes.json").write_text(json.dumps(classes))
    return tiny_manifest("labelled_folders", root)


def _store(manifest: Manifest, folder: Path, split: str = "train") -> ShardStore:
    preprocess(manifest, CONFIG, out=folder / "shards", state=folder / "state", processes=1)
    return ShardStore(folder / "shards" / split)


def test_a_split_becomes_shards_of_the_size_asked_for(tmp_path: Path) -> None:
    manifest = _labelled(tmp_path / "data")
    store = _store(manifest, tmp_path)
    index = store.index
    assert index.names == ("p0", "p1", "p2")
    assert index.shards == (
        Shard(file="shard-00000.safetensors", count=2, height=32, width=60),
        Shard(file="shard-00001.safetensors", count=1, height=32, width=60),
    )
    assert index.split == "train"
    assert [each.name for each in index.classes] == [each.name for each in CLASSES]
    assert index.instance_maps
    assert index.fingerprint == manifest.fingerprint
    shapes = {key: value.shape for key, value in store.read([0, 1, 2]).items()}
    assert shapes == {
        "label": (3, 32, 60),
        "instance": (3, 32, 60),
        "boundary": (3, 32, 8),
        "image": (3, 32, 60, 3),
    }


def test_the_validation_split_has_the_fingerprint_of_its_own_data(tmp_path: Path) -> None:
    manifest = _labelled(tmp_path / "data")
    assert _store(manifest, tmp_path, "val").index.fingerprint == manifest.validation_fingerprint
    assert manifest.validation_fingerprint != manifest.fingerprint


def test_maps_keep_their_ids_dense_and_boundary_of_the_resized_ones(tmp_path: Path) -> None:
    store = _store(_labelled(tmp_path / "data"), tmp_path)
    for position, sample in enumerate(store):
        maps = _maps(position)
        assert np.array_equal(sample["label"], maps["label"][::2, ::2])
        source = maps["inst"][::2, ::2].astype(np.int64)
        ids = store.index.instance_ids[position]
        assert list(ids) == sorted(set(source.ravel().tolist()))
        assert any(number >= 2000 for number in ids)
        assert np.array_equal(np.array(ids)[sample["instance"]], source)
        expected = pack_bits(boundary_map(torch.from_numpy(source)[None]))[0]
        assert np.array_equal(sample["boundary"], expected)


def test_photos_are_resized_bicubically(tmp_path: Path) -> None:
    pixels = _maps(0)["img"]
    record = Record("p", _save(tmp_path / "p.png", pixels), label=_save(tmp_path / "l.png", _maps(0)["label"]))
    sample, _ = encode_record(record, CONFIG, np.int32)
    expected = np.asarray(Image.fromarray(pixels).resize((60, 32), Image.Resampling.BICUBIC))
    assert np.array_equal(sample["image"], expected)


def test_a_flat_photo_stays_flat(tmp_path: Path) -> None:
    photo = np.full((64, 120, 3), (10, 200, 77), np.uint8)
    record = Record("p", _save(tmp_path / "p.png", photo), label=_save(tmp_path / "l.png", _maps(0)["label"]))
    sample, _ = encode_record(record, CONFIG, np.int32)
    assert sample["image"].reshape(-1, 3).min(0).tolist() == [10, 200, 77]
    assert sample["image"].reshape(-1, 3).max(0).tolist() == [10, 200, 77]


def test_without_instance_map_each_class_is_one_instance(tmp_path: Path) -> None:
    store = _store(_labelled(tmp_path / "data", instances=False), tmp_path)
    assert not store.index.instance_maps
    for position, sample in enumerate(store):
        ids = store.index.instance_ids[position]
        assert list(ids) == sorted(set(sample["label"].ravel().tolist()))
        assert np.array_equal(np.array(ids)[sample["instance"]], sample["label"])


def test_rgb_conditions_are_one_instance_without_boundary(tmp_path: Path) -> None:
    for number, split in enumerate(("train", "val")):
        for kind in ("A", "B"):
            _save(tmp_path / "data" / f"{split}_{kind}" / "p.png", _maps(ord(kind) + 100 * number)["img"])
    store = _store(tiny_manifest("paired_folders", tmp_path / "data"), tmp_path)
    assert store.index.classes == ()
    assert not store.index.instance_maps
    assert store.index.instance_ids == ((0,),)
    (sample,) = store
    assert sample.keys() == {"condition", "image", "instance", "boundary"}
    for key, kind in (("condition", "A"), ("image", "B")):
        pixels = Image.fromarray(_maps(ord(kind))["img"]).resize((60, 32), Image.Resampling.BICUBIC)
        assert np.array_equal(sample[key], np.asarray(pixels)), key
    assert not sample["instance"].any()
    assert not sample["boundary"].any()


@pytest.mark.parametrize("largest", [300, 65535])
def test_large_ids_survive(tmp_path: Path, largest: int) -> None:
    maps = _maps(0)
    instance = np.full((64, 120), largest, np.uint16)
    instance[:, :60] = 1
    record = Record(
        "p",
        _save(tmp_path / "p.png", maps["img"]),
        label=_save(tmp_path / "l.png", maps["label"]),
        instance=_save(tmp_path / "i.png", instance),
    )
    sample, ids = encode_record(record, CONFIG, np.int32)
    assert ids == (1, largest)
    assert sample["instance"][:, :30].max() == 0
    assert sample["instance"][:, 30:].min() == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_ids_are_numbered_in_their_order_and_edges_are_those_of_the_boundary_map(dtype: type) -> None:
    source: np.ndarray = np.array([[7, 7, 3], [3, 7, 200]], dtype)
    numbered, ids = number_ids(source, np.uint8)
    assert numbered.tolist() == [[1, 1, 0], [0, 1, 2]]
    assert numbered.dtype == np.uint8
    assert ids.tolist() == [3, 7, 200]
    assert edges(numbered).tolist() == boundary_map(torch.tensor(source.tolist())[None])[0, 0].bool().tolist()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (13, 17)])
def test_numbering_and_edges_are_those_of_numpy_and_torch(shape: tuple[int, int]) -> None:
    source = np.random.default_rng(0).integers(0, 2**31 - 1, 5)[np.random.default_rng(1).integers(5, size=shape)]
    numbered, ids = number_ids(source, np.int32)
    expected_ids, expected = np.unique(source, return_inverse=True)
    assert np.array_equal(ids, expected_ids)
    assert np.array_equal(numbered, expected.reshape(shape))
    assert np.array_equal(edges(source), boundary_map(torch.from_numpy(source)[None])[0, 0].numpy())

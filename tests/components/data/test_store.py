import json
import re
from pathlib import Path

import numpy as np
import pytest

from components.data.store import Shard, ShardStore
from tests.tiny import mixed_store, tiny_samples, tiny_store, write_store


@pytest.mark.parametrize("rgb", [False, True], ids=["labels", "rgb"])
def test_pictures_are_read_back_as_they_were_written(tmp_path: Path, rgb: bool) -> None:
    samples, instance_ids = tiny_samples(5, 32, 60, rgb=rgb, seed=0)
    store = write_store(tmp_path / "train", samples, instance_ids, shard_size=2)
    assert len(list((tmp_path / "train").glob("*.safetensors"))) == 3
    assert len(store) == 5
    for found, written in zip(store, samples, strict=True):
        assert found.keys() == written.keys()
        for key, value in found.items():
            assert value.dtype == written[key].dtype
            assert np.array_equal(value, written[key]), key


def test_pictures_of_several_shards_are_read_in_the_order_asked_for(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(5, 32, 64, rgb=False, seed=0)
    store = write_store(tmp_path / "train", samples, instance_ids, shard_size=2)
    positions = [4, 0, 3, 0]
    found = store.read(positions)
    for key in samples[0]:
        assert np.array_equal(found[key], np.stack([samples[position][key] for position in positions])), key


def test_one_picture_is_read_without_the_others(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(2, 32, 64, rgb=False, seed=0)
    write_store(tmp_path / "train", samples, instance_ids, shard_size=2)
    path = tmp_path / "train" / "shard-00000.safetensors"
    content = bytearray(path.read_bytes())
    second = content.index(samples[1]["image"].tobytes())
    # What happens to the second picture does not reach the first.
    content[second : second + samples[1]["image"].nbytes] = bytes(samples[1]["image"].nbytes)
    path.write_bytes(content)
    store = ShardStore(tmp_path / "train")
    assert np.array_equal(store.read([0])["image"][0], samples[0]["image"])
    assert not store.read([1])["image"].any()


def test_the_largest_number_of_instances_is_that_of_the_pictures_asked_for(tmp_path: Path) -> None:
    samples, _ = tiny_samples(3, 32, 64, rgb=False, seed=0)
    store = write_store(tmp_path / "train", samples, [(7,), (1, 2, 3), (4, 5)])
    assert store.instance_count([0]) == 1
    assert store.instance_count([0, 2]) == 2
    assert store.instance_count([2, 1]) == 3


@pytest.mark.parametrize("damage", ["missing", "no json", "missing field", "unknown field"])
def test_a_missing_or_damaged_index_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    tiny_store(tmp_path / "train")
    path = tmp_path / "train" / "index.json"
    content = json.loads(path.read_text())
    if damage == "missing":
        path.unlink()
    elif damage == "no json":
        path.write_text("{")
    else:
        content.pop("names") if damage == "missing field" else content.update(surplus=1)
        path.write_text(json.dumps(content))
    field = {"missing field": ".*names", "unknown field": ".*surplus"}.get(damage, "")
    with pytest.raises(ValueError, match=re.escape(f"{path}: expected the index") + f"(?s:{field})"):
        ShardStore(tmp_path / "train")


@pytest.mark.parametrize("damage", ["missing", "cut off", "no shard"])
def test_a_missing_or_damaged_shard_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    tiny_store(tmp_path / "train")
    path = tmp_path / "train" / "shard-00001.safetensors"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] if damage == "cut off" else b"no shard")
    with pytest.raises(ValueError, match=re.escape(f"{path}: expected a shard of 2 pictures, found")):
        ShardStore(tmp_path / "train")


def test_a_shard_of_another_shape_than_the_index_says_is_refused_by_name(tmp_path: Path) -> None:
    tiny_store(tmp_path / "train")
    path = tmp_path / "train" / "index.json"
    content = json.loads(path.read_text())
    content["shards"][1]["width"] = 60
    path.write_text(json.dumps(content))
    message = r"shard-00001\.safetensors: expected pictures of shape \(n, H, W\) = \(2, 32, 60\), found \(2, 32, 64\)"
    with pytest.raises(ValueError, match=message):
        ShardStore(tmp_path / "train")


def test_a_shard_ends_where_the_size_changes_and_the_order_is_kept(tmp_path: Path) -> None:
    sizes = [(32, 64), (32, 64), (32, 64), (16, 64), (32, 64), (32, 48)]
    store = mixed_store(tmp_path / "train", sizes)  # at most two a shard
    assert store.index.shards == tuple(
        Shard(file=f"shard-0000{number}.safetensors", count=count, height=height, width=width)
        for number, (count, height, width) in enumerate(
            [(2, 32, 64), (1, 32, 64), (1, 16, 64), (1, 32, 64), (1, 32, 48)]
        )
    )
    for position, (sample, size) in enumerate(zip(store, sizes, strict=True)):
        assert store.index.size(position) == size
        assert sample["image"].shape[:2] == size
        assert np.array_equal(sample["image"], tiny_samples(1, *size, rgb=False, seed=position)[0][0]["image"])


def test_height_and_width_of_a_split_are_those_of_the_most_frequent_size(tmp_path: Path) -> None:
    index = mixed_store(tmp_path / "train", [(64, 32), (32, 48), (16, 64), (32, 48)]).index
    assert (index.height, index.width) == (32, 48)


def test_whole_pictures_of_several_sizes_are_refused_with_their_names_and_sizes(tmp_path: Path) -> None:
    store = mixed_store(tmp_path / "train", [(32, 64), (16, 64), (32, 64)])
    assert store.read([2, 0])["label"].shape == (2, 32, 64)
    message = r"train: expected pictures of one size, found picture_0 \(32 x 64\), picture_1 \(16 x 64\)"
    with pytest.raises(ValueError, match=message):
        store.read([0, 1])


@pytest.mark.parametrize("rgb", [False, True], ids=["labels", "rgb"])
def test_windows_are_the_same_part_of_each_tensor_and_may_be_of_pictures_of_several_sizes(
    tmp_path: Path, rgb: bool
) -> None:
    store = mixed_store(tmp_path / "train", [(32, 64), (16, 48)], rgb=rgb)
    whole = list(store)
    parts = [(slice(20, 32), slice(5, 35)), (slice(0, 12), slice(18, 48))]
    found = store.read([0, 1], parts)
    assert found.keys() == whole[0].keys() - {"boundary"}
    for key, value in found.items():
        assert value.shape[:3] == (2, 12, 30)
        for row, part in enumerate(parts):
            assert np.array_equal(value[row], whole[row][key][part]), key

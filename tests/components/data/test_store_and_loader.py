import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from components.data.encoding import boundary_map, one_hot
from components.data.loader import BatchMaker, epoch_order
from components.data.store import ShardStore
from tests.tiny import CPU, tiny_maker, tiny_samples, tiny_store, write_store


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


def test_a_batch_is_one_hot_label_boundary_bits_and_photo(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(3, 32, 60, rgb=False, seed=0)
    store = write_store(tmp_path / "train", samples, instance_ids)
    batch = tiny_maker(store).make([2, 0])
    chosen = [samples[2], samples[0]]
    label = torch.from_numpy(np.stack([sample["label"] for sample in chosen]))
    instance = torch.from_numpy(np.stack([sample["instance"] for sample in chosen]))
    assert batch.names == ("picture_2", "picture_0")
    assert torch.equal(batch.condition, torch.cat([one_hot(label, 4), boundary_map(instance)], dim=1))
    assert torch.equal(batch.label, label)
    assert torch.equal(batch.instance, instance.long())
    assert batch.instance_count == max(len(instance_ids[2]), len(instance_ids[0]))
    photo = torch.from_numpy(np.stack([sample["image"] for sample in chosen])).permute(0, 3, 1, 2)
    torch.testing.assert_close(batch.image, photo / 255 * 2 - 1)


def test_a_batch_of_rgb_conditions_has_no_label(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(2, 32, 64, rgb=True, seed=0)
    store = write_store(tmp_path / "train", samples, instance_ids)
    batch = tiny_maker(store, use_boundary_map=False).make([1])
    assert batch.label is None
    condition = torch.from_numpy(samples[1]["condition"]).permute(2, 0, 1)
    torch.testing.assert_close(batch.condition[0], condition / 255 * 2 - 1)


def test_the_stored_boundary_is_used_at_full_size(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(1, 32, 60, rgb=False, seed=0)
    samples[0]["boundary"] = np.zeros((32, 8), np.uint8)
    samples[0]["boundary"][0, 1] = 0b01000000  # pixel 9 of the first row
    store = write_store(tmp_path / "train", samples, instance_ids)
    boundary = tiny_maker(store).make([0]).condition[0, -1]
    assert boundary.nonzero().tolist() == [[0, 9]]


@pytest.mark.parametrize("rgb", [False, True], ids=["labels", "rgb"])
@pytest.mark.parametrize("width", [64, 60])
def test_a_mirrored_picture_is_mirrored_in_all_its_tensors(tmp_path: Path, width: int, rgb: bool) -> None:
    maker = tiny_maker(tiny_store(tmp_path / "train", width=width, rgb=rgb))
    plain, mirrored = maker.make([0, 1, 2]), maker.make([0, 1, 2], [True, False, True])
    for name in ("condition", "image", "instance") if rgb else ("condition", "image", "instance", "label"):
        before, after = getattr(plain, name), getattr(mirrored, name)
        assert torch.equal(after[[0, 2]], before[[0, 2]].flip(-1)), name
        assert torch.equal(after[1], before[1]), name
        assert not torch.equal(after[0], before[0]), name
    assert mirrored.names == plain.names


def test_half_size_takes_every_second_id_averages_photos_and_finds_the_boundary_anew(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(2, 32, 64, rgb=False, seed=0)
    samples[0]["instance"][0, 1] = 1000  # at an odd column: no pixel of the half size
    store = write_store(tmp_path / "train", samples, instance_ids)
    batch = tiny_maker(store, scale=2).make([0, 1])
    label = torch.from_numpy(np.stack([sample["label"][::2, ::2] for sample in samples]))
    instance = torch.from_numpy(np.stack([sample["instance"][::2, ::2] for sample in samples]))
    assert torch.equal(batch.label, label)
    assert torch.equal(batch.instance, instance.long())
    assert torch.equal(batch.condition, torch.cat([one_hot(label, 4), boundary_map(instance)], dim=1))
    photo = samples[0]["image"].astype(np.float64)
    block = photo[4:6, 10:12].mean(axis=(0, 1)) / 127.5 - 1
    np.testing.assert_allclose(batch.image[0, :, 2, 5].numpy(), block, atol=1e-6)
    assert batch.image.shape == (2, 3, 16, 32)


def test_a_quarter_of_the_size_averages_rgb_conditions_over_4x4_pixels(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(1, 32, 64, rgb=True, seed=0)
    store = write_store(tmp_path / "train", samples, instance_ids)
    batch = tiny_maker(store, scale=4).make([0])
    assert batch.condition.shape == (1, 4, 8, 16)
    block = samples[0]["condition"][4:8, 12:16].astype(np.float64).mean(axis=(0, 1)) / 127.5 - 1
    np.testing.assert_allclose(batch.condition[0, :3, 1, 3].numpy(), block, atol=1e-6)


def test_a_boundary_map_of_pictures_without_classes_and_instances_is_refused_by_field(tmp_path: Path) -> None:
    tiny_store(tmp_path / "train", rgb=True)
    path = tmp_path / "train" / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"instance_maps": False}))
    store = ShardStore(tmp_path / "train")
    with pytest.raises(ValueError, match=r"model\.boundary_map: true needs instance maps or label maps"):
        BatchMaker(store, scale=1, use_boundary_map=True, device=CPU)
    assert tiny_maker(store, use_boundary_map=False).make([0]).condition.shape[1] == 3


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_only() -> None:
    first, again = (epoch_order(50, seed=3, epoch=2, flip=True) for _ in range(2))
    assert sorted(first.positions.tolist()) == list(range(50))
    assert first.positions.tolist() == again.positions.tolist()
    assert first.flipped.tolist() == again.flipped.tolist()
    for seed, epoch in ((3, 1), (2, 2), (2, 3)):
        other = epoch_order(50, seed=seed, epoch=epoch, flip=True)
        assert other.positions.tolist() != first.positions.tolist()
        assert other.flipped.tolist() != first.flipped.tolist()


def test_without_mirroring_the_order_is_the_same_and_nothing_is_mirrored() -> None:
    with_flips, without = (epoch_order(1000, seed=3, epoch=2, flip=flip) for flip in (True, False))
    assert with_flips.positions.tolist() == without.positions.tolist()
    assert not without.flipped.any()
    assert 420 < with_flips.flipped.sum() < 580  # five standard deviations about half


def test_an_epoch_goes_on_at_the_batch_where_it_stopped(tmp_path: Path) -> None:
    maker = tiny_maker(tiny_store(tmp_path / "train", count=5))
    order = epoch_order(5, seed=0, epoch=0, flip=True)
    whole = list(maker.shuffled(order, 2))
    assert [len(batch.names) for batch in whole] == [2, 2, 1]
    assert [name for batch in whole for name in batch.names] == [f"picture_{number}" for number in order.positions]
    rest = list(maker.shuffled(order, 2, first_batch=1))
    assert [batch.names for batch in rest] == [batch.names for batch in whole[1:]]
    assert all(torch.equal(a.image, b.image) for a, b in zip(rest, whole[1:], strict=True))
    assert list(maker.shuffled(order, 2, first_batch=3)) == []


def test_pictures_in_order_come_once_each_as_the_index_names_them(tmp_path: Path) -> None:
    maker = tiny_maker(tiny_store(tmp_path / "train", count=5))
    assert [batch.names for batch in maker.in_order(2)] == [
        ("picture_0", "picture_1"),
        ("picture_2", "picture_3"),
        ("picture_4",),
    ]

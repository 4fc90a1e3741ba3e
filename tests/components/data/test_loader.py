import json
from pathlib import Path

import numpy as np
import pytest
import torch

from components.data.draws import CropConfig, Draw
from components.data.encoding import boundary_map, one_hot
from components.data.loader import BatchMaker
from components.data.store import Sample, ShardStore
from tests.given import given
from tests.tiny import CPU, mixed_store, tiny_maker, tiny_samples, tiny_store, write_store

CROP = CropConfig(height=4, width=8)


def _whole(*positions: int) -> list[Draw]:
    return [Draw(position) for position in positions]


def test_a_batch_is_one_hot_label_boundary_bits_and_photo(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(3, 32, 60, rgb=False, seed=0)
    store = write_store(tmp_path / "train", samples, instance_ids)
    batch = tiny_maker(store).make(_whole(2, 0))
    chosen = [samples[2], samples[0]]
    label = torch.from_numpy(np.stack([sample["label"] for sample in chosen]))
    instance = torch.from_numpy(np.stack([sample["instance"] for sample in chosen]))
    assert batch.names == ("picture_2", "picture_0")
    assert batch.positions == (2, 0)
    assert torch.equal(batch.condition, torch.cat([one_hot(label, 4), boundary_map(instance)], dim=1))
    assert torch.equal(given(batch.label), label)
    assert torch.equal(batch.instance, instance.long())
    assert batch.instance_count == max(len(instance_ids[2]), len(instance_ids[0]))
    photo = torch.from_numpy(np.stack([sample["image"] for sample in chosen])).permute(0, 3, 1, 2)
    torch.testing.assert_close(batch.image, photo / 255 * 2 - 1)


def test_a_batch_of_rgb_conditions_has_no_label(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(2, 32, 64, rgb=True, seed=0)
    store = write_store(tmp_path / "train", samples, instance_ids)
    batch = tiny_maker(store, use_boundary_map=False).make(_whole(1))
    assert batch.label is None
    condition = torch.from_numpy(samples[1]["condition"]).permute(2, 0, 1)
    torch.testing.assert_close(batch.condition[0], condition / 255 * 2 - 1)


def test_the_stored_boundary_is_used_at_full_size(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(1, 32, 60, rgb=False, seed=0)
    samples[0]["boundary"] = np.zeros((32, 8), np.uint8)
    samples[0]["boundary"][0, 1] = 0b01000000  # pixel 9 of the first row
    store = write_store(tmp_path / "train", samples, instance_ids)
    boundary = tiny_maker(store).make(_whole(0)).condition[0, -1]
    assert boundary.nonzero().tolist() == [[0, 9]]


@pytest.mark.parametrize("rgb", [False, True], ids=["labels", "rgb"])
@pytest.mark.parametrize("width", [64, 60])
def test_a_mirrored_picture_is_mirrored_in_all_its_tensors(tmp_path: Path, width: int, rgb: bool) -> None:
    maker = tiny_maker(tiny_store(tmp_path / "train", width=width, rgb=rgb))
    plain, mirrored = maker.make(_whole(0, 1, 2)), maker.make([Draw(0, True), Draw(1), Draw(2, True)])
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
    batch = tiny_maker(store, scale=2).make(_whole(0, 1))
    label = torch.from_numpy(np.stack([sample["label"][::2, ::2] for sample in samples]))
    instance = torch.from_numpy(np.stack([sample["instance"][::2, ::2] for sample in samples]))
    assert torch.equal(given(batch.label), label)
    assert torch.equal(batch.instance, instance.long())
    assert torch.equal(batch.condition, torch.cat([one_hot(label, 4), boundary_map(instance)], dim=1))
    photo = samples[0]["image"].astype(np.float64)
    block = photo[4:6, 10:12].mean(axis=(0, 1)) / 127.5 - 1
    np.testing.assert_allclose(batch.image[0, :, 2, 5].numpy(), block, atol=1e-6)
    assert batch.image.shape == (2, 3, 16, 32)


def test_a_quarter_of_the_size_averages_rgb_conditions_over_4x4_pixels(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(1, 32, 64, rgb=True, seed=0)
    store = write_store(tmp_path / "train", samples, instance_ids)
    batch = tiny_maker(store, scale=4).make(_whole(0))
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
    assert tiny_maker(store, use_boundary_map=False).make(_whole(0)).condition.shape[1] == 3


def test_a_label_that_is_no_class_is_refused_with_its_picture(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(2, 32, 64, rgb=False, seed=0)
    samples[1]["label"][31, 63] = 4
    maker = tiny_maker(write_store(tmp_path / "train", samples, instance_ids))
    maker.make(_whole(0))
    with pytest.raises(ValueError, match=r"picture_1: label map: expected classes 0\.\.3, found 4"):
        maker.make(_whole(0, 1))


def _numbered(height: int, width: int) -> Sample:
    """A picture whose pixels tell their row and column; one instance left of column 10, one from there on."""
    rows, columns = np.mgrid[:height, :width]
    instance = (columns >= 10).astype(np.int32) * 2  # ids 0 and 2 of three
    return {
        "image": np.stack([rows, columns, 0 * rows], axis=-1).astype(np.uint8),
        "label": (rows // 2 % 4).astype(np.uint8),
        "instance": instance,
        "boundary": np.full((height, -(-width // 8)), 255, np.uint8),  # what is stored of a whole picture is not used
    }


def _numbered_store(folder: Path) -> ShardStore:
    return write_store(folder, [_numbered(16, 32), _numbered(8, 24)], [(5, 6, 7), (1, 2, 3)])


def _rows_and_columns(image: torch.Tensor) -> tuple[list[int], list[int]]:
    """From an image (3, H, W) of numbered pixels: the row numbers down and the column numbers across."""
    numbers = ((image + 1) * 127.5).round().int()
    return numbers[0, :, 0].tolist(), numbers[1, 0].tolist()


def test_a_crop_takes_the_same_window_of_all_tensors_of_pictures_of_any_size(tmp_path: Path) -> None:
    maker = tiny_maker(_numbered_store(tmp_path / "train"), crop=CROP)
    batch = maker.make([Draw(0, top=5, left=4), Draw(1, top=4, left=16)])
    assert batch.image.shape == (2, 3, 4, 8)
    assert _rows_and_columns(batch.image[0]) == ([5, 6, 7, 8], [4, 5, 6, 7, 8, 9, 10, 11])
    assert _rows_and_columns(batch.image[1]) == ([4, 5, 6, 7], [16, 17, 18, 19, 20, 21, 22, 23])
    label = given(batch.label)
    assert label[0, :, 0].tolist() == [2, 3, 3, 0]
    assert label[1, :, 7].tolist() == [2, 2, 3, 3]
    assert torch.equal(batch.condition[:, :4], one_hot(label, 4))
    # Ids are those of the whole picture, and the edge is between columns 9 and 10; the second window has none.
    assert batch.instance[0, 3].tolist() == [0, 0, 0, 0, 0, 0, 2, 2]
    assert batch.condition[0, 4, 0].tolist() == [0, 0, 0, 0, 0, 1, 1, 0]
    assert (batch.instance[1] == 2).all()
    assert not batch.condition[1, 4].any()
    assert batch.instance_count == 3


def test_an_edge_that_the_window_cuts_off_is_no_edge(tmp_path: Path) -> None:
    maker = tiny_maker(_numbered_store(tmp_path / "train"), crop=CROP)
    assert not maker.make([Draw(0, left=10)]).condition[0, 4].any()


def test_a_cropped_picture_is_mirrored_within_its_window(tmp_path: Path) -> None:
    maker = tiny_maker(_numbered_store(tmp_path / "train"), crop=CROP)
    plain = maker.make([Draw(0, top=5, left=4), Draw(1)])
    mirrored = maker.make([Draw(0, flipped=True, top=5, left=4), Draw(1)])
    assert _rows_and_columns(mirrored.image[0]) == ([5, 6, 7, 8], [11, 10, 9, 8, 7, 6, 5, 4])
    for name in ("condition", "image", "instance", "label"):
        before, after = getattr(plain, name), getattr(mirrored, name)
        assert torch.equal(after[0], before[0].flip(-1)), name
        assert torch.equal(after[1], before[1]), name


def test_a_crop_at_half_size_is_that_part_of_the_whole_picture_at_half_size(tmp_path: Path) -> None:
    store = _numbered_store(tmp_path / "train")
    whole = tiny_maker(store, scale=2).make(_whole(0))
    cropped = tiny_maker(store, scale=2, crop=CROP).make([Draw(0, top=6, left=16)])
    for name in ("image", "instance", "label"):
        assert torch.equal(getattr(cropped, name), getattr(whole, name)[..., 3:5, 8:12]), name
    assert torch.equal(cropped.condition, whole.condition[..., 3:5, 8:12])


def test_a_crop_that_the_scale_does_not_divide_is_refused(tmp_path: Path) -> None:
    store = _numbered_store(tmp_path / "train")
    with pytest.raises(ValueError, match="crop: must be a multiple of 8 at this scale, got 4 x 8"):
        tiny_maker(store, scale=8, crop=CROP)


def test_pictures_in_order_come_once_each_with_a_cut_where_the_size_changes(tmp_path: Path) -> None:
    sizes = [(32, 64), (32, 64), (32, 64), (16, 64), (32, 64)]
    maker = tiny_maker(mixed_store(tmp_path / "train", sizes))
    batches = list(maker.in_order(2))
    assert [batch.positions for batch in batches] == [(0, 1), (2,), (3,), (4,)]
    assert [batch.names[0] for batch in batches] == ["picture_0", "picture_2", "picture_3", "picture_4"]
    assert [batch.image.shape[2] for batch in batches] == [32, 32, 16, 32]

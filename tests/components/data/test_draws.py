from collections import Counter

import pytest

from components.data.draws import CropConfig, Draw, batches_in_order, epoch_batches
from components.data.store import Shard, SplitIndex
from tests.tiny import CLASSES


def _index(*shards: tuple[int, int, int]) -> SplitIndex:
    """Of pictures in shards of these counts, heights and widths."""
    total = sum(count for count, _, _ in shards)
    return SplitIndex(
        split="train",
        classes=CLASSES,
        instance_maps=True,
        fingerprint="",
        names=tuple(f"picture_{number}" for number in range(total)),
        instance_ids=((0,),) * total,
        shards=tuple(
            Shard(file=str(number), count=count, height=height, width=width)
            for number, (count, height, width) in enumerate(shards)
        ),
    )


UNIFORM = _index((50, 32, 64))
MIXED = _index((5, 32, 64), (4, 16, 64), (3, 32, 64), (1, 64, 64))
CROP = CropConfig(height=16, width=24)


def _draw(
    index: SplitIndex,
    *,
    seed: int = 3,
    epoch: int = 2,
    batch_size: int = 3,
    flip: bool = True,
    crop: CropConfig | None = None,
    align: int = 1,
) -> list[list[Draw]]:
    return epoch_batches(index, seed=seed, epoch=epoch, batch_size=batch_size, flip=flip, crop=crop, align=align)


def _flat(batches: list[list[Draw]]) -> list[Draw]:
    return [draw for batch in batches for draw in batch]


@pytest.mark.parametrize("crop", [None, CROP], ids=["whole", "crop"])
@pytest.mark.parametrize("index", [UNIFORM, MIXED], ids=["one size", "mixed sizes"])
def test_every_picture_comes_once_and_batches_depend_on_seed_and_epoch_only(
    index: SplitIndex, crop: CropConfig | None
) -> None:
    first, again = (_draw(index, crop=crop) for _ in range(2))
    assert first == again
    assert sorted(draw.position for draw in _flat(first)) == list(range(len(index.names)))
    for seed, epoch in ((3, 1), (2, 2), (2, 3)):
        other = _draw(index, seed=seed, epoch=epoch, crop=crop)
        assert [draw.position for draw in _flat(other)] != [draw.position for draw in _flat(first)]
        flips = ({draw.position: draw.flipped for draw in _flat(batches)} for batches in (other, first))
        assert next(flips) != next(flips)


def test_pictures_of_one_size_come_in_full_batches_and_the_last_is_what_is_left() -> None:
    assert [len(batch) for batch in _draw(UNIFORM, batch_size=8)] == [8, 8, 8, 8, 8, 8, 2]


def test_whole_pictures_of_several_sizes_are_put_together_by_size() -> None:
    batches = _draw(MIXED)
    for batch in batches:
        assert len({MIXED.size(draw.position) for draw in batch}) == 1
    # Eight of 32x64, four of 16x64 and one of 64x64, in threes:
    sizes = Counter((MIXED.size(batch[0].position), len(batch)) for batch in batches)
    assert sizes == {((32, 64), 3): 2, ((32, 64), 2): 1, ((16, 64), 3): 1, ((16, 64), 1): 1, ((64, 64), 1): 1}


def test_batches_of_several_sizes_come_in_an_order_that_changes_with_the_epoch() -> None:
    orders = {tuple(MIXED.size(batch[0].position) for batch in _draw(MIXED, epoch=epoch)) for epoch in range(8)}
    assert len(orders) > 4


def test_windows_of_one_size_put_pictures_of_all_sizes_together() -> None:
    batches = _draw(MIXED, crop=CROP, batch_size=4)
    assert [len(batch) for batch in batches] == [4, 4, 4, 1]
    assert any(len({MIXED.size(draw.position) for draw in batch}) > 1 for batch in batches)


def test_without_mirroring_the_order_is_the_same_and_nothing_is_mirrored() -> None:
    index = _index((1000, 8, 8))
    with_flips, without = (_flat(_draw(index, flip=flip)) for flip in (True, False))
    assert [draw.position for draw in with_flips] == [draw.position for draw in without]
    assert not any(draw.flipped for draw in without)
    assert 420 < sum(draw.flipped for draw in with_flips) < 580  # five standard deviations about half


def test_cropping_changes_neither_order_nor_mirroring() -> None:
    whole, cropped = (_flat(_draw(UNIFORM, crop=crop)) for crop in (None, CROP))
    assert [(draw.position, draw.flipped) for draw in whole] == [(draw.position, draw.flipped) for draw in cropped]
    assert {(draw.top, draw.left) for draw in whole} == {(0, 0)}


def test_windows_begin_at_each_aligned_place_where_they_fit() -> None:
    index = _index((400, 32, 64))
    draws = _flat(_draw(index, crop=CropConfig(height=16, width=24), align=8))
    counts = Counter((draw.top, draw.left) for draw in draws)
    # 32 - 16 and 64 - 24 pixels of room in steps of 8: 3 x 6 places, each about 400 / 18 = 22 times
    assert counts.keys() == {(top, left) for top in (0, 8, 16) for left in (0, 8, 16, 24, 32, 40)}
    assert max(counts.values()) < 48


def test_room_that_is_no_multiple_of_the_alignment_is_used_as_far_as_it_goes() -> None:
    draws = _flat(_draw(_index((100, 21, 16)), crop=CropConfig(height=8, width=16), align=4))
    assert {draw.top for draw in draws} == {0, 4, 8, 12}
    assert {draw.left for draw in draws} == {0}


def test_a_picture_smaller_than_the_crop_is_refused_with_both_sizes() -> None:
    message = "train picture picture_5: expected at least the size of the crop, 32 x 64 pixels .*, found 16 x 64"
    with pytest.raises(ValueError, match=message):
        _draw(MIXED, crop=CropConfig(height=32, width=64))


def test_batches_in_order_end_where_the_size_changes() -> None:
    positions = [[draw.position for draw in batch] for batch in batches_in_order(MIXED, 3)]
    assert positions == [[0, 1, 2], [3, 4], [5, 6, 7], [8], [9, 10, 11], [12]]
    assert not any(draw.flipped or draw.top or draw.left for draw in _flat(batches_in_order(MIXED, 3)))

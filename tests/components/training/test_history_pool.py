import pytest
import torch
from torch import Tensor

from components.data.encoding import one_hot
from components.training.history_pool import HistoryPool, Judged


def _condition(number: int, *, height: int = 2, width: int = 3) -> Tensor:
    """(1, 4, H, W): a label map of one class."""
    return one_hot(torch.full((1, height, width), number % 4, dtype=torch.uint8), 4)


def _image(number: int, *, height: int = 2, width: int = 3) -> Tensor:
    return torch.full((1, 3, height, width), number / 8)


def _exchange(pool: HistoryPool, *numbers: int) -> list[int]:
    """Offer pictures by number and give the numbers of those that are shown, each of which must be whole."""
    judged = pool.exchange(torch.cat([_condition(n) for n in numbers]), torch.cat([_image(n) for n in numbers]))
    shown = [int(number) for number in judged.image[:, 0, 0, 0] * 8]
    assert torch.equal(judged.image, torch.cat([_image(n) for n in shown]))
    assert torch.equal(judged.condition, torch.cat([_condition(n) for n in shown]))
    return shown


def _kept(pool: HistoryPool) -> list[int]:
    return [int(kept["image"][0, 0, 0] * 8) for kept in pool.pack()]


def test_the_first_images_are_kept_and_shown() -> None:
    pool = HistoryPool(3)
    assert _exchange(pool, 0, 1) == [0, 1]
    assert _exchange(pool, 2) == [2]
    assert _kept(pool) == [0, 1, 2]


def test_a_full_pool_of_one_shows_the_new_image_below_one_half_and_else_the_one_before() -> None:
    torch.manual_seed(6)
    coins = []
    for _ in range(5):
        coins.append(round(torch.rand(()).item(), 2))
        if coins[-1] >= 0.5:
            torch.randint(1, ())  # which of the kept ones
    assert coins == [0.57, 0.99, 0.23, 0.45, 0.67]
    pool = HistoryPool(1)
    torch.manual_seed(6)
    # 0 fills the pool; 1 is exchanged for 0, 2 for 1; 3 and 4 are shown; 5 is exchanged for 2.
    assert _exchange(pool, 0) == [0]
    assert _exchange(pool, 1, 2, 3) == [0, 1, 3]
    assert _kept(pool) == [2]
    assert _exchange(pool, 4, 5) == [4, 2]
    assert _kept(pool) == [5]


def test_half_of_the_images_are_exchanged_for_any_of_the_kept_ones() -> None:
    torch.manual_seed(1)
    pool, places = HistoryPool(4), [0, 0, 0, 0]
    for number in range(4):
        _exchange(pool, number)
    for number in range(4, 1004):
        before = _kept(pool)
        (shown,) = _exchange(pool, number)
        if shown != number:
            places[before.index(shown)] += 1
            before[before.index(shown)] = number
        assert _kept(pool) == before
    # 4 standard deviations of 1000 draws of 1/2, and of 1000 draws of 1/8 each
    assert sum(places) == pytest.approx(500, abs=63)
    assert places == pytest.approx([125] * 4, abs=42)


def test_one_hot_and_boundary_are_kept_as_bytes_and_given_back_exactly() -> None:
    generator = torch.Generator().manual_seed(0)
    condition = torch.cat([_condition(2), torch.ones(1, 1, 2, 3)], dim=1)
    image = torch.rand(1, 3, 2, 3, generator=generator)
    pool = HistoryPool(1)
    pool.exchange(condition, image)
    assert pool.pack()[0]["condition"].dtype == torch.uint8
    earlier = _until_exchanged(pool, torch.zeros(1, 5, 2, 3), torch.zeros(1, 3, 2, 3))
    assert earlier.condition.dtype == earlier.image.dtype == torch.float32
    assert torch.equal(earlier.condition, condition)
    assert torch.equal(earlier.image, image)


def test_an_rgb_condition_is_given_back_exactly() -> None:
    generator = torch.Generator().manual_seed(0)
    condition = torch.rand(1, 3, 2, 3, generator=generator) * 2 - 1
    pool = HistoryPool(1)
    pool.exchange(condition, _image(1))
    earlier = _until_exchanged(pool, torch.zeros(1, 3, 2, 3), _image(0))
    assert torch.equal(earlier.condition, condition)


def _until_exchanged(pool: HistoryPool, condition: Tensor, image: Tensor) -> Judged:
    torch.manual_seed(0)
    for _ in range(20):
        judged = pool.exchange(condition, image)
        if not torch.equal(judged.image, image):
            return judged
    pytest.fail("nothing was exchanged")


def test_images_of_other_sizes_are_not_mixed() -> None:
    torch.manual_seed(0)
    pool = HistoryPool(2)
    sizes = [(2, 3), (4, 3)]
    for height, width in sizes:
        pool.exchange(_condition(0, height=height, width=width), _image(0, height=height, width=width))
    exchanged = 0
    for number in range(1, 41):
        height, width = sizes[number % 2]
        image = _image(number, height=height, width=width)
        judged = pool.exchange(_condition(number, height=height, width=width), image)
        assert judged.image.shape == image.shape
        assert judged.condition.shape == (1, 4, height, width)
        exchanged += not torch.equal(judged.image, image)
    assert 10 < exchanged < 30
    assert [tuple(kept["image"].shape) for kept in pool.pack()] == [(3, 2, 3), (3, 4, 3)]


def test_an_image_of_a_size_that_a_full_pool_lacks_is_shown() -> None:
    pool = HistoryPool(1)
    _exchange(pool, 0)
    for number in range(1, 9):
        image = _image(number, height=4)
        assert torch.equal(pool.exchange(_condition(number, height=4), image).image, image)
    assert _kept(pool) == [0]


def test_what_is_kept_has_no_gradient_and_stays_as_it_was() -> None:
    pool = HistoryPool(1)
    image = _image(3).requires_grad_()
    judged = pool.exchange(_condition(3), image)
    assert not judged.image.requires_grad
    with torch.no_grad():
        image += 1
    assert _kept(pool) == [3]


def test_a_pool_that_was_packed_goes_on_as_if_it_had_not_been() -> None:
    pool, unpacked = HistoryPool(2), HistoryPool(2)
    _exchange(pool, 0, 1)
    unpacked.unpack([{name: tensor.clone() for name, tensor in kept.items()} for kept in pool.pack()])
    shown = []
    for each in (pool, unpacked):
        torch.manual_seed(4)
        shown.append([_exchange(each, number) for number in range(2, 12)])
    assert shown[0] == shown[1]
    assert _kept(pool) == _kept(unpacked)

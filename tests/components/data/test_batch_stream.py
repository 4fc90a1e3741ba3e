import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import GeneratorType
from typing import Any

import pytest
import torch

from components.data.batch_stream import DEPTH, BatchStream
from components.data.draws import CropConfig, Draw, epoch_batches
from components.data.loader import BatchMaker
from tests.given import as_a, given
from tests.tiny import mixed_store, tiny_maker, tiny_store

BATCHES = [[Draw(number)] for number in range(6)]


class _NumberMaker:
    """Stands for a `BatchMaker`: a batch is the position of its first picture, times ten when it is finished."""

    def __init__(self, *, seconds: float = 0.0, broken: int | None = None) -> None:
        self.seconds = seconds
        self.broken = broken
        self.read_in: list[str] = []
        self.finished_in: list[str] = []

    def read(self, draws: Sequence[Draw]) -> int:
        self.read_in.append(threading.current_thread().name)
        time.sleep(self.seconds)
        if draws[0].position == self.broken:
            raise ValueError(f"picture {self.broken} is broken")
        return draws[0].position

    def finish(self, reading: int) -> int:
        self.finished_in.append(threading.current_thread().name)
        return 10 * reading


def _stream(maker: Any, batches: Sequence[Sequence[Draw]] = BATCHES) -> BatchStream:
    return BatchStream(maker, batches)


def _consumed(stream: Iterator[object], count: int) -> list[object]:
    return [next(stream) for _ in range(count)]


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("reading-batches")]


def _wait_until_read(maker: _NumberMaker, count: int) -> None:
    deadline = time.monotonic() + 10
    while len(maker.read_in) < count and time.monotonic() < deadline:
        time.sleep(0.001)


@pytest.mark.parametrize("crop", [None, CropConfig(height=8, width=16)], ids=["whole", "crop"])
def test_streamed_batches_are_those_made_one_by_one(tmp_path: Path, crop: CropConfig | None) -> None:
    store = mixed_store(tmp_path / "train", [(32, 64), (16, 64), (32, 64), (32, 64), (16, 64)])
    maker = tiny_maker(store, crop=crop)
    batches = epoch_batches(store.index, seed=0, epoch=0, batch_size=2, flip=True, crop=crop)
    with maker.stream(batches) as stream:
        found = list(stream)
    assert len(found) == len(batches)
    for batch, expected in zip(found, map(maker.make, batches), strict=True):
        assert given(batch).names == expected.names
        for name in ("condition", "image", "instance", "label"):
            assert torch.equal(getattr(batch, name), getattr(expected, name)), name


def test_a_batch_without_pictures_is_none_in_its_place(tmp_path: Path) -> None:
    maker = tiny_maker(tiny_store(tmp_path / "train", count=3))
    with maker.stream([[], [Draw(2)], [], [Draw(0)]]) as stream:
        assert [batch and batch.positions for batch in stream] == [None, (2,), None, (0,)]


def test_batches_are_read_by_one_thread_and_finished_by_the_consumer_in_order() -> None:
    maker = _NumberMaker()
    with _stream(maker) as stream:
        assert _consumed(stream, 6) == [0, 10, 20, 30, 40, 50]
        assert list(stream) == []
    assert len(set(maker.read_in)) == 1
    assert maker.read_in[0].startswith("reading-batches")
    assert set(maker.finished_in) == {threading.current_thread().name}


def test_the_next_batches_are_read_before_they_are_asked_for_but_no_more() -> None:
    maker = _NumberMaker()
    with _stream(maker) as stream:
        for consumed in range(3):
            _wait_until_read(maker, consumed + DEPTH)
            time.sleep(0.02)
            assert len(maker.read_in) == consumed + DEPTH
            next(stream)


def test_an_error_in_the_thread_is_raised_where_its_batch_would_come() -> None:
    stream = _stream(_NumberMaker(broken=2))
    assert _consumed(stream, 2) == [0, 10]
    with pytest.raises(ValueError, match="picture 2 is broken"):
        next(stream)
    assert _threads() == []
    assert list(stream) == []


def test_pictures_that_cannot_be_put_together_are_an_error_of_the_consumer(tmp_path: Path) -> None:
    maker = tiny_maker(mixed_store(tmp_path / "train", [(32, 64), (16, 64)]))
    with pytest.raises(ValueError, match="expected pictures of one size"), maker.stream([[Draw(0), Draw(1)]]) as stream:
        next(stream)


def test_a_finished_stream_leaves_no_thread() -> None:
    stream = _stream(_NumberMaker())
    list(stream)
    assert _threads() == []


@pytest.mark.parametrize("way", ["close", "context", "error"])
def test_a_stream_left_early_leaves_no_thread_and_ends(way: str) -> None:
    stream = _stream(_NumberMaker(seconds=0.01))
    if way == "close":
        next(stream)
        stream.close()
    elif way == "context":
        with stream:
            next(stream)
    else:
        with pytest.raises(KeyError), stream:
            raise KeyError
    assert _threads() == []
    assert list(stream) == []


def test_pictures_in_order_left_early_leave_no_thread(tmp_path: Path) -> None:
    maker: BatchMaker = tiny_maker(tiny_store(tmp_path / "train", count=5))
    batches = as_a(GeneratorType, maker.in_order(1))
    next(batches)
    assert len(_threads()) == 1
    batches.close()
    assert _threads() == []


def test_time_that_the_consumer_waits_is_counted() -> None:
    with _stream(_NumberMaker(seconds=0.1), BATCHES[:3]) as stream:
        list(stream)
    assert stream.waited > 0.1  # of 0.3 s of reading, in which it does nothing but wait


def test_time_in_which_the_consumer_is_busy_is_not_counted() -> None:
    maker = _NumberMaker(seconds=0.05)
    with _stream(maker, BATCHES[:2]) as stream:
        _wait_until_read(maker, 2)
        time.sleep(0.3)
        list(stream)
    assert stream.waited < 0.05

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from components.data import batch_stream
from components.data.batch_stream import BatchStream
from components.data.draws import Draw
from components.memory import forget_peak
from components.training import pace
from components.training.pace import PaceMeter
from tests.tiny import CPU


class Clock:
    """Time that passes only where a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class _Result:
    """A reading that keeps its consumer waiting."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds

    def result(self) -> int:
        self.clock.now += self.seconds
        return 0


class _Maker:
    """Reads nothing, and needs some time to put a batch onto the device."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds

    def read(self, draws: Sequence[Draw]) -> int:
        return 0

    def finish(self, reading: int) -> Any:
        self.clock.now += self.seconds
        return "batch"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(batch_stream, "monotonic", clock)
    monkeypatch.setattr(pace, "monotonic", clock)
    return clock


def _stream(clock: Clock, waits: list[float]) -> BatchStream:
    """Batches for each of which one waits so many seconds, and then half a second for its copy."""
    stream = BatchStream(_Maker(clock, 0.5), [])  # type: ignore[arg-type]
    stream._ahead.extend(_Result(clock, seconds) for seconds in waits)  # type: ignore[misc]
    return stream


def test_the_share_of_time_that_was_waited_for_data_and_the_images_a_second(clock: Clock) -> None:
    with _stream(clock, [1.0, 0.0, 2.0]) as stream:
        meter = PaceMeter(stream, CPU)
        for _ in range(3):
            next(stream)
            clock.now += 1.0  # a step
            meter.images += 4
        found = meter.read()
    # 1 + 0 + 2 s of waiting, 3 x 0.5 s of copying, 3 x 1 s of steps: 7.5 s
    assert found.data_wait == pytest.approx(3 / 7.5)
    assert found.images_per_second == pytest.approx(12 / 7.5)


def test_a_reading_starts_anew_from_the_one_before(clock: Clock) -> None:
    with _stream(clock, [3.0, 1.0]) as stream:
        meter = PaceMeter(stream, CPU)
        next(stream)
        meter.images += 4
        meter.read()
        next(stream)
        clock.now += 2.5
        meter.images += 2
        found = meter.read()
    assert found.data_wait == pytest.approx(1 / 4)
    assert found.images_per_second == pytest.approx(2 / 4)


def test_what_was_waited_before_the_meter_began_does_not_count(clock: Clock) -> None:
    with _stream(clock, [7.0, 0.0]) as stream:
        next(stream)
        meter = PaceMeter(stream, CPU)
        next(stream)
        assert meter.read().data_wait == 0


def test_no_time_at_all_is_no_division_by_zero(clock: Clock) -> None:
    with _stream(clock, []) as stream:
        found = PaceMeter(stream, CPU).read()
    assert (found.data_wait, found.images_per_second) == (0, 0)


def test_the_peak_of_memory_is_that_of_the_process_on_a_cpu(clock: Clock) -> None:
    with _stream(clock, []) as stream:
        meter = PaceMeter(stream, CPU)
        forget_peak(CPU)
        before = meter.read().peak_memory_gb
        held = torch.ones(50_000_000)  # 0.2 * 10^9 bytes
        after = meter.read().peak_memory_gb
    assert held.numel()
    assert before > 0.05  # python with torch
    assert after - before == pytest.approx(0.2, abs=0.02)

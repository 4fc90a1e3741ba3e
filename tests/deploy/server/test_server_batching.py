from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from time import monotonic
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from deploy.server.batching import BatchQueue, ExpiredError, QueueFullError
from deploy.server.limits import Limits
from deploy.server.served import ServedModel
from tests.deploy.server.tiny_server import PATIENCE, gated


def inputs(number: int, height: int = 4, width: int = 4) -> dict[str, NDArray[Any]]:
    """Of a picture of one object whose id is given, and with it how many rows of styles there are."""
    return {
        "label": np.zeros((height, width), np.uint8),
        "instance": np.full((height, width), number, np.int32),
        "styles": np.full((number + 1, 2), number, np.float32),
    }


class Desk:
    """A queue in front of a gate."""

    def __init__(self, model: ServedModel, **limits: Any) -> None:
        self.model, self.gate = gated(model)
        self.queue = BatchQueue(Limits(**limits))

    def ask(
        self, *numbers: int, size: tuple[int, int] = (4, 4), patient: bool = False, seconds: float = PATIENCE
    ) -> list["Future[NDArray[np.uint8]]"]:
        asked = [inputs(number, *size) for number in numbers]
        return self.queue.submit(self.model, asked, deadline=monotonic() + seconds, patient=patient)

    def occupy(self) -> None:
        """Have a picture under way, so that all others have to wait."""
        self.ask(0)
        assert self.gate.entered.wait(PATIENCE)


@pytest.fixture
def desk(model: ServedModel) -> Iterator[Desk]:
    opened = Desk(model, queue=10, batch=4, pixels=4 * 32)
    yield opened
    opened.gate.opened.set()
    opened.queue.close()


def test_a_picture_at_an_idle_queue_waits_for_no_other(desk: Desk) -> None:
    desk.gate.opened.set()
    (made,) = desk.ask(2)
    assert made.result(PATIENCE).tolist() == [[[0, 2, 2]] * 4] * 4


def test_those_that_wait_are_made_together_and_each_gets_its_own(desk: Desk) -> None:
    desk.occupy()
    asked = [*desk.ask(1), *desk.ask(3, 5)]
    desk.gate.opened.set()
    assert [each.result(PATIENCE)[0, 0].tolist() for each in asked] == [[0, 1, 1], [0, 3, 3], [0, 5, 5]]
    assert desk.gate.batches == [(1, 4, 4), (3, 4, 4)]


def test_a_batch_has_one_size_one_model_and_no_more_than_the_limits(desk: Desk, model: ServedModel) -> None:
    desk.occupy()
    wide = desk.ask(1, 2, size=(8, 8))  # of two 128 pixels
    narrow = desk.ask(1, 2, 3, 4, 5)
    other_model, other_gate = gated(model, is_open=True)
    others = desk.queue.submit(other_model, [inputs(1)], deadline=monotonic() + PATIENCE)
    desk.gate.opened.set()
    for each in [*wide, *narrow, *others]:
        each.result(PATIENCE)
    assert desk.gate.batches == [(1, 4, 4), (2, 8, 8), (4, 4, 4), (1, 4, 4)]
    assert other_gate.batches == [(1, 4, 4)]


def test_a_picture_larger_than_a_batch_may_be_is_made_alone(desk: Desk) -> None:
    desk.occupy()
    asked = desk.ask(1, 2, size=(16, 16))
    desk.gate.opened.set()
    assert [each.result(PATIENCE).shape for each in asked] == [(16, 16, 3)] * 2
    assert desk.gate.batches[1:] == [(1, 16, 16)] * 2


def test_a_full_queue_refuses_and_what_is_cancelled_makes_room(desk: Desk) -> None:
    desk.occupy()
    waiting = desk.ask(*range(8))
    with pytest.raises(QueueFullError) as refused:
        desk.ask(1, 2, 3)
    assert refused.value.seconds >= 1
    assert desk.queue.length == 8
    waiting[0].cancel()
    assert desk.queue.length == 7
    desk.ask(1, 2, 3)


def test_an_empty_queue_takes_even_more_than_may_wait(desk: Desk) -> None:
    desk.gate.opened.set()
    assert [each.result(PATIENCE)[0, 0, 1] for each in desk.ask(*range(12))] == list(range(12))


def test_what_is_cancelled_or_too_late_is_never_made(desk: Desk) -> None:
    desk.occupy()
    (cancelled,) = desk.ask(1, size=(4, 8))
    (late,) = desk.ask(1, size=(8, 4), seconds=0)
    cancelled.cancel()
    (last,) = desk.ask(2)
    desk.gate.opened.set()
    last.result(PATIENCE)
    with pytest.raises(ExpiredError):
        late.result(PATIENCE)
    with pytest.raises(CancelledError):
        cancelled.result(PATIENCE)
    assert desk.gate.batches == [(1, 4, 4), (1, 4, 4)]


def test_the_patient_let_others_go_first(desk: Desk) -> None:
    desk.occupy()
    patient = desk.ask(1, size=(4, 8), patient=True)
    others = [*desk.ask(1, size=(8, 4)), *desk.ask(1, size=(8, 8))]
    desk.gate.opened.set()
    for each in [*patient, *others]:
        each.result(PATIENCE)
    assert desk.gate.batches == [(1, 4, 4), (1, 8, 4), (1, 8, 8), (1, 4, 8)]


def test_patience_ends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.server.batching._PATIENCE", 0.0)
    desk.occupy()
    asked = [*desk.ask(1, size=(4, 8), patient=True), *desk.ask(1, size=(8, 4))]
    desk.gate.opened.set()
    for each in asked:
        each.result(PATIENCE)
    assert desk.gate.batches == [(1, 4, 4), (1, 4, 8), (1, 8, 4)]


def test_a_picture_that_fails_does_not_fail_those_made_with_it(desk: Desk) -> None:
    desk.occupy()
    desk.gate.failing_ids = {2}
    good, bad, fine = desk.ask(1, 2, 3)
    desk.gate.opened.set()
    assert [each.result(PATIENCE)[0, 0, 1] for each in (good, fine)] == [1, 3]
    with pytest.raises(RuntimeError, match="out of memory"):
        bad.result(PATIENCE)


def test_closing_makes_what_waits_and_takes_no_more(model: ServedModel) -> None:
    desk = Desk(model)
    desk.occupy()
    (waiting,) = desk.ask(1)
    desk.gate.opened.set()
    desk.queue.close()
    assert waiting.result(0)[0, 0].tolist() == [0, 1, 1]
    with pytest.raises(RuntimeError, match="closed"):
        desk.ask(1)


def test_a_queue_that_was_never_used_closes() -> None:
    BatchQueue(Limits()).close()


def test_the_number_of_pictures_and_the_seconds_of_each_batch_are_told(model: ServedModel) -> None:
    told: list[tuple[int, float]] = []
    queue = BatchQueue(Limits(), lambda size, seconds: told.append((size, seconds)))
    queue.submit(model, [inputs(1), inputs(2)], deadline=monotonic() + PATIENCE)
    queue.close()
    assert [size for size, _ in told] == [2]
    assert told[0][1] > 0

"""The queue of pictures that are to be made: those of one model and size are made together.

A thread takes whatever waits as soon as it is free, so a picture at an idle server waits for nobody, and under load
those that came while others were made go together.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.inference.completion import stack_inputs
from deploy.server.limits import Limits
from deploy.server.served import ServedModel

Image = NDArray[np.uint8]  # [H, W, 3]
Inputs = Mapping[str, NDArray[Any]]  # of one picture, without the axis N


_PATIENCE = 1.0  # seconds, so that who lets others go first is not forgotten at a busy server


class QueueFullError(Exception):
    """As many pictures wait as may; `seconds` says when to ask again."""

    def __init__(self, waiting: int, seconds: int) -> None:
        super().__init__(f"found {waiting} pictures that wait, expected fewer; ask again in {seconds} s")
        self.seconds = seconds


class ExpiredError(Exception):
    """The deadline passed before the picture was made."""


@dataclass(eq=False)
class _Waiting:
    model: ServedModel
    inputs: Inputs
    deadline: float
    patient_until: float
    image: "Future[Image]" = field(default_factory=Future)

    @property
    def size(self) -> tuple[int, ...]:
        return next(array for name, array in self.inputs.items() if name != "styles").shape[:2]

    def fits(self, other: "_Waiting") -> bool:
        return self.model is other.model and self.size == other.size


class BatchQueue:
    """Pictures that wait, and the thread that makes them.

    Args:
        limits: how many may wait and be made at once; the pixels of a batch are no more than those of the largest
            picture.
        on_batch: called with the size of each batch and the seconds that it took.
    """

    def __init__(self, limits: Limits, on_batch: Callable[[int, float], None] = lambda size, seconds: None) -> None:
        self._limits = limits
        self._on_batch = on_batch
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()
        self._closing = False
        self._seconds = 0.1  # a picture, of the last batches
        self._thread: threading.Thread | None = None

    @property
    def length(self) -> int:
        """How many pictures wait."""
        with self._changed:
            return sum(not each.image.cancelled() for each in self._waiting)

    def submit(
        self, model: ServedModel, pictures: Sequence[Inputs], *, deadline: float, patient: bool = False
    ) -> list["Future[Image]"]:
        """Ask for pictures.

        Args:
            model: that makes them.
            pictures: the inputs of each.
            deadline: on the clock of `time.monotonic`; what has not begun then is not made.
            patient: let all others that are not go first, for a second.

        Returns:
            A future of each picture; one that is cancelled before its turn costs nothing. They may raise
            `ExpiredError`, and what the synthesizer raises.

        Raises:
            QueueFullError: too many wait. At an empty queue any number is taken.
        """
        patient_until = monotonic() + _PATIENCE if patient else 0.0
        asked = [_Waiting(model, inputs, deadline, patient_until) for inputs in pictures]
        with self._changed:
            if self._closing:
                raise RuntimeError("the queue is closed")
            self._waiting = [each for each in self._waiting if not each.image.cancelled()]
            waiting = len(self._waiting)
            if waiting and waiting + len(asked) > self._limits.queue:
                raise QueueFullError(waiting, self.seconds_to_wait(waiting))
            self._waiting += asked
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="synthesis", daemon=True)
                self._thread.start()
            self._changed.notify()
        return [each.image for each in asked]

    def seconds_to_wait(self, pictures: int) -> int:
        """Guess in how many whole seconds so many pictures are made, one or more."""
        return max(1, min(ceil(pictures * self._seconds), ceil(self._limits.deadline)))

    def close(self) -> None:
        """Make what waits still, then end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                batch = self._take()
            if batch:
                self._make(batch)

    def _take(self) -> list[_Waiting]:
        """Take the one that is next and those that can be made with it, and drop those that nobody waits for."""
        now = monotonic()
        expired = [each for each in self._waiting if each.deadline <= now]
        wanted = [each for each in self._waiting if each.deadline > now and not each.image.cancelled()]
        for each in expired:
            if each.image.set_running_or_notify_cancel():
                each.image.set_exception(ExpiredError())
        wanted.sort(key=lambda each: now < each.patient_until)  # stable: else in the order of their coming
        taken: list[_Waiting] = []
        if wanted:
            height, width = wanted[0].size
            most = max(1, min(self._limits.batch, self._limits.pixels // (height * width)))
            hurried = [each for each in wanted if now >= each.patient_until] or wanted
            taken = [each for each in hurried if each.fits(wanted[0])][:most]
        self._waiting = [each for each in wanted if each not in taken]
        return [each for each in taken if each.image.set_running_or_notify_cancel()]

    def _make(self, batch: Sequence[_Waiting]) -> None:
        began = monotonic()
        try:
            images = batch[0].model.synthesizer.synthesize(**stack_inputs([each.inputs for each in batch]))
        except Exception as error:  # those of ONNX Runtime share no other class
            if len(batch) > 1:  # perhaps one of them is at fault, or they are too large together
                for each in batch:
                    self._make([each])
            else:
                batch[0].image.set_exception(error)
            return
        seconds = monotonic() - began
        self._seconds = 0.8 * self._seconds + 0.2 * seconds / len(batch)
        self._on_batch(len(batch), seconds)
        for each, image in zip(batch, images, strict=True):
            each.image.set_result(image)

"""A machine that is taken away announces it with SIGTERM: training saves its state and ends to be run again."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import current_thread, main_thread

EXIT_PREEMPTED = 75  # EX_TEMPFAIL of sysexits.h: not an error, try again later


class Preempted(Exception):
    """The process was asked to end before its work was done; run again, it goes on."""


@dataclass
class PreemptionNotice:
    """Whether the process was asked to end."""

    requested: bool = False


@contextmanager
def preemption() -> Iterator[PreemptionNotice]:
    """Yield a notice that SIGTERM sets, in place of ending the process; the handler before is put back at the end.

    Python handles signals in the main thread alone: in another one the notice stays as it is.
    """
    notice = PreemptionNotice()
    if current_thread() is not main_thread():
        yield notice
        return

    def request(number: int, frame: object) -> None:
        notice.requested = True

    before = signal.signal(signal.SIGTERM, request)
    try:
        yield notice
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)

"""One retraining at a time in a project: a lock that ends with the process, and with DVC's where that lives longer."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

LOCK_FILE = Path(".dvc/tmp/retrain.lock")  # in a folder that DVC keeps out of git
POLL_SECONDS = 1.0


class BusyError(RuntimeError):
    """Another retraining of this project is going on."""


@dataclass(frozen=True)
class Holder:
    """Who holds the lock.

    Attributes:
        process: number of the process.
        since: time in ISO 8601.
        run_id: MLflow's id of its run, None before that began.
    """

    process: int
    since: str
    run_id: str | None = None

    def __str__(self) -> str:
        """Say who it is, for a message."""
        return f"process {self.process}, since {self.since}"


class ProjectLock:
    """The lock while it is held; `killed` is the holder before, where that one ended without giving it back."""

    def __init__(self, descriptor: int) -> None:
        """Take over the file of a lock that was just acquired."""
        self.descriptor = descriptor
        self.killed = read_holder()
        self._holder = Holder(os.getpid(), datetime.now().astimezone().isoformat(timespec="seconds"))
        self._write(self._holder)

    def name_run(self, run_id: str) -> None:
        """Note the run, so that the next holder can end it where this process is killed."""
        self._write(Holder(self._holder.process, self._holder.since, run_id))

    def clear(self) -> None:
        """Leave no holder behind."""
        os.ftruncate(self.descriptor, 0)

    def _write(self, holder: Holder) -> None:
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps(asdict(holder)).encode(), 0)


def read_holder() -> Holder | None:
    """Give the one that holds the lock of the working directory, or that was killed while it did."""
    if not LOCK_FILE.is_file() or not (content := LOCK_FILE.read_text()):
        return None
    return Holder(**json.loads(content))


@contextmanager
def only_one(when_busy: Literal["wait", "skip"], report: Callable[[str], None]) -> Iterator[ProjectLock]:
    """Hold the lock of the working directory.

    Raises:
        BusyError: another process holds it and `when_busy` is `skip`.
    """
    LOCK_FILE.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not _taken(descriptor):
            message = f"{Path.cwd()}: a retraining is going on already ({read_holder() or 'just begun'})"
            if when_busy == "skip":
                raise BusyError(message)
            report(f"{message}; waiting for its end")
            while not _taken(descriptor):
                time.sleep(POLL_SECONDS)
        lock = ProjectLock(descriptor)
        try:
            yield lock
        finally:
            lock.clear()
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

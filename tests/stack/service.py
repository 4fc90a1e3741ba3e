"""A server in a process of its own, which a test may stop, kill and start again at the same address."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

START_SECONDS = 600  # the machine may be busy
END_SECONDS = 60


@dataclass
class Service:
    """A process and how to tell that it works.

    Attributes:
        command: the program and its arguments.
        answers: whether it does its work now.
        log: takes what it writes, over all starts.
        environment: variables beside those of the tests.
        user: whom it runs as; None: whom the tests run as.
        folder: its working directory; None: that of the tests.
        crash_signal: ends it at once, without any cleaning up.
    """

    command: Sequence[str | Path]
    answers: Callable[[], bool]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    folder: Path | None = None
    crash_signal: signal.Signals = signal.SIGKILL
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start the process and return when it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=os.environ | self.environment,
                user=self.user,
                start_new_session=True,  # its children end with it
            )
        try:
            wait_for(lambda: self._ended() or self.answers(), START_SECONDS, self.log)
            assert not self._ended(), f"{self.command[0]} ended: {tail(self.log)}"
        except BaseException:
            self.kill()
            raise

    def ensure(self) -> None:
        """Start it again where a test has ended it, or where it does not answer any more."""
        if self._ended() or not self.answers():
            self.restart()

    def stop(self) -> None:
        """End it as an administrator does, by SIGTERM."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash does, with all its children."""
        self._end(self.crash_signal)

    def restart(self) -> None:
        """Crash it and start it again."""
        self.kill()
        self.start()

    def _ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        signal_group(self.process.pid, number)
        try:
            self.process.wait(END_SECONDS)
        finally:
            signal_group(self.process.pid, signal.SIGKILL)  # children that outlived it
            self.process.wait()
            self.process = None


def signal_group(process_id: int, number: signal.Signals) -> None:
    """Signal a process that leads a group, and all in the group; none may be left of it."""
    try:
        os.killpg(process_id, number)
    except ProcessLookupError:
        return


def wait_for(condition: Callable[[], bool], seconds: float, log: Path | None = None) -> None:
    """Wait until something is so; fail with the end of a log where it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        shown = "" if log is None else tail(log)
        assert time.monotonic() < deadline, f"the awaited state did not come in {seconds} s: {shown}"
        time.sleep(0.1)


def free_port() -> int:
    """Give a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(address: str) -> bool:
    """Tell whether a web server answers at an address, be it with an error status."""
    try:
        urlopen(address, timeout=5).close()
    except HTTPError:
        return True
    except OSError:
        return False
    return True


def tail(log: Path, lines: int = 30) -> str:
    """Give the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.is_file() else ""

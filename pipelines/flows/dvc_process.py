"""DVC's commands for the flow, with their output line by line and the exit status of the stage that they ran."""

import json
import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from components.preemption import EXIT_PREEMPTED
from pipelines.entry import EXIT_UNAVAILABLE

CHILD = Path(__file__).with_name("dvc_child.py")
TAIL_LINES = 30
STAGE_STATUS = re.compile(r", exited with (-?\d+)$")  # DVC's own status is 255 whatever the stage's was
SIGNALLED = 128  # a shell's status for a program that a signal killed is above it


class DvcError(RuntimeError):
    """A command of DVC, or the stage that it ran, failed; the message ends in the last lines of the output."""


class StageInterrupted(DvcError):
    """A stage was told to end before it was done; run again, it goes on."""


class StageUnavailable(DvcError):
    """A stage lacked a server or room on the disk, or was killed: later it may succeed."""


class DvcProcess:
    """A process for all commands of a run, started by the first one, to be closed at the end.

    Where an exception ends a command, such as a cancelled flow's, and where this whole process is killed, the stage
    is ended by SIGTERM, so that training saves its state.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, inherited: tuple[int, ...] = ()) -> None:
        """Set what the process will get.

        Args:
            environment: variables beside those of this process.
            inherited: file descriptors, such as that of a lock, which is then held until DVC has ended too.
        """
        beside = Path(sys.executable).parent  # the stages' `python` is that of this environment, activated or not
        self._environment = {
            **os.environ,
            "PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONUNBUFFERED": "1",
            "DVC_NO_ANALYTICS": "1",
            **(environment or {}),
        }
        self._inherited = inherited
        self._token = uuid4().hex
        self._process: subprocess.Popen[str] | None = None

    def run(self, arguments: list[str], report: Callable[[str], None]) -> None:
        """Run a command in the working directory and report each line of its output as it comes.

        Raises:
            StageInterrupted: the stage exited with 75.
            StageUnavailable: it exited with 69, a signal killed it, or DVC itself was killed.
            DvcError: the command failed.
        """
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        try:
            status = self._run(arguments, report, tail)
        except BaseException:
            self.close()
            raise
        if status != 0:
            command = " ".join(["dvc", *arguments])
            found = "DVC was killed" if status is None else f"exit status {status}, expected 0"
            raise _kind_of_failure(tail, status)(f"{command}: {found}; it ended in\n" + "\n".join(tail))

    def close(self) -> None:
        """End the process, and wait for a stage that it runs to save its state."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended
            process.stdin.close()  # which the child takes for the end
        process.stdout.read()  # to its end, which is that of the stage
        process.stdout.close()
        process.wait()

    def _run(self, arguments: list[str], report: Callable[[str], None], tail: deque[str]) -> int | None:
        """Give DVC's exit status, None where its process ended."""
        if self._process is None:
            self._process = self._start()
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # it was killed since the last command, which its output tells
            process.stdin.write(json.dumps(arguments) + "\n")
            process.stdin.flush()
        for line in process.stdout:
            if line.startswith(self._token):
                return int(line.split()[1])
            if line.strip():
                report(line.rstrip())
                tail.append(line.rstrip())
        self.close()
        return None

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            # -P: the modules beside that file do not stand in for others of their names
            [sys.executable, "-P", str(CHILD), self._token],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            pass_fds=self._inherited,
            text=True,
            errors="replace",
            start_new_session=True,  # a group of its own, so that a signal reaches the stage but not the flow
        )


def _kind_of_failure(tail: deque[str], status: int | None) -> type[DvcError]:
    if status is None:
        return StageUnavailable
    found = [int(match[1]) for line in tail if (match := STAGE_STATUS.search(line))]
    if EXIT_PREEMPTED in found:
        return StageInterrupted
    if any(each < 0 or each > SIGNALLED or each == EXIT_UNAVAILABLE for each in found):
        return StageUnavailable
    return DvcError

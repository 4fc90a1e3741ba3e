"""What a pod of the job runs: `python -m deploy.pods COMMAND`.

The first pod runs the command and ends as it does; the others join the stages that it starts and end when the command
has succeeded. A pod that is asked to end (SIGTERM) hands that on, waits until training has saved its state, and exits
with 75, which the job takes as a reason to start the pod again.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

from components.preemption import EXIT_PREEMPTED
from deploy.pods.pod import Pod

SECONDS_BETWEEN_LOOKS = 2.0

log = logging.getLogger("deploy.pods")


class PodProgram:
    """The one child process that a pod has at a time, and whether the pod was asked to end."""

    def __init__(self) -> None:
        self._asked = False
        self._child: subprocess.Popen[bytes] | None = None
        signal.signal(signal.SIGTERM, self._ask)

    def lead(self, pod: Pod, command: Sequence[str]) -> int:
        """Run the command; its success ends the other pods' work, too."""
        status = self._run(command)
        if status == 0:
            pod.announcements().end()
            return 0
        return EXIT_PREEMPTED if self._asked else status

    def follow(self, pod: Pod) -> int:
        """Join each stage that the first pod announces.

        How a stage ends here is of no account: the first pod sees it as well, and may announce the stage again.
        """
        announcements, joined = pod.announcements(), None
        while not self._asked:
            if announcements.ended():
                return 0
            start = announcements.latest()
            if start is None or start == joined:
                time.sleep(SECONDS_BETWEEN_LOOKS)
                continue
            log.info("pod %d joins %s", pod.index, " ".join(start.arguments))
            joined = start
            log.info("pod %d has ended with %d", pod.index, self._run(pod.torchrun(start)))
        return EXIT_PREEMPTED

    def _run(self, command: Sequence[str]) -> int:
        with subprocess.Popen(command) as child:
            self._child = child
            if self._asked:  # while it was being started
                child.terminate()
            status = child.wait()
            self._child = None
        return status if status >= 0 else 128 - status  # ended by a signal, as a shell tells it

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        if self._child is not None:
            self._child.terminate()


def main(command: list[str]) -> int:
    """Run this pod's part and give the exit status."""
    if not command:
        raise SystemExit("usage, inside a pod: python -m deploy.pods COMMAND")
    try:
        pod = Pod.of(os.environ)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from error
    program = PodProgram()
    return program.lead(pod, command) if pod.index == 0 else program.follow(pod)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    raise SystemExit(main(sys.argv[1:]))

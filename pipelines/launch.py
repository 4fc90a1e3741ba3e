"""`torchrun` that tells pre-emption from failure: it ends with the status that asks to be run again."""

import sys

from torch.distributed import run
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from components.preemption import EXIT_PREEMPTED
from pipelines.entry import EXIT_UNAVAILABLE


def main(arguments: list[str]) -> int:
    """Run `torchrun` with these arguments and give the exit status.

    `EXIT_PREEMPTED` where this process, or one that it started, was asked to end; `EXIT_UNAVAILABLE` where those
    that failed lacked a server or room on the disk, or were killed by a signal; 1 where one failed otherwise.
    """
    try:
        run.main(arguments)
    except SignalException:
        return EXIT_PREEMPTED
    except ChildFailedError as error:
        statuses = [failure.exitcode for failure in error.failures.values()]
        if EXIT_PREEMPTED in statuses:
            return EXIT_PREEMPTED
        return EXIT_UNAVAILABLE if all(each == EXIT_UNAVAILABLE or each < 0 for each in statuses) else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""`torchrun` that tells pre-emption from failure: it ends with the status that asks to be run again."""

import sys

from torch.distributed import run
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from components.preemption import EXIT_PREEMPTED


def main(arguments: list[str]) -> int:
    """Run `torchrun` with these arguments and give the exit status.

    `EXIT_PREEMPTED` where this process, or one that it started, was asked to end; 1 where one failed.
    """
    try:
        run.main(arguments)
    except SignalException:
        return EXIT_PREEMPTED
    except ChildFailedError as error:
        asked = any(failure.exitcode == EXIT_PREEMPTED for failure in error.failures.values())
        return EXIT_PREEMPTED if asked else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

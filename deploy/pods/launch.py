"""Start a training stage on every pod of the job: as `launch: -m deploy.pods.launch` in the first pod.

Runs as `python -m deploy.pods.launch MODULE ARGUMENTS` and ends with the exit status of this pod's processes; as those
of all pods stop together, 75 tells that one of them was asked to end.
"""

import os
import sys

from deploy.pods.pod import Pod


def main(arguments: list[str]) -> None:
    """Announce the stage and become its `torchrun`.

    Raises:
        SystemExit: there is no module, or this is not the first pod of a job.
    """
    if not arguments:
        raise SystemExit("usage, inside a pod: python -m deploy.pods.launch MODULE ARGUMENTS")
    try:
        pod = Pod.of(os.environ)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from error
    if pod.index != 0:
        raise SystemExit(f"error: JOB_COMPLETION_INDEX: found {pod.index}, expected 0: the first pod starts the stages")
    command = pod.torchrun(pod.announcements().start(arguments))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])

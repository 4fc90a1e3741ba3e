"""DVC's stage graph, for the flow: its stages in order, and a run of one of them."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from components.preemption import EXIT_PREEMPTED

TAIL_LINES = 30
INTERRUPTED = f", exited with {EXIT_PREEMPTED}"  # DVC's own status is 255 whatever the stage's was


class StageError(RuntimeError):
    """A stage failed, or the graph has not the stage or out that was asked for."""


class StageInterrupted(StageError):
    """A stage was told to end before it was done; run again, it goes on."""


@dataclass(frozen=True)
class Stage:
    """A stage of `dvc.yaml`: its outs in the order of that file, and the stages it depends on."""

    outs: tuple[Path, ...]
    upstream: tuple[str, ...]


def read_stages() -> dict[str, Stage]:
    """Read `dvc.yaml` of the working directory; a stage comes after those it depends on.

    Raises:
        StageError: there is no `dvc.yaml`.
    """
    if not Path("dvc.yaml").is_file():
        raise StageError(f"{Path.cwd() / 'dvc.yaml'}: no such file, expected the stage graph in the working directory")
    from dvc.repo import Repo

    with Repo() as repo:
        graph = repo.index.graph  # an edge leads from a stage to one that it depends on
        stages = {
            node.addressing: Stage(
                outs=tuple(Path(out.fs_path) for out in node.outs),
                upstream=tuple(other.addressing for other in graph.successors(node)),
            )
            for node in graph
            if node.path_in_repo == "dvc.yaml"
        }
    order = TopologicalSorter({name: stage.upstream for name, stage in stages.items()}).static_order()
    return {name: stages[name] for name in order if name in stages}


def first_out(stages: dict[str, Stage], stage: str) -> Path:
    """Give the first out of a stage.

    Raises:
        StageError: there is no such stage, or it has no outs.
    """
    if stage not in stages or not stages[stage].outs:
        raise StageError(f"dvc.yaml: found stages {list(stages)}, expected a stage {stage} with an out")
    return stages[stage].outs[0]


def changed_stages() -> set[str]:
    """Give the stages of the working directory whose inputs or outs are not as DVC left them."""
    from dvc.repo import Repo

    with Repo() as repo:
        return set(repo.status())


def dvc(arguments: list[str], report: Callable[[str], None]) -> None:
    """Run a DVC command and report each line of its output as it comes.

    An exception here, such as a cancelled flow's, ends the stage as SIGTERM does: training saves its state.

    Raises:
        StageInterrupted: the stage exited with 75.
        StageError: it failed; the message ends in the last lines of the output.
    """
    beside = Path(sys.executable).parent  # the stages' `python` is that of this environment, activated or not
    environment = {
        **os.environ,
        "PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
    }
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        errors="replace",
        start_new_session=True,  # a group of its own, so that a signal reaches DVC and the stage but not the flow
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.strip():
                    report(line.rstrip())
                    tail.append(line.rstrip())
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.stdout.read()  # to its end, which is that of the stage
            raise
    if process.returncode:
        command = " ".join(["dvc", *arguments])
        interrupted = any(line.endswith(INTERRUPTED) for line in tail)
        raise (StageInterrupted if interrupted else StageError)(
            f"{command}: exit status {process.returncode}, expected 0; it ended in\n" + "\n".join(tail)
        )

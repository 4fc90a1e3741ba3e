"""Runs of the graph in dvc.yaml, several at the same time."""

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event

from components.preemption import Preempted
from experiments.compose import BUILD, SCORES_FILE, Run
from experiments.machine import this_machine, write_machine
from experiments.rows import FOLDER
from pipelines.flows.dvc_process import DvcError, DvcProcess

logger = logging.getLogger(__name__)


def reproduce_all(runs: Iterable[Run], processes: int) -> list[tuple[Run, DvcError]]:
    """Train and score runs, and give those that failed: one does not keep the others from theirs.

    An exception, such as an interrupt's, ends the runs that are going on as SIGTERM does: training saves its state.
    """
    machine, stopping = this_machine(processes), Event()

    def attempt(run: Run) -> tuple[Run, DvcError] | None:
        if not (BUILD / run.name / SCORES_FILE).is_file():
            write_machine(BUILD / run.name, machine)
        # One by one: asked for a stage with those before it, DVC would lock the dataset, which other runs read.
        try:
            reproduce(run.name, ["--single-item", *run.stages], stopping)
        except DvcError as error:
            logger.error("%s failed", run.name)
            return run, error
        logger.info("%s is done", run.name)
        return None

    with ThreadPoolExecutor(processes) as pool:
        try:
            return [failure for failure in pool.map(attempt, runs) if failure]
        except BaseException:
            stopping.set()
            logger.info("ending what runs, which takes up to a minute")
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def reproduce(name: str, arguments: list[str], stopping: Event | None = None) -> None:
    """Run stages as far as they have changed.

    Args:
        name: in the log.
        arguments: of `dvc repro`.
        stopping: once it is set, the stage that runs is ended with the next line that it writes.

    Raises:
        DvcError: one failed.
        Preempted: it was ended.
    """

    def report(line: str) -> None:
        if stopping is not None and stopping.is_set():
            raise Preempted(f"{name} was ended")
        logger.info("%s: %s", name, line)

    with closing(DvcProcess()) as process:
        process.run(["--cd", str(FOLDER), "--wait-for-lock", "repro", *arguments], report)

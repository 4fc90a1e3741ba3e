"""Train and score the rows of the paper's tables: one command for all of them."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from experiments.compose import BUILD, write_runs
from experiments.graph import reproduce, reproduce_all
from experiments.report import REPORT, write_report
from experiments.results import TrackingStore
from experiments.rows import SETTING_FILE, load_rows, load_setting
from pipelines.entry import run_entry_point
from pipelines.flows.dvc_process import DvcError

logger = logging.getLogger(__name__)


def main(
    overrides: Annotated[list[str] | None, typer.Argument(help="as in prepare.root=/data/camvid")] = None,
    setting: Annotated[Path, typer.Option(help="dataset, sizes, budget and seeds")] = SETTING_FILE,
    processes: Annotated[int, typer.Option(min=1, help="runs at the same time; each has runtime.threads")] = 1,
    plan: Annotated[bool, typer.Option("--plan", help="write the parameters of all runs, and train nothing")] = False,
    out: Annotated[Path, typer.Option(help="folder of the report")] = REPORT,
) -> None:
    """Run what has changed of the graph under `experiments/`, and write the report; interrupted, it goes on."""
    rows = load_rows()
    runs = write_runs(rows, load_setting(rows, setting), overrides or [])
    store = TrackingStore(BUILD)  # before the stages: two that start together would both make it
    if plan:
        return
    try:
        reproduce("evaluator", ["train_segmenter"])
    except DvcError as error:
        raise ValueError(str(error)) from error
    failed = reproduce_all(runs, processes)
    write_report(rows, BUILD, store, out)
    logger.info("the report is in %s", out)
    if failed:
        raise ValueError("; ".join(f"{run.name}: {error}" for run, error in failed))


if __name__ == "__main__":
    run_entry_point(main)

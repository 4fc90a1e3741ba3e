"""Time of the retraining flow over `dvc repro` on a project of ten trivial stages, with the Prefect server already up.

The flow's side is a process of its own with everything that a scheduled run does: a parent run in MLflow, a task a
stage, registration of a small bundle, promotion, events and artifact. Only the judge is left out, whose time is that
of the pictures that it makes. The baseline is `dvc repro` of the same stages; the overhead is value minus baseline.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated
from unittest import mock

import typer
import yaml

from benchmarks.json_line import print_json_line
from tests.tiny_bundle import write_tiny_bundle

ROOT = Path(__file__).parents[1]
STAGES = {
    "prepare": "build/prepared",
    "preprocess": "build/shards",
    "train_segmenter": "build/segmenter",
    "train_global": "build/global",
    "train_local": "build/local",
    "finetune": "build/finetuned",
    "cluster": "build/styles",
    "synthesize": "build/synthesized",
    "evaluate": "build/plots",
    "export": "build/bundle",
}
FLOW = """
from benchmarks.flow import leave_out_the_judge
from pipelines.flows.retrain import retrain
leave_out_the_judge()
retrain()
"""


def leave_out_the_judge() -> None:
    """Have each new version promoted unseen, in this process."""
    from pipelines import registry
    from pipelines.flows import challenge
    from pipelines.flows.verdict import Verdict

    def judge(version: int, name: str, **others: object) -> Verdict:
        return Verdict(version, registry.aliases(name).get(registry.CHAMPION), promote=True, reason="it is new")

    mock.patch.object(challenge, "judge", judge).start()


def write_project(folder: Path) -> None:
    """Write a chain of ten stages that each copy a file or folder, as a git and DVC repository."""
    folder.mkdir()
    before, stages = "source", {}
    for name, out in STAGES.items():
        stages[name] = {"cmd": f"mkdir -p build && cp -r {before} {out}", "deps": [before], "outs": [out]}
        before = out
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    shutil.copy(ROOT / "params.yaml", folder)
    change_source(folder, "data-a")
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, check=True, cwd=folder)


def change_source(project: Path, data: str) -> None:
    """Give the chain another bundle to copy, so that every stage has to run."""
    write_tiny_bundle(project / "source", data=data)


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    """Start a Prefect server and make MLflow's database, and give the environment that names them."""
    import pipelines.flows  # noqa: F401, I001  (its settings must be there before Prefect is)
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    from pipelines.outbox import wait_briefly
    from pipelines.registry import versions

    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
    wait_briefly()
    versions("none yet")
    with prefect_test_harness(server_startup_timeout=240):
        yield {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value()), "PYTHONPATH": str(ROOT)}


def seconds(command: list[str], project: Path, environment: dict[str, str]) -> float:
    """Time a command in a project's folder."""
    started = perf_counter()
    subprocess.run(command, check=True, cwd=project, env=environment, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    return perf_counter() - started


def main(quick: Annotated[bool, typer.Option("--quick", help="once, instead of the best of three")] = False) -> None:
    """Print a JSON line for each case: value, that of `dvc repro`, and their ratio."""
    flow = [sys.executable, "-c", FLOW]
    repro = [sys.executable, "-m", "dvc", "repro", "-q"]
    with TemporaryDirectory() as temporary, servers(Path(temporary)) as environment:
        by_flow, by_dvc = Path(temporary) / "flow", Path(temporary) / "dvc"
        sides = [(flow, by_flow), (repro, by_dvc)]
        for _, project in sides:
            write_project(project)
        full, nothing = [], []
        for number in range(1 if quick else 3):
            for _, project in sides:
                change_source(project, f"data-{number}")
            full.append([seconds(command, project, environment) for command, project in sides])
            nothing.append([seconds(command, project, environment) for command, project in sides])
        _print("ten stages, all to be run", full)
        _print("ten stages, nothing to do", nothing)


def _print(case: str, times: list[list[float]]) -> None:
    value, baseline = (min(side) for side in zip(*times, strict=True))
    print_json_line(case, "s", value, baseline)


if __name__ == "__main__":
    typer.run(main)

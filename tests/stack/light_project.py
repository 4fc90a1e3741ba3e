"""A project of three stages that take no time, whose bundle, shards and evaluator are real and lie ready.

Its export records a run, as the real stages do, and waits while the file `hold` is there, so that a test may break
something in the middle of it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import yaml

from tests.project_copy import change_params
from tests.retrain_params import retrain_config
from tests.stack.project import REPOSITORY, commit, git
from tests.stack.service import signal_group, wait_for
from tests.tiny import CLASSES, tiny_samples, write_store
from tests.tiny_bundle import write_tiny_bundle
from tests.tiny_evaluation import evaluate_config, tiny_segmenter

CLASS_NAMES = [each.name for each in CLASSES]
GRAPH = """
stages:
  preprocess:
    cmd: mkdir -p build && cp -r ready/shards build/shards
    deps: [ready/shards]
    outs: [build/shards]
  train_segmenter:
    cmd: cp -r ready/segmenter build/segmenter
    deps: [build/shards, ready/segmenter]
    outs: [build/segmenter]
  export:
    cmd: python export.py
    deps: [build/shards, build/segmenter, ready/bundle]
    outs: [build/bundle]
"""
EXPORT = """
import time
from pathlib import Path
from shutil import copytree
from pipelines.entry import run_entry_point
from pipelines.tracking import start_run

def main() -> None:
    with start_run("export", {}, "data-a") as run:
        run.log_metrics({"loss": 1.0}, step=1)
        Path("held").touch()
        while Path("hold").exists():
            time.sleep(0.05)
        Path("held").unlink()
        run.log_metrics({"loss": 0.5}, step=2)
        copytree("ready/bundle", "build/bundle")

run_entry_point(main)
"""
RUN = """
import json, sys
from pipelines.flows.retrain import retrain
outcome = retrain(**json.loads(sys.argv[1]))
print("outcome:", outcome.kind, outcome.reason)
"""
RUN_SECONDS = 1800  # the machine may be busy


@dataclass(frozen=True)
class Retraining:
    """A run of the flow and the file that takes its output."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def output(self) -> str:
        """What it has written."""
        return self.log.read_text()

    @property
    def outcome(self) -> str:
        """How it ended and why, as one line; fail with the log where it did not."""
        assert self.process.poll() == 0, self.output
        return self.output.partition("outcome: ")[2].splitlines()[0]

    @property
    def failure(self) -> str:
        """Why it failed, as the last line says; fail with the log where it did not."""
        assert self.process.poll() not in (None, 0), self.output
        return self.output

    def wait_for(self, text: str) -> None:
        """Return when it has written this."""
        wait_for(lambda: text in self.output or self.process.poll() is not None, RUN_SECONDS, self.log)
        assert text in self.output, self.output

    def wait(self) -> "Retraining":
        """Return when it has ended."""
        self.process.wait(RUN_SECONDS)
        return self


@dataclass(frozen=True)
class LightProject:
    """The project and how to retrain in it.

    Attributes:
        folder: of the project.
        environment: variables of its runs: where the servers are.
        logs: folder that takes the output of its runs, and of those of its copies.
    """

    folder: Path
    environment: Mapping[str, str]
    logs: Path

    @classmethod
    def create(cls, folder: Path, environment: Mapping[str, str]) -> "LightProject":
        """Write it, with everything committed and nothing run."""
        ready = folder / "ready"
        ready.mkdir(parents=True)
        samples, instance_ids = tiny_samples(2, 32, 64, rgb=False, seed=0)
        write_store(ready / "shards" / "val", samples, instance_ids, split="val")
        tiny_segmenter().save(ready / "segmenter")
        (ready / "segmenter" / "oracle.json").write_text(json.dumps({"mean_iou": 0.75}))
        (folder / "dvc.yaml").write_text(GRAPH)
        (folder / "export.py").write_text(EXPORT)
        (folder / ".gitignore").write_text("/build/\n/outbox/\n/ready/segmenter/\n/results/\n/held\n/hold\n")
        params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
        params |= {"retrain": retrain_config().model_dump(), "evaluate": evaluate_config().model_dump()}
        (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        project = cls(folder, environment, folder.parent)
        project.renew_bundle(0.5)
        git(folder, "init", "--quiet")
        subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], cwd=folder, check=True)
        commit(folder)
        return project

    @property
    def variables(self) -> dict[str, str]:
        """All environment variables of its runs."""
        return {**os.environ, "PYTHONPATH": str(REPOSITORY), **self.environment}

    def set_retrain(self, **fields: object) -> None:
        """Change fields of the parameters' section `retrain`."""
        change_params(self.folder, {f"retrain.{name}": value for name, value in fields.items()})

    def renew_bundle(self, mean_iou: float) -> None:
        """Have the next run export another bundle, which says that this is its score."""
        write_tiny_bundle(self.folder / "ready" / "bundle", class_names=CLASS_NAMES, mean_iou=mean_iou)

    def copy(self, folder: Path) -> "LightProject":
        """Copy it, as another machine would have it."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return LightProject(folder, self.environment, self.logs)

    def retrain(self, name: str, **parameters: object) -> "Retraining":
        """Run the flow to its end."""
        with self.retraining(name, **parameters) as run:
            run.process.wait(RUN_SECONDS)
        return run

    @contextmanager
    def retraining(self, name: str, **parameters: object) -> Iterator["Retraining"]:
        """Run the flow during the block, in a group of its own; steps that fail are not tried again by default."""
        arguments = json.dumps({"name": name, "retries": 0} | parameters)
        log = self.logs / f"{uuid4().hex}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", RUN, arguments],
                cwd=self.folder,
                env=self.variables,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            yield Retraining(process, log)
        finally:
            if process.poll() is None:
                signal_group(process.pid, signal.SIGKILL)
                process.wait()

    @contextmanager
    def held_in_export(self) -> Iterator[None]:
        """Have the stage `export` wait until it is released, or the block ends."""
        (self.folder / "hold").touch()
        try:
            yield
        finally:
            self.release()

    def wait_until_held(self) -> None:
        """Return when the stage `export` waits."""
        wait_for(lambda: (self.folder / "held").exists(), RUN_SECONDS)

    def release(self) -> None:
        """Let it go on."""
        (self.folder / "hold").unlink(missing_ok=True)

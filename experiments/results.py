"""What the runs of the graph left: scores, pictures seen and the time of training."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import prod
from pathlib import Path
from typing import Any

from safetensors import safe_open

from components.training.phases import StageName
from experiments.compose import OUTS, SCORES_FILE, Run
from experiments.machine import Machine, read_machine
from experiments.rows import stages_up_to
from experiments.run_params import RunParams, load_run_params
from pipelines.params import PARAMS_FILE
from pipelines.tracking import EXPERIMENT, quiet_mlflow

BUFFERS = ("running_mean", "running_var", "num_batches_tracked")  # of batch norm: kept with weights, but not trained


@dataclass(frozen=True)
class Training:
    """The tracked training of a stage.

    Attributes:
        seconds: of its epochs, without its start and end.
        finished: when it ended.
    """

    seconds: float
    finished: datetime


@dataclass(frozen=True)
class Result:
    """A finished run.

    Attributes:
        run: the row and its seed.
        params: that it had.
        scores: all figures of stage `evaluate` by name.
        pictures: how many training pictures it saw, one seen twice counted twice.
        steps: of optimisation.
        generator_parameters: trained numbers of its generator.
        training: its stages; None where one is not tracked.
        machine: what it was trained on; None where it was not noted.
    """

    run: Run
    params: RunParams
    scores: Mapping[str, float]
    pictures: int
    steps: int
    generator_parameters: int
    training: Training | None
    machine: Machine | None

    @property
    def stages(self) -> tuple[StageName, ...]:
        """Of its training."""
        return stages_up_to(self.run.last)


class TrackingStore:
    """The store of the runs, with its files beside it; it is made where it does not exist yet."""

    def __init__(self, build: Path) -> None:
        """Open `mlflow.db` in the graph's folder."""
        quiet_mlflow()
        from mlflow import MlflowClient

        build.mkdir(parents=True, exist_ok=True)
        self._client = MlflowClient(f"sqlite:///{build.absolute() / 'mlflow.db'}")
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        self._experiment_id = (
            self._client.create_experiment(EXPERIMENT, artifact_location=str(build.absolute() / "mlruns"))
            if experiment is None
            else experiment.experiment_id
        )

    def training(self, stage: StageName, params: RunParams, pictures: int) -> Training | None:
        """The last training of a stage that finished with these parameters; None where there is none.

        Args:
            stage: of training.
            params: of the run.
            pictures: of an epoch.
        """
        sections = params.model_dump(mode="json", include={"model", "losses", "runtime", stage})
        for run in self._finished(stage):
            if all(_value(sections, name) == value for name, value in run.data.params.items()):
                paces = self._client.get_metric_history(run.info.run_id, "images_per_second")
                of_epochs = {pace.step: pictures / pace.value for pace in paces}  # one that is gone on with comes twice
                return Training(sum(of_epochs.values()), datetime.fromtimestamp(run.info.end_time / 1000))
        return None

    def _finished(self, stage: StageName) -> Iterator[Any]:
        """All finished runs of a stage, the last one first."""
        finished = f"tags.stage = '{stage}' and attributes.status = 'FINISHED'"
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment_id], finished, order_by=["attributes.start_time DESC"], page_token=token
            )
            yield from page
            if not (token := page.token):
                return


def read_result(run: Run, build: Path, store: TrackingStore, pictures: int) -> Result | None:
    """Read a run; None where it is not finished.

    Args:
        run: a row under a seed.
        build: the graph's folder.
        store: where its training was tracked.
        pictures: of the training split.
    """
    folder = build / run.name
    path = folder / SCORES_FILE
    if not path.is_file():
        return None
    params = load_run_params(folder / PARAMS_FILE)
    stages = stages_up_to(run.last)
    phases = [getattr(params, stage) for stage in stages]
    return Result(
        run=run,
        params=params,
        scores=json.loads(path.read_text()),
        pictures=pictures * sum(phase.epochs for phase in phases),
        steps=sum(-(-pictures // phase.batch_size) * phase.epochs for phase in phases),
        generator_parameters=count_parameters(folder / OUTS[run.last] / "generator.safetensors"),
        training=_together([store.training(stage, params, pictures) for stage in stages]),
        machine=read_machine(folder),
    )


def count_parameters(weights: Path) -> int:
    """How many trained numbers a network's file of weights has."""
    with safe_open(weights, "numpy") as file:
        return sum(prod(file.get_slice(key).get_shape()) for key in file.keys() if not key.endswith(BUFFERS))  # noqa: SIM118


def _together(stages: list[Training | None]) -> Training | None:
    known = [stage for stage in stages if stage is not None]
    if len(known) < len(stages):
        return None
    return Training(sum(stage.seconds for stage in known), max(stage.finished for stage in known))


def _value(sections: Any, name: str) -> str:
    """Look up a parameter as the store names and keeps it."""
    for part in name.split("."):
        sections = sections.get(part, {}) if isinstance(sections, Mapping) else {}
    return str(sections)

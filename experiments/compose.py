"""What each run of the graph trains with: its `params.yaml`, from the setting and its row's overrides."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from dvc.utils.hydra import compose_and_dump
from hydra.errors import HydraException

from components import fingerprint
from components.atomic import atomic_file
from components.training.phases import STAGES, StageName
from experiments.rows import FOLDER, Row, Rows, Setting, seeds_of, stages_up_to
from experiments.run_params import RunParams
from pipelines.params import PARAMS_FILE, ParamsError, load_params

BUILD = FOLDER / "build"  # where dvc.yaml has it
DATASET = "dataset"  # in it, as the files are
RUNS_FILE = "runs.yaml"  # what dvc.yaml makes its stages for
CODE_FILE = "code.yaml"  # what a stage of dvc.yaml depends on beside its parameters and data
SCORES_FILE = "scores.json"  # in a run's folder, as the outs of its training stages are
OUTS: dict[StageName, str] = {"train_global": "global", "train_local": "local", "finetune": "finetuned"}
PACKAGES = ("data", "evaluation", "inference", "losses", "models", "styles", "training")
RECIPES = FOLDER.parent / "recipes"


@dataclass(frozen=True)
class Run:
    """A row under a seed.

    Attributes:
        row: its name.
        seed: of its training stages.
        last: the row's last training stage.
    """

    row: str
    seed: int
    last: StageName

    @property
    def name(self) -> str:
        """Of its folder and, after an @, of its stages."""
        return f"{self.row}-{self.seed}"

    @property
    def stages(self) -> list[str]:
        """Its own in dvc.yaml, each after those that it depends on."""
        return [f"{stage}@{self.name}" for stage in (*stages_up_to(self.last), "cluster", "synthesize", "evaluate")]


def write_runs(rows: Rows, setting: Setting, overrides: Iterable[str] = (), build: Path = BUILD) -> list[Run]:
    """Write the parameters of the dataset and of each run that can be trained, and the list of the runs.

    Args:
        rows: all of them.
        setting: what they share.
        overrides: of the setting's parameters, from the command line; paths are as seen from the working directory.
        build: the graph's folder.

    Returns:
        The runs, those with the first seeds first, so that an early end leaves no table without rows.

    Raises:
        ValueError: where parameters are not sound.
    """
    shared = [*setting.parameters, *overrides]
    dataset = compose(shared)
    _write_params(build / DATASET, dataset)
    runs = []
    for name in trainable(rows, has_vgg_weights(dataset)):
        row = rows.rows[name]
        try:
            composed = compose_row(row, setting, shared)
        except ValueError as error:
            raise ValueError(f"row {name}: {error}") from error
        for seed in seeds_of(name, rows, setting):
            run = Run(name, seed, row.last)
            _write_params(build / run.name, composed | _phases(composed, row, setting, seed))
            runs.append(run)
    runs.sort(key=lambda run: run.seed)
    _write(build / RUNS_FILE, _graph(dataset, runs))
    _write(build / CODE_FILE, {package: fingerprint.of_code([package]) for package in PACKAGES})
    return runs


def read_runs(build: Path = BUILD) -> list[Run]:
    """The runs that the graph has.

    Raises:
        ValueError: where there is no graph yet.
    """
    path = build / RUNS_FILE
    try:
        entries = yaml.safe_load(path.read_text())["train_global"].values()
    except OSError as error:
        raise ValueError(f"{path}: expected the runs that `python -m experiments.run` plans, {error}") from error
    return [Run(entry["row"], entry["seed"], entry["last"]) for entry in entries]


def trainable(rows: Rows, vgg_weights: bool) -> list[str]:
    """The rows whose loss there is."""
    return [name for name, row in rows.rows.items() if vgg_weights or not row.needs_vgg]


def has_vgg_weights(params: Mapping[str, Any]) -> bool:
    """Whether the parameters name VGG19's weights."""
    return params["losses"]["vgg_weights"] is not None


def compose_row(row: Row, setting: Setting, shared: list[str]) -> dict[str, Any]:
    """Compose what a row trains with, but the lengths and seeds of its training stages.

    Raises:
        ValueError: where parameters are not sound, or the budget is not shared out for as many enhancers.
    """
    shape = setting.generators[row.generator]
    params = compose([*shared, *shape, f"model.generator={row.generator}", *row.overrides])
    found, expected = params["model"]["n_local_enhancers"], 0 if row.last == STAGES[0] else 1
    if found != expected:  # each is a phase of train_local, and without any there is nothing to train after G1
        raise ValueError(
            f"model.n_local_enhancers: expected {expected} where {row.last} is the last stage, got {found}"
        )
    return params


def compose(overrides: list[str]) -> dict[str, Any]:
    """Compose parameters from `recipes/`, check them, and make their paths absolute: stages run in other folders.

    Raises:
        ParamsError: where they are not sound.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / PARAMS_FILE
        try:
            compose_and_dump(str(path), str(RECIPES), None, "config", "", overrides)
        except HydraException as error:
            raise ParamsError(str(error)) from error
        return _absolute(yaml.safe_load(path.read_text()), load_params(path).model_dump())


def _absolute(plain: Mapping[str, Any], parsed: Mapping[str, Any]) -> dict[str, Any]:
    """Make what was parsed as a path an absolute one."""

    def value(name: str) -> Any:
        if isinstance(plain[name], Mapping):
            return _absolute(plain[name], parsed[name])
        return os.path.abspath(plain[name]) if isinstance(parsed[name], Path) else plain[name]

    return {name: value(name) for name in plain}


def _phases(params: dict[str, Any], row: Row, setting: Setting, seed: int) -> dict[str, Any]:
    """The sections of a row's training stages, with their share of the budget and seeds of their own."""
    return {
        stage: params[stage] | {"epochs": count, "epochs_decay": count // 2, "seed": len(STAGES) * seed + number}
        for number, (stage, count) in enumerate(setting.epochs(row).items())
    }


def _graph(dataset: Mapping[str, Any], runs: Iterable[Run]) -> dict[str, Any]:
    """Variables of dvc.yaml: the folder of the dataset, and the runs that have each training stage."""
    entries: dict[str, dict[str, Any]] = {stage: {} for stage in STAGES}
    for run in runs:
        for stage in stages_up_to(run.last):
            entries[stage][run.name] = asdict(run) | {"networks": OUTS[run.last]}
    return {"root": dataset["prepare"]["root"], **entries}


def _write_params(folder: Path, params: Mapping[str, Any]) -> None:
    """Write a folder's parameters; scores that other ones gave must not be taken for theirs."""
    path = folder / PARAMS_FILE
    if path.is_file():
        before: dict[str, Any] = yaml.safe_load(path.read_text())
        if any(before.get(section) != params[section] for section in RunParams.model_fields):
            (folder / SCORES_FILE).unlink(missing_ok=True)
    _write(path, params)
    load_params(path)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_file(path) as file:
        file.write_text(yaml.safe_dump(dict(content), sort_keys=False))

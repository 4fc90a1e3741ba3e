"""What is read of finished runs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from components.training.phases import StageName
from experiments.compose import Run
from experiments.machine import read_machine, this_machine, write_machine
from experiments.results import TrackingStore, count_parameters, read_result
from experiments.run_params import RunParams, load_run_params
from pipelines.tracking import start_run
from tests.table_runs import MACHINE, REPOSITORY, scores

PARAMS = REPOSITORY / "params.yaml"


@pytest.fixture(scope="module")
def tracking_store(tmp_path_factory: pytest.TempPathFactory) -> TrackingStore:
    """An empty one, which takes seconds to make."""
    return TrackingStore(tmp_path_factory.mktemp("build"))


def track(build: Path, stage: str, params: RunParams, paces: list[tuple[int, float]], *, fails: bool = False) -> None:
    """Track a training, as its stage would, with the pictures a second of each of its epochs."""
    sections = params.model_dump(mode="json", include={"model", "losses", "runtime", stage})
    try:
        with start_run(stage, sections, "data") as run:
            for epoch, pace in paces:
                run.log_metrics({"images_per_second": pace}, step=epoch)
            if fails:
                raise ArithmeticError
    except ArithmeticError:
        pass


def test_a_training_takes_the_time_of_its_epochs_each_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tmp_path / "build"
    store = TrackingStore(build)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{build / 'mlflow.db'}")
    params = load_run_params(PARAMS)
    other = params.model_copy(update={"train_global": params.train_global.model_copy(update={"seed": 9})})
    track(build, "train_global", params, [(1, 10.0), (2, 5.0), (2, 20.0)])  # an epoch that was gone on with
    track(build, "train_global", other, [(1, 1.0)])
    track(build, "train_global", params, [(1, 1.0)], fails=True)
    track(build, "finetune", params, [(1, 2.0)])

    training = store.training("train_global", params, 100)
    assert training is not None
    assert training.seconds == pytest.approx(100 / 10 + 100 / 20)
    assert store.training("train_local", params, 100) is None
    assert read_times(store, build, params) == {"train_global": pytest.approx(15), "finetune": None}


def read_times(store: TrackingStore, build: Path, params: RunParams) -> dict[str, float | None]:
    """The training time of a run of one stage, and of one of three of which one is not tracked."""
    times: dict[str, float | None] = {}
    outs: dict[StageName, str] = {"train_global": "global", "finetune": "finetuned"}
    for last, out in outs.items():
        folder = build / f"{last}-0"
        (folder / out).mkdir(parents=True)
        save_file({"weight": np.zeros((2, 3))}, folder / out / "generator.safetensors")
        shutil.copy(PARAMS, folder)
        (folder / "scores.json").write_text(json.dumps(scores(0.4)))
        found = read_result(Run(last, 0, last), build, store, 100)
        assert found is not None
        times[last] = None if found.training is None else found.training.seconds
    return times


def test_pictures_and_steps_are_those_of_all_stages(tmp_path: Path, tracking_store: TrackingStore) -> None:
    folder = tmp_path / "row-1"
    (folder / "finetuned").mkdir(parents=True)
    save_file({"weight": np.zeros((2, 3))}, folder / "finetuned" / "generator.safetensors")
    shutil.copy(PARAMS, folder)
    run = Run("row", 1, "finetune")
    assert read_result(run, tmp_path, tracking_store, 5) is None  # without scores it is not finished
    (folder / "scores.json").write_text(json.dumps(scores(0.4)))
    write_machine(folder, MACHINE)

    found = read_result(run, tmp_path, tracking_store, 5)
    assert found is not None
    params = load_run_params(PARAMS)
    epochs = params.train_global.epochs + params.train_local.epochs + params.finetune.epochs
    assert {params.train_global.batch_size, params.train_local.batch_size, params.finetune.batch_size} == {2}
    assert (found.pictures, found.steps) == (5 * epochs, 3 * epochs)
    assert (found.scores["mean_iou"], found.generator_parameters, found.machine) == (0.4, 6, MACHINE)
    assert found.training is None


def test_parameters_are_trained_numbers_alone(tmp_path: Path) -> None:
    weights = {"conv.weight": np.zeros((4, 3, 3, 3)), "norm.bias": np.zeros(4), "norm.running_mean": np.zeros(4)}
    weights["norm.num_batches_tracked"] = np.array(7)
    save_file(weights, tmp_path / "generator.safetensors")
    assert count_parameters(tmp_path / "generator.safetensors") == 4 * 27 + 4


def test_a_machine_is_told_by_its_parts(tmp_path: Path) -> None:
    assert read_machine(tmp_path) is None
    write_machine(tmp_path, MACHINE)
    assert str(read_machine(tmp_path)) == "A processor, 4 cores; torch 2.15.0; 2 runs at the same time"
    with_gpu = MACHINE.model_copy(update={"gpu": "A GPU", "processes": 1, "cores": 1})
    assert str(with_gpu) == "A GPU; A processor, 1 core; torch 2.15.0; one run at a time"
    here = this_machine(1)
    assert here.cores >= 1
    assert here.processor


def test_parameters_that_later_code_added_are_not_missed_and_those_of_a_run_are(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    content = yaml.safe_load(PARAMS.read_text())
    path.write_text(yaml.safe_dump({name: content[name] for name in content if name != "export"}))
    assert load_run_params(path) == load_run_params(PARAMS)
    path.write_text(yaml.safe_dump({name: content[name] for name in content if name != "model"}))
    with pytest.raises(ValueError, match="params.yaml: expected the parameters of a run, found (?s:.*)model"):
        load_run_params(path)

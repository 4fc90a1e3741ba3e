"""The whole graph under DVC, in a copy of the repository with parameters that train in seconds."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.metrics import homogeneity_score

from tests.project_copy import change_params, copy_clone

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
STAGES = [
    "prepare",
    "preprocess",
    "train_segmenter",
    "train_global",
    "train_local",
    "finetune",
    "cluster",
    "synthesize",
    "evaluate",
    "export",
]
SMALL = {
    "prepare.street_scenes.train": 24,
    "prepare.street_scenes.val": 4,
    "preprocess.shard_size": 10,
    "runtime.threads": 1,
    "model.ndf": 16,
    "train_segmenter.epochs": 15,
    "train_global.epochs": 10,
    "train_global.epochs_decay": 5,
    "train_local.epochs": 1,
    "finetune.epochs": 2,
    "finetune.epochs_decay": 1,
    "evaluate.grid_rows": 2,
    "export.precisions": ["float16"],
    "evaluate.minimum_oracle_mean_iou": 0.0,  # the evaluator learns for seconds
}

pytestmark = pytest.mark.slow


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"} | {
        "PATH": f"{BIN}:{os.environ['PATH']}"
    }


def repro(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "dvc", "repro", *arguments], cwd=project, env=environment(), capture_output=True, text=True, check=False
    )


def output_of(command: list[str | Path], folder: Path, variables: dict[str, str] | None = None) -> str:
    result = subprocess.run(
        command, cwd=folder, env=environment() | (variables or {}), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def stages_run(result: subprocess.CompletedProcess[str]) -> list[str]:
    assert result.returncode == 0, result.stdout + result.stderr
    return [line.split("'")[1] for line in result.stdout.splitlines() if line.startswith("Running stage")]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which the whole graph has run once."""
    folder = copy_clone(tmp_path_factory.mktemp("project"))
    change_params(folder, SMALL)
    assert stages_run(repro(folder)) == STAGES
    return folder


def test_a_second_repro_runs_nothing(project: Path) -> None:
    assert stages_run(repro(project)) == []


def test_scores_and_pictures_are_there_and_plausible(project: Path) -> None:
    scores = json.loads((project / "results/scores.json").read_text())
    assert 0 < scores["mean_iou"] <= scores["pixel_accuracy"] <= 1
    assert scores["oracle_pixel_accuracy"] > 0.4
    assert len(list((project / "build/synthesized").glob("*.png"))) == 4
    bundle = json.loads((project / "build/bundle/bundle.json").read_text())
    assert bundle["graphs"]["float32"]["parity"]["largest_difference"] <= 1
    assert bundle["scores"]["mean_iou"] == scores["mean_iou"]


def test_metrics_and_plots_are_declared(project: Path) -> None:
    assert "mean_iou" in output_of([BIN / "dvc", "metrics", "show"], project)
    shown = json.loads(output_of([BIN / "dvc", "plots", "show", "--json"], project))
    assert "errors" not in shown
    assert len(shown["data"]) == 10
    for name in ("class_iou", "confusion", "spectrum", "results/plots/grid.png", "losses of the joint phase"):
        assert shown["data"][name], f"{name} is empty"


def test_the_summary_names_what_is_there(project: Path) -> None:
    summary = output_of([sys.executable, "-m", "pipelines.summary"], project)
    for path in ("results/plots/grid.png", "build/synthesized/", "results/scores.json", "build/bundle/"):
        assert path in summary
        assert (project / path).exists()
    assert str(project / "mlflow.db") in summary


CONSUMER = """
import sys
sys.modules["torch"] = None
import numpy as np, mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/semantic-synthesis@champion")
label = np.zeros((1, 64, 128), np.uint8)
label[:, 32:] = 3
image = model.predict(
    {"label": label, "instance": (label // 3).astype(np.int32), "styles": np.zeros((1, 2, 3), np.float32)}
)
assert image.shape == (1, 64, 128, 3) and image.dtype == np.uint8 and image.std() > 1
"""


def test_the_flow_registers_the_model_and_a_stranger_loads_it(project: Path, tmp_path: Path) -> None:
    prefect_home = {"PREFECT_HOME": str(tmp_path / "prefect")}
    output_of([sys.executable, "-m", "pipelines.flows.retrain"], project, prefect_home)
    assert "champion" in output_of([sys.executable, "-m", "pipelines.registry", "list"], project)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    output_of([sys.executable, "-c", CONSUMER, f"sqlite:///{project / 'mlflow.db'}"], elsewhere)


def test_clusters_of_big_objects_follow_their_true_styles(project: Path) -> None:
    truth = json.loads((project / "build/prepared/street_scenes/true_styles.json").read_text())["train"]
    found, true = defaultdict(list), defaultdict(list)
    with (project / "build/styles/instances.csv").open() as file:
        for row in csv.DictReader(file):
            if float(row["area"]) >= 0.01:
                found[row["class"]].append(row["style"])
                true[row["class"]].append(truth[row["picture"]][row["instance"]])
    for name in ("tree", "car"):
        assert len(set(true[name])) >= 3
        assert homogeneity_score(true[name], found[name]) > 0.6


@pytest.mark.parametrize(
    ("name", "value", "stage", "depending"),
    [
        ("export.tolerance", 2, "export", []),
        ("evaluate.grid_rows", 3, "evaluate", ["export"]),
        ("train_segmenter.learning_rate", 0.002, "train_segmenter", ["evaluate", "export"]),
    ],
)
def test_a_changed_parameter_reruns_only_what_depends_on_it(
    project: Path, name: str, value: float, stage: str, depending: list[str]
) -> None:
    params = (project / "params.yaml").read_text()
    change_params(project, {name: value})
    assert stages_run(repro(project, "--dry")) == [stage]
    assert stages_run(repro(project, "--dry", "--force", "--downstream", stage)) == [stage, *depending]
    (project / "params.yaml").write_text(params)


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the awaited state did not come"
        time.sleep(0.02)


def test_training_killed_in_mid_epoch_goes_on_and_ends_with_the_same_weights(project: Path) -> None:
    expected = {path.name: path.read_bytes() for path in (project / "build/global").glob("*.safetensors")}
    curves = (project / "build/global/curves.csv").read_text()
    assert len(expected) == 3
    change_params(project, {"progress.checkpoint_seconds": 0})
    process = subprocess.Popen(
        [BIN / "dvc", "repro", "--force", "--single-item", "train_global"],
        cwd=project,
        env=environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    state = project / "state/train_global"
    wait_for(lambda: bool(list(state.glob("checkpoint-*.pt"))), 120)
    time.sleep(1.5)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list(state.glob("checkpoint-*.pt")), "killed before the stage was through"
    assert not (project / "build/global").exists()
    again = repro(project, "--single-item", "train_global")
    assert stages_run(again) == ["train_global"]
    assert "goes on" in again.stderr
    for name, content in expected.items():
        assert (project / "build/global" / name).read_bytes() == content
    assert (project / "build/global/curves.csv").read_text() == curves
    assert not list(state.glob("checkpoint-*.pt"))
    assert stages_run(repro(project)) == []


def test_a_size_that_the_networks_cannot_halve_stops_the_stage_and_leaves_nothing(project: Path) -> None:
    change_params(project, {"preprocess.height": 60})
    result = repro(project)
    change_params(project, {"preprocess.height": 64})
    assert result.returncode != 0
    assert "preprocess.height: must be a multiple of 8" in result.stderr
    assert not (project / "build/shards").exists()
    assert not list((project / "build").glob(".*"))
    assert stages_run(repro(project)) == []

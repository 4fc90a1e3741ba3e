import subprocess
import sys
from pathlib import Path

from pipelines import registry
from pipelines.flows.busy import only_one
from pipelines.flows.config import RetrainConfig
from pipelines.flows.plan import plan
from pipelines.params import load_params
from tests.retraining_project import DVC_YAML, NAME, commit_all
from tests.tiny_bundle import write_tiny_bundle


def config(**values: object) -> RetrainConfig:
    return load_params().retrain.model_copy(update=values)


def test_it_says_what_would_be_done_and_changes_nothing(project: Path) -> None:
    (project / "mlflow.db").unlink()
    before = sorted(path for path in project.rglob("*") if ".dvc" not in path.parts)
    assert plan(NAME, False, config()) == [
        "stage preprocess: run it",
        "stage train_segmenter: run it",
        "stage export: run it",
        f"then register {project / 'build' / 'bundle'} as a version of {NAME}, unless one holds it already",
        "then make it the champion if it passes the limits of `retrain`: there is none",
    ]
    assert sorted(path for path in project.rglob("*") if ".dvc" not in path.parts) == before


def test_a_stage_after_a_changed_one_is_announced_as_possible(project: Path) -> None:
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], check=True)
    (project / "dvc.yaml").write_text(DVC_YAML.replace("echo weights", "echo other weights"))
    assert plan(NAME, False, config())[:3] == [
        "stage preprocess: up to date",
        "stage train_segmenter: run it",
        "stage export: run it if its inputs change",
    ]
    assert plan(NAME, True, config())[0] == "stage preprocess: run it"


def test_it_names_what_stands_in_the_way_and_who_would_be_told(project: Path) -> None:
    commit_all(project)
    (project / "export.py").write_text("raise SystemExit\n")
    subprocess.run([sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "storage", "elsewhere"], check=True)
    registry.register(write_tiny_bundle(project / "champion"), NAME)
    registry.promote(1, NAME, why="first")
    with only_one("skip", print):
        lines = plan(NAME, False, config(uncommitted="refuse", when_busy="skip", webhook="team", minimum_gain=0.01))
    assert lines[0].startswith("another run holds the project (process ")
    assert lines[1] == "refuse to run: not committed: .dvc/config, export.py"
    assert lines[-3:] == [
        "then make it the champion if it passes the limits of `retrain` and its mean IoU is more than 0.01 above "
        "that of version 1 on the present validation set",
        "then push to remote storage",
        "then tell webhook team",
    ]

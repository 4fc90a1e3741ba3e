import subprocess
from pathlib import Path

import pytest
from mlflow import MlflowClient
from PIL import Image

from components.preemption import Preempted
from pipelines.tracking import (
    EXPERIMENT,
    PARENT_RUN,
    StageRun,
    end_killed_run,
    git_tags,
    latest_run,
    start_parent_run,
    start_run,
    tracking_uri,
)


@pytest.fixture
def store(project_folder: Path) -> MlflowClient:
    return MlflowClient(tracking_uri())


def test_the_store_is_the_database_that_mlflow_takes_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri() == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    assert tracking_uri() == "http://tracking:5000"


def test_a_run_keeps_params_metrics_tags_and_artifacts(store: MlflowClient, tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "grid.png")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "loss.csv").write_text("step,loss\n")
    params = {"epochs": 3, "losses": {"perceptual": {"weight": 10.0}}}
    with start_run("train_global", params, "data-a") as run:
        run.log_metrics({"loss/adversarial": 2.0, "loss/feature": 1.0}, step=1)
        run.log_metrics({"loss/adversarial": 1.5}, step=2)
        run.log_score({"mean_iou": 0.25, "accuracy": None})
        run.log_picture(tmp_path / "grid.png", "samples/epoch_1.png")
        run.log_artifacts(tmp_path / "plots", "plots")
    stored = store.get_run(run.run_id)
    assert stored.info.status == "FINISHED"
    assert stored.info.run_name == "train_global"
    assert store.get_experiment(stored.info.experiment_id).name == EXPERIMENT
    assert stored.data.params == {"epochs": "3", "losses.perceptual.weight": "10.0"}
    history = store.get_metric_history(run.run_id, "loss/adversarial")
    assert [(entry.step, entry.value) for entry in history] == [(1, 2.0), (2, 1.5)]
    assert stored.data.metrics["mean_iou"] == 0.25
    assert "accuracy" not in stored.data.metrics
    assert stored.data.tags["stage"] == "train_global"
    assert stored.data.tags["data_fingerprint"] == "data-a"
    assert stored.data.tags["git_commit"] == "unknown"
    assert (tmp_path / "mlruns" / stored.info.experiment_id / run.run_id / "artifacts").is_dir()
    assert [entry.path for entry in store.list_artifacts(run.run_id, "samples")] == ["samples/epoch_1.png"]
    assert [entry.path for entry in store.list_artifacts(run.run_id, "plots")] == ["plots/loss.csv"]
    assert latest_run("train_global", "data-a") == run.run_id
    assert latest_run("train_global", "data-b") is None


def test_a_stage_of_a_retraining_is_a_child_of_its_run(store: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with start_parent_run("retrain", {"model": "street"}) as parent:
        monkeypatch.setenv(PARENT_RUN, parent.run_id)
        with start_run("prepare", {}, "data-a") as child:
            pass
        parent.set_tags({"outcome": "promoted"})
    stored = store.get_run(parent.run_id)
    assert stored.info.status == "FINISHED"
    assert (stored.data.tags["model"], stored.data.tags["outcome"]) == ("street", "promoted")
    assert "mlflow.parentRunId" not in stored.data.tags
    assert store.get_run(child.run_id).data.tags["mlflow.parentRunId"] == parent.run_id
    end_killed_run(child.run_id, {"outcome": "killed"})
    assert store.get_run(child.run_id).info.status == "KILLED"
    assert store.get_run(child.run_id).data.tags["outcome"] == "killed"


def test_more_params_than_one_write_holds_are_all_kept(store: MlflowClient) -> None:
    with start_run("prepare", {f"p{index}": index for index in range(250)}, "data-a") as run:
        pass
    assert len(store.get_run(run.run_id).data.params) == 250


def test_an_exception_ends_the_run_as_failed_and_an_interrupt_as_killed(store: MlflowClient) -> None:
    with pytest.raises(ValueError, match="diverged"), start_run("finetune", {}, "data-a") as failed:
        raise ValueError("diverged")
    with pytest.raises(KeyboardInterrupt), start_run("finetune", {}, "data-a") as killed:
        raise KeyboardInterrupt
    with pytest.raises(Preempted), start_run("finetune", {}, "data-a") as preempted:
        raise Preempted("saved after 3 steps")
    assert store.get_run(failed.run_id).info.status == "FAILED"
    assert store.get_run(killed.run_id).info.status == "KILLED"
    assert store.get_run(preempted.run_id).info.status == "KILLED"
    assert latest_run("finetune", "data-a") is None


def _log_and_interrupt(run: StageRun) -> None:
    run.log_metrics({"loss": 2.0}, step=1)
    raise KeyboardInterrupt


def test_an_interrupted_stage_continues_its_run(store: MlflowClient, tmp_path: Path) -> None:
    resume = tmp_path / "state" / "train_global" / "run_id"
    with pytest.raises(KeyboardInterrupt), start_run("train_global", {"epochs": 2}, "data-a", resume) as first:
        _log_and_interrupt(first)
    with start_run("train_global", {"epochs": 2}, "data-a", resume) as second:
        second.log_metrics({"loss": 1.0}, step=2)
    assert second.run_id == first.run_id
    assert store.get_run(first.run_id).info.status == "FINISHED"
    assert len(store.get_metric_history(first.run_id, "loss")) == 2


def test_a_run_that_the_store_does_not_know_is_replaced_by_a_new_one(store: MlflowClient, tmp_path: Path) -> None:
    resume = tmp_path / "run_id"
    resume.write_text("0" * 32)
    with start_run("train_global", {}, "data-a", resume) as run:
        pass
    assert resume.read_text() == run.run_id
    store.delete_run(run.run_id)
    with start_run("train_global", {}, "data-a", resume) as another:
        pass
    assert another.run_id != run.run_id


def test_tags_name_the_commit_and_whether_files_differ_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_tags() == {"git_commit": "unknown", "git_dirty": "unknown"}
    (tmp_path / "params.yaml").write_text("a: 1\n")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *arguments], check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert git_tags() == {"git_commit": commit, "git_dirty": "false"}
    (tmp_path / "params.yaml").write_text("a: 2\n")
    assert git_tags() == {"git_commit": commit, "git_dirty": "true"}

"""The whole of it: deployments of `prefect.yaml`, a worker, a scheduled run of the default graph, a consumer."""

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from PIL import Image

from pipelines import registry
from tests.project_copy import change_params
from tests.stack.conftest import Mlflow, Prefect
from tests.stack.consumers import consume
from tests.stack.prefect_client import PrefectClient
from tests.stack.project import BIN, TINY, commit, copy_repository
from tests.stack.servers import CREDENTIALS, worker
from tests.stack.service import Service, tail, wait_for

pytestmark = pytest.mark.slow

NAME = registry.MODEL_NAME
POOL = "retrain"
STAGES = ["prepare", "preprocess", "train_segmenter", "train_global", "train_local", "finetune", "cluster"]
STAGES += ["synthesize", "evaluate", "export"]
RECORDED = {"train_segmenter", "train_global", "train_local", "finetune", "cluster", "evaluate", "export", "judge"}
RUN_SECONDS = 3600  # the machine may be busy


@dataclass(frozen=True)
class Project:
    """A copy of the repository with its deployments, the worker that runs them, and its first, scheduled run."""

    folder: Path
    environment: dict[str, str]
    worker: Service
    prefect: PrefectClient
    scheduled: dict[str, Any]


@pytest.fixture(scope="module")
def project(
    running_mlflow: Mlflow, running_prefect: Prefect, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """The project after the first run, which a schedule has started; its data lie in S3 too."""
    folder = tmp_path_factory.mktemp("scheduled") / "project"
    folder.mkdir()
    prefect = running_prefect.client
    environment = {
        **CREDENTIALS,
        "MLFLOW_TRACKING_URI": running_mlflow.uri,
        "PREFECT_API_URL": running_prefect.api,
        "PREFECT_HOME": str(folder.parent / "prefect"),
        "OMP_NUM_THREADS": "1",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    copy_repository(folder)
    for arguments in (
        ["add", "--default", "storage", f"s3://{running_mlflow.store.bucket}/dvc"],
        ["modify", "storage", "endpointurl", running_mlflow.store.endpoint],
    ):
        subprocess.run([BIN / "dvc", "remote", *arguments], cwd=folder, check=True, capture_output=True)
    commit(folder)
    process = worker(folder, running_prefect.api, POOL, environment)
    process.start()
    deployed = subprocess.run(
        [BIN / "prefect", "deploy", "--all", "--no-prompt"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        prefect.schedule("interval", seconds_from_now=3)
        wait_for(lambda: bool(prefect.runs("interval")), 120)
        scheduled = prefect.wait(prefect.runs("interval")[0]["id"], RUN_SECONDS)
        yield Project(folder, environment, process, prefect, scheduled)
    finally:
        process.kill()


def assert_completed(project: Project, run: dict[str, Any], name: str) -> None:
    """The run ended in a state of this name."""
    assert run["state_name"] == name, project.prefect.log(run["id"]) + tail(project.worker.log)


def test_the_scheduled_run_trains_registers_promotes_and_a_consumer_loads_the_champion(
    project: Project, mlflow_stack: Mlflow, tmp_path: Path
) -> None:
    run = project.scheduled
    assert_completed(project, run, "Promoted")
    assert run["auto_scheduled"]
    tasks = project.prefect.tasks(run["id"])
    assert set(tasks.values()) == {"Completed"}
    assert [task for task in tasks if task in STAGES] == STAGES
    assert {"fetch", "register", "judge", "promote", "publish"} <= set(tasks)
    assert registry.aliases(NAME) == {"champion": 1}
    (change,) = registry.history(NAME)
    assert (change.action, change.version, change.state) == ("promote", 1, "FINISHED")

    (parent,) = stage_runs("retrain")
    assert parent.data.tags["outcome"] == "promoted"
    children = MlflowClient().search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    )
    assert {child.data.tags["stage"] for child in children} == RECORDED
    assert {child.info.status for child in children} == {"FINISHED"}

    found = consume(f"models:/{NAME}@champion", tmp_path / "elsewhere")
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("uint8 (1, 32, 64, 3) ")


def test_the_outcome_is_told_by_an_event_and_an_artifact_and_the_data_are_in_the_remote(
    project: Project, mlflow_stack: Mlflow
) -> None:
    wait_for(lambda: bool(events(project, "promoted")), 60)
    told = events(project, "promoted")[-1]
    assert (told["version"], told["champion"]) == (1, 1)
    assert told["scores"]["mean_iou"] == pytest.approx(
        json.loads((project.folder / "results/verdict/verdict.json").read_text())["scores"]["mean_iou"]
    )
    (page,) = project.prefect.artifacts(project.scheduled["id"], "retraining")
    assert "| mean IoU |" in page
    shown = b64decode(page.partition("data:image/jpeg;base64,")[2].removesuffix(")"))
    with Image.open(BytesIO(shown)) as image, Image.open(project.folder / "results/verdict/pictures.png") as made:
        assert (image.format, image.size) == ("JPEG", made.size)
    assert any(name.startswith("dvc/files/md5/") for name in mlflow_stack.store.names())


def test_the_form_of_a_deployment_names_describes_and_types_each_parameter(project: Project) -> None:
    for name in ("nightly", "interval", "on-data-change", "by-hand"):
        fields = project.prefect.deployment(name)["parameter_openapi_schema"]["properties"]
        assert {"name", "force", "dry_run"} <= set(fields)
        for field in fields.values():
            assert field["title"]
            assert field["description"]
            assert "type" in field or "anyOf" in field


def test_an_announced_change_of_data_starts_a_run_which_finds_nothing_to_do(
    project: Project, mlflow_stack: Mlflow
) -> None:
    announced = subprocess.run(
        [sys.executable, "-m", "pipelines.flows.announce", "streets"],
        cwd=project.folder,
        env=os.environ | project.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert announced.returncode == 0, announced.stderr
    wait_for(lambda: bool(project.prefect.runs("on-data-change")), 120)
    run = project.prefect.wait(project.prefect.runs("on-data-change")[0]["id"], RUN_SECONDS)
    assert_completed(project, run, "Unchanged")
    assert set(project.prefect.tasks(run["id"])).isdisjoint(STAGES)
    assert registry.aliases(NAME) == {"champion": 1}


def test_a_remote_that_refuses_writes_fails_the_run_and_the_next_one_pushes_what_is_left(
    project: Project, mlflow_stack: Mlflow
) -> None:
    change_params(project.folder, {"export.precisions": ["float16"]})
    pushed = remote_files(mlflow_stack)
    with mlflow_stack.store.troubled("403", folder="dvc/"):
        run = project.prefect.wait(project.prefect.start("by-hand", {"name": NAME, "retries": 0}), RUN_SECONDS)
    assert_completed(project, run, "Failed")
    wait_for(lambda: bool(events(project, "failed")), 60)
    told = events(project, "failed")[0]
    assert told["step"] == "publish"
    assert "dvc push" in told["reason"]
    assert remote_files(mlflow_stack) == pushed
    marks = registry.aliases(NAME)
    assert registry.champion_bundle(NAME) is not None

    run = project.prefect.wait(project.prefect.start("by-hand", {"name": NAME, "retries": 0}), RUN_SECONDS)
    assert_completed(project, run, "Unchanged")
    assert remote_files(mlflow_stack) > pushed
    assert registry.aliases(NAME) == marks


def test_a_worker_killed_in_mid_run_ends_that_run_and_the_next_one_needs_no_repair(
    project: Project, mlflow_stack: Mlflow
) -> None:
    marks = registry.aliases(NAME)
    change_params(project.folder, {"train_global.epochs": 500, "progress.checkpoint_seconds": 0})
    begun = project.prefect.start("by-hand", {"name": NAME, "retries": 0})
    state = project.folder / "state" / "train_global"
    wait_for(lambda: bool(list(state.glob("checkpoint-*.pt"))), RUN_SECONDS, project.worker.log)
    project.worker.kill()
    assert project.prefect.wait(begun, RUN_SECONDS)["state_type"] == "CRASHED"
    (ended,) = [run for run in stage_runs("retrain") if run.data.tags["flow_run"] == begun]
    assert ended.info.status == "KILLED"
    assert registry.aliases(NAME) == marks

    change_params(project.folder, {"train_global.epochs": TINY["train_global.epochs"]})
    project.worker.start()
    run = project.prefect.wait(project.prefect.start("by-hand", {"name": NAME, "retries": 0}), RUN_SECONDS)
    assert_completed(project, run, "Unchanged")


def events(project: Project, outcome: str) -> list[dict[str, Any]]:
    """Give what was told of runs for this project's model, newest first; other tests tell the same server of others."""
    found = project.prefect.events(f"retraining.{outcome}")
    return [payload for payload in found if payload.get("model") == NAME]


def remote_files(stack: Mlflow) -> set[str]:
    """Give the names of what is in the DVC remote."""
    return {name for name in stack.store.names() if name.startswith("dvc/files/md5/")}


def stage_runs(stage: str) -> list[Any]:
    """Give MLflow's runs of a stage, or of `retrain`, of this project's model."""
    experiment = MlflowClient().get_experiment_by_name("semantic-synthesis")
    assert experiment is not None
    runs = MlflowClient().search_runs([experiment.experiment_id], f"tags.stage = '{stage}'")
    return [run for run in runs if run.data.tags.get("model", NAME) == NAME]

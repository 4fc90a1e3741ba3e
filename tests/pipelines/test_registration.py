"""A bundle becomes a version whole or not at all, and once; and what is told when a version's files are gone."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from components import fingerprint
from pipelines import registry
from pipelines.outbox import TrackingError
from pipelines.tracking import EXPERIMENT, tracking_uri
from tests.tiny_bundle import write_tiny_bundle

ROOT = Path(__file__).parents[2]
NAME = "street"


@pytest.fixture
def project(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))  # MLflow puts a loaded model's code before ours, and leaves it
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project_folder}/mlflow.db")
    write_tiny_bundle(project_folder / "bundle")
    return project_folder


def _logged_models() -> list[str]:
    client = MlflowClient(tracking_uri())
    experiment = client.get_experiment_by_name(EXPERIMENT)
    return (
        []
        if experiment is None
        else [each.model_id for each in client.search_logged_models([experiment.experiment_id])]
    )


def _locate(version: int) -> Path:
    return Path(MlflowClient(tracking_uri()).get_model_version_download_uri(NAME, str(version)))


def test_a_version_is_the_challenger_with_the_state_of_the_project_as_tags(project: Path) -> None:
    (project / "dvc.lock").write_text("schema: '2.0'\n")
    assert registry.register(project / "bundle", NAME, parent_run="abc", tags={"night": "1"}) == 1
    assert registry.aliases(NAME) == {"challenger": 1}
    tags = registry.versions(NAME)[0].tags
    assert tags["dvc_lock_sha256"] == fingerprint.of_file(project / "dvc.lock")
    assert (tags["parent_run"], tags["night"], tags["git_commit"]) == ("abc", "1", "unknown")


def test_a_request_that_the_client_repeats_makes_one_version(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = MlflowClient.create_model_version

    def create_twice(*arguments: Any, **named: Any) -> Any:
        create(*arguments, **named)  # its answer was lost
        return create(*arguments, **named)

    monkeypatch.setattr(MlflowClient, "create_model_version", create_twice)
    assert registry.register(project / "bundle", NAME) == 1
    assert [int(entry.version) for entry in registry.versions(NAME)] == [1]
    assert registry.aliases(NAME) == {"challenger": 1}


def test_the_same_bundle_is_registered_once(project: Path) -> None:
    assert registry.register(project / "bundle", NAME) == 1
    assert registry.tag(1, NAME, "dvc_lock_sha256") == "absent"
    assert registry.register(write_tiny_bundle(project / "other", mean_iou=0.6), NAME) == 2
    assert registry.register(shutil.copytree(project / "bundle", project / "copy"), NAME) == 1
    assert len(registry.versions(NAME)) == 2
    assert registry.aliases(NAME) == {"challenger": 1}
    registry.promote(1, NAME, why="it is better")
    assert registry.register(project / "bundle", NAME) == 1
    assert registry.aliases(NAME) == {"champion": 1}, "the champion is no challenger"


REGISTER = """
import sys
from pathlib import Path
from pipelines import registry
print(registry.register(Path(sys.argv[1]), "street"))
"""


@pytest.mark.slow
def test_two_processes_that_register_the_same_bundle_get_the_same_version(project: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", REGISTER, str(project / "bundle")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate() for process in processes]
    assert [output.strip() for output, _ in outputs] == ["1", "1"], outputs
    assert len(registry.versions(NAME)) == 1
    assert len(_logged_models()) == 1


def _refuse(*arguments: object, **named: object) -> Any:
    raise OSError("the artifact store takes no files")


FAILURES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "upload": lambda patch: patch.setattr(MlflowClient, "log_model_artifacts", _refuse),
    "version": lambda patch: patch.setattr(MlflowClient, "create_model_version", _refuse),
}


@pytest.mark.parametrize("point", FAILURES)
def test_a_registration_that_fails_leaves_nothing_and_says_why(
    project: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    with monkeypatch.context() as patch:
        FAILURES[point](patch)
        with pytest.raises(TrackingError, match="the artifact store takes no files"):
            registry.register(project / "bundle", NAME)
    assert registry.versions(NAME) == []
    assert _logged_models() == []
    assert registry.register(project / "bundle", NAME) == 1


def test_what_a_killed_registration_uploaded_is_removed_by_the_next(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        FAILURES["version"](patch)
        patch.setattr("pipelines.registry.registration._remove_leftovers_if_possible", lambda name: None)
        with pytest.raises(TrackingError):
            registry.register(project / "bundle", NAME)
    (left,) = _logged_models()
    assert registry.register(write_tiny_bundle(project / "other", mean_iou=0.6), NAME) == 1
    (present,) = _logged_models()
    assert present != left


def test_a_registration_that_was_killed_behind_the_version_is_a_version(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_logged_model_tags", _refuse)
        with pytest.raises(TrackingError):
            registry.register(project / "bundle", NAME)
    assert len(registry.versions(NAME)) == 1
    assert registry.register(project / "bundle", NAME) == 1
    assert registry.aliases(NAME) == {"challenger": 1}
    assert mlflow.pyfunc.load_model(f"models:/{NAME}@challenger") is not None


def test_a_champion_whose_files_are_gone_is_named_with_them(project: Path) -> None:
    registry.register(project / "bundle", NAME)
    registry.promote(1, NAME, why="it is better")
    assert registry.missing_files(1, NAME) == []
    (_locate(1) / "artifacts" / "bundle" / "generator.onnx").unlink()
    expected = "street version 1: its files are gone from the artifact store: artifacts/bundle/generator.onnx"
    with pytest.raises(registry.FilesGone, match=expected):
        registry.champion_bundle(NAME)
    shutil.rmtree(_locate(1))
    assert registry.missing_files(1, NAME) == ["MLmodel", "artifacts/bundle/bundle.json"]
    with pytest.raises(registry.FilesGone, match="MLmodel, artifacts/bundle/bundle.json"):
        registry.champion_bundle(NAME)


def test_a_champion_whose_files_were_changed_is_named(project: Path) -> None:
    registry.register(project / "bundle", NAME)
    registry.promote(1, NAME, why="it is better")
    (_locate(1) / "artifacts" / "bundle" / "generator.onnx").write_bytes(b"other")
    with pytest.raises(registry.FilesGone, match="its files in the artifact store were changed: .*generator.onnx"):
        registry.champion_bundle(NAME)


def test_a_bundle_whose_version_lost_its_files_is_registered_anew(project: Path) -> None:
    registry.register(project / "bundle", NAME)
    shutil.rmtree(_locate(1))
    assert registry.register(project / "bundle", NAME) == 2
    assert registry.missing_files(2, NAME) == []
    assert registry.find(project / "bundle", NAME) == 2

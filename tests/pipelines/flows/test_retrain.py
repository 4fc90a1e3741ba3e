"""The retraining flow on a project of three small DVC stages, with Prefect's embedded server."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from pipelines.tracking import EXPERIMENT, tracking_uri
from tests.retraining_project import EXPORT, NAME, ROOT, attempts, commit_all, run, set_retrain
from tests.tiny_bundle import write_tiny_bundle

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]
Judged = list[tuple[int, int | None]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The events that were sent, with their payloads."""
    from pipelines.flows import tell

    events: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(tell, "emit_event", lambda event, resource, payload: events.append((event, payload)))
    return events


def parent_runs() -> list[dict[str, str]]:
    """The tags of MLflow's runs of the retraining with their status, oldest first."""
    client = MlflowClient(tracking_uri())
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    found = client.search_runs(
        [experiment.experiment_id], "tags.stage = 'retrain'", order_by=["attributes.start_time ASC"]
    )
    return [each.data.tags | {"status": each.info.status, "id": each.info.run_id} for each in found]


def test_only_better_versions_are_promoted_and_each_outcome_is_told(
    project: Path, judged: Judged, told: list[tuple[str, dict[str, Any]]]
) -> None:
    from pipelines import registry

    assert run().name == "Promoted"
    write_tiny_bundle(project / "bundle_source", mean_iou=0.4)
    state = run()
    assert state.name == "Rejected"
    assert state.message == "its mean IoU 0.4 is not above 0.5"
    assert registry.aliases(NAME) == {"champion": 1, "challenger": 2}

    before = attempts(project)
    state = run()
    assert state.name == "Unchanged"
    assert "version 2 was judged before: not promoted: its mean IoU 0.4" in state.message
    assert attempts(project) == before == 2

    write_tiny_bundle(project / "bundle_source", mean_iou=0.6)
    outcome = run().result()
    assert (outcome.kind, outcome.version, outcome.champion) == ("promoted", 3, 3)
    registry.rollback(NAME, why="it blurs signs")
    assert run().name == "Unchanged"
    assert registry.aliases(NAME)["champion"] == 1, "a rollback by hand stands"
    assert attempts(project) == 3
    assert run(force=True).name == "Promoted"
    assert attempts(project) == 4

    assert judged == [(1, None), (2, 1), (3, 1), (3, 1)]
    assert [event for event, _ in told] == [
        f"retraining.{kind}" for kind in ("promoted", "rejected", "unchanged", "promoted", "unchanged", "promoted")
    ]
    payload = told[3][1]
    assert (payload["version"], payload["champion"], payload["scores"]) == (3, 3, {"mean_iou": 0.6})
    runs = parent_runs()
    assert [each["outcome"] for each in runs] == [payload["outcome"] for _, payload in told]
    assert {each["status"] for each in runs} == {"FINISHED"}
    assert registry.tag(3, NAME, "parent_run") == runs[3]["id"] == payload["mlflow_run"]


def test_a_stage_with_bad_input_fails_the_flow_at_once_and_the_lines_of_its_log_are_told(
    project: Path, judged: Judged, told: list[tuple[str, dict[str, Any]]]
) -> None:
    from pipelines import registry

    (project / "bundle_source" / "broken").touch()
    state = run()
    assert state.is_failed()
    with pytest.raises(RuntimeError, match="export: dvc repro --single-item export: exit status 255"):
        state.result()
    assert attempts(project) == 1
    assert registry.versions(NAME) == []
    [(event, payload)] = told
    assert event == "retraining.failed"
    assert payload["step"] == "export"
    assert "the label map has no class 7" in payload["log"]
    assert [(each["status"], each["outcome"], each["step"]) for each in parent_runs()] == [
        ("FAILED", "failed", "export")
    ]


def test_a_server_that_is_away_is_tried_again_and_an_interruption_is_no_try(
    project: Path, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.flows import stage_task

    (project / "exits").write_text("69 75 75 75 137")
    assert run(retries=2).name == "Promoted"
    assert attempts(project) == 6
    (project / "bundle_source" / "other").touch()
    (project / "exits").write_text("69 69")
    assert run(retries=1).is_failed()
    assert attempts(project) == 8
    monkeypatch.setattr(stage_task, "INTERRUPTIONS", 1)
    (project / "exits").write_text("75 75 75")
    assert run().is_failed()
    assert attempts(project) == 10


def test_a_stage_that_takes_too_long_is_ended_and_tried_again(project: Path, judged: Judged) -> None:
    slow = "import pathlib, time\nif not pathlib.Path('attempts').exists():\n    time.sleep(600)\n"
    (project / "export.py").write_text(EXPORT.replace("exits =", slow.replace("attempts", "woken") + "exits ="))
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q", "train_segmenter"], check=True)
    state = run(retries=0, stage_minutes=0.1)
    assert state.is_failed()
    assert "timed out" in state.message or "exceeded timeout" in state.message
    (project / "woken").touch()
    assert run(stage_minutes=10).name == "Promoted"


RECORDED_EXPORT = """
from pipelines.tracking import start_run
with start_run("export", {}, "data-a"):
    pass
"""


def test_runs_of_the_stages_are_children_of_the_retraining_and_the_version_knows_both(
    project: Path, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import registry

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (project / "export.py").write_text(EXPORT + RECORDED_EXPORT)
    run()
    [parent] = parent_runs()
    [version] = registry.versions(NAME)
    assert version.run_id is not None
    child = MlflowClient(tracking_uri()).get_run(version.run_id)
    assert child.data.tags["mlflow.parentRunId"] == parent["id"]
    assert version.tags["parent_run"] == parent["id"]


def test_a_tree_with_changes_is_recorded_or_refused(project: Path, judged: Judged) -> None:
    commit_all(project)
    (project / "export.py").write_text(EXPORT + "\n")
    assert run().name == "Promoted"
    assert parent_runs()[0]["uncommitted"] == "export.py"
    set_retrain(project, uncommitted="refuse")
    state = run()
    assert state.is_failed()
    assert "found changes in export.py, params.yaml" in state.message
    commit_all(project)
    (project / "dvc.lock").write_text((project / "dvc.lock").read_text() + "\n")
    assert run().name == "Unchanged"


def test_a_second_run_is_skipped_where_the_parameters_say_so(project: Path, judged: Judged) -> None:
    from pipelines.flows.busy import only_one

    set_retrain(project, when_busy="skip")
    with only_one("skip", print):
        state = run()
    assert state.name == "Skipped"
    assert "a retraining is going on already" in state.message
    assert not (project / "build").exists()


def test_what_a_killed_run_left_open_is_closed_by_the_next(project: Path, judged: Judged) -> None:
    from pipelines.flows.busy import LOCK_FILE
    from pipelines.tracking import start_parent_run

    started = start_parent_run("retrain", {})
    left = started.__enter__()  # a process that is killed never leaves
    LOCK_FILE.write_text(f'{{"process": 1, "since": "2026-01-01T02:00:00", "run_id": "{left.run_id}"}}')
    assert run().name == "Promoted"
    killed, following = parent_runs()
    assert (killed["id"], killed["status"], killed["outcome"]) == (left.run_id, "KILLED", "killed")
    assert following["status"] == "FINISHED"


def test_where_another_champion_came_meanwhile_the_version_is_judged_anew(
    project: Path, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import registry
    from pipelines.flows import challenge
    from pipelines.flows.verdict import Verdict

    judge: Callable[..., Verdict] = vars(challenge)["judge"]
    registry.register(write_tiny_bundle(project / "other", mean_iou=0.7), NAME)

    def judge_slowly(version: int, name: str, **others: object) -> Verdict:
        verdict = judge(version, name, **others)
        registry.promote(1, NAME, why="by hand")
        return verdict

    monkeypatch.setattr(challenge, "judge", judge_slowly)
    state = run()
    assert state.name == "Rejected"
    assert judged == [(2, None), (2, 1)]
    assert registry.aliases(NAME)["champion"] == 1


def test_data_comes_from_a_remote_and_what_was_made_goes_there(
    project: Path, judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, source = tmp_path / "remote", tmp_path / "source.txt"
    source.write_text("one")
    for arguments in (["import-url", str(source), "streets.txt"], ["remote", "add", "-d", "storage", str(remote)]):
        subprocess.run([sys.executable, "-m", "dvc", *arguments, "-q"], check=True)
    dvc_yaml = project / "dvc.yaml"
    dvc_yaml.write_text(dvc_yaml.read_text().replace("deps: [export.py,", "deps: [export.py, streets.txt,"))
    assert run().name == "Promoted"
    assert any(remote.rglob("*"))

    for folder in ("build", ".dvc/cache"):
        shutil.rmtree(project / folder)
    assert run().name == "Unchanged", "all was pulled"
    assert attempts(project) == 1

    source.write_text("two")
    assert run().name == "Unchanged", "it made the bundle that was judged before"
    assert attempts(project) == 2
    assert (project / "streets.txt").read_text() == "two"

    shutil.rmtree(remote)
    remote.write_text("not a folder")
    state = run(retries=0)
    assert state.is_failed()
    assert state.message is not None
    assert "publish: dvc push" in state.message
    source.unlink()
    assert "fetch: dvc update" in run(retries=0).message


def test_a_dry_run_only_logs(project: Path, judged: Judged) -> None:
    state = run(dry_run=True)
    assert state.name == "Planned"
    assert "stage export: run it" in state.message
    assert not (project / "build").exists()
    assert not (project / "dvc.lock").exists()


def test_mlflow_that_does_not_answer_at_the_start_fails_the_run_before_any_stage(
    project: Path, judged: Judged, monkeypatch: pytest.MonkeyPatch, told: list[tuple[str, dict[str, Any]]]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    state = run(retries=1)
    assert state.is_failed()
    assert "begin: tracking server http://127.0.0.1:9 does not answer" in state.message
    assert attempts(project) == 0
    assert told[0][1]["step"] == "begin"

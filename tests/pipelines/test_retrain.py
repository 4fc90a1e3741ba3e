"""The retraining flow on a project of three small DVC stages, with Prefect's embedded server."""

import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]
NAME = "street"
DVC_YAML = """
stages:
  export:
    cmd: python export.py
    deps: [export.py, bundle_source, build/shards, build/segmenter]
    outs: [build/bundle]
  preprocess:
    cmd: mkdir -p build/shards/val && echo shards > build/shards/val/shard
    outs: [build/shards]
  train_segmenter:
    cmd: mkdir -p build/segmenter && echo weights > build/segmenter/weights
    deps: [build/shards]
    outs: [build/segmenter]
"""
EXPORT = """
import pathlib, shutil, sys
with pathlib.Path("attempts").open("a") as stream:
    stream.write("attempt\\n")
if pathlib.Path("bundle_source/broken").exists():
    sys.exit("the disk is full")
interruptions = pathlib.Path("interruptions")  # as long as it has a line, the stage is told to end
if interruptions.exists() and (lines := interruptions.read_text().splitlines()):
    interruptions.write_text("\\n".join(lines[1:]))
    sys.exit(75)
shutil.copytree("bundle_source", "build/bundle")
"""


@pytest.fixture(scope="module")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        from prefect.testing.utilities import prefect_test_harness

        import pipelines.flows  # noqa: F401  (its settings must be there before Prefect is)

        with prefect_test_harness(server_startup_timeout=120):
            yield


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from tests.tiny_bundle import write_tiny_bundle

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    (tmp_path / "export.py").write_text(EXPORT)
    write_tiny_bundle(tmp_path / "bundle_source", mean_iou=0.5)
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, check=True)
    return tmp_path


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, Path]]:
    """Stand in for the segmenter: a bundle scores a tenth more than it says; the calls' shards and segmenters."""
    from components.inference import Bundle

    calls: list[tuple[Path, Path]] = []

    def score_bundle(bundle: Path, shards: Path, segmenter: Path) -> dict[str, float]:
        calls.append((shards, segmenter))
        return {"mean_iou": (Bundle.load(bundle).scores["mean_iou"] or 0) + 0.1}

    module = types.ModuleType("pipelines.score_bundle")
    module.score_bundle = score_bundle  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pipelines.score_bundle", module)
    return calls


def test_stages_come_after_those_they_depend_on_with_their_outs(project: Path) -> None:
    from pipelines.flows.graph import StageError, first_out, read_stages

    stages = read_stages()
    assert list(stages) == ["preprocess", "train_segmenter", "export"]
    assert first_out(stages, "export") == project / "build" / "bundle"
    with pytest.raises(StageError, match="expected a stage evaluate with an out"):
        first_out(stages, "evaluate")


@pytest.mark.slow
def test_the_flow_promotes_the_first_version_and_then_only_better_ones(
    project: Path, prefect_server: None, scorer: list[tuple[Path, Path]]
) -> None:
    from pipelines import registry
    from pipelines.flows.retrain import retrain
    from tests.tiny_bundle import write_tiny_bundle

    assert retrain(NAME) == 1
    assert registry.aliases(NAME) == {"champion": 1}
    assert registry.tag(1, NAME, "promotion") == "promoted: there is no champion"

    write_tiny_bundle(project / "bundle_source", mean_iou=0.4)
    assert retrain(NAME) == 2
    assert registry.aliases(NAME) == {"champion": 1}
    assert registry.tag(2, NAME, "promotion") == (
        "not promoted: its mean IoU 0.4000 is not above 0.5000 of champion version 1, on the same validation set"
    )
    assert scorer == []

    attempts = (project / "attempts").read_text()
    plan = CliRunner().invoke(_app(), ["--dry-run", "--name", NAME]).output
    assert "stage export: up to date" in plan
    assert "if its mean IoU is above that of version 1" in plan
    assert retrain(NAME) == 2, "an unchanged bundle is not registered again"
    assert (project / "attempts").read_text() == attempts

    write_tiny_bundle(project / "bundle_source", mean_iou=0.6, validation="validation-b")
    assert retrain(NAME) == 3
    assert registry.aliases(NAME) == {"champion": 3, "previous": 1}
    assert registry.tag(3, NAME, "promotion") == (
        "promoted: its mean IoU 0.7000 is above 0.6000 of champion version 1, "
        "both scored anew on the present validation set"
    )
    assert scorer == [(project / "build" / "shards" / "val", project / "build" / "segmenter")] * 2

    registry.rollback(NAME)
    retrain(NAME)
    assert registry.aliases(NAME)["champion"] == 1, "a rollback by hand stands"


@pytest.mark.slow
def test_a_failing_stage_is_tried_again_and_then_fails_the_flow(
    project: Path, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import registry
    from pipelines.flows import retrain as module

    monkeypatch.setattr(module, "run_stage", module.run_stage.with_options(retry_delay_seconds=0.1))
    (project / "bundle_source" / "broken").touch()
    result = CliRunner().invoke(_app(), ["--name", NAME])
    assert result.exit_code == 1
    assert "dvc repro --single-item export: exit status" in result.output
    assert "the disk is full" in result.output
    assert (project / "attempts").read_text().count("attempt") == 3
    assert registry.versions(NAME) == []


@pytest.mark.slow
def test_an_interrupted_stage_is_run_again_and_that_is_not_one_of_the_three_tries(
    project: Path, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.flows import retrain as module
    from pipelines.flows.graph import StageInterrupted

    monkeypatch.setattr(module, "run_stage", module.run_stage.with_options(retries=0))
    (project / "interruptions").write_text("1\n2\n3\n4\n")
    assert module.retrain(NAME) == 1
    assert (project / "attempts").read_text().count("attempt") == 5

    monkeypatch.setattr(module, "INTERRUPTIONS", 1)
    (project / "bundle_source" / "other").touch()
    (project / "interruptions").write_text("1\n2\n3\n")
    with pytest.raises(StageInterrupted):
        module.retrain(NAME)
    assert (project / "attempts").read_text().count("attempt") == 7


def test_a_stage_that_exits_with_75_is_told_from_one_that_fails(project: Path) -> None:
    from pipelines.flows.graph import StageError, StageInterrupted, dvc

    (project / "interruptions").write_text("1")
    with pytest.raises(StageInterrupted, match="dvc repro export: exit status"):
        dvc(["repro", "export"], lambda line: None)
    (project / "bundle_source" / "broken").touch()
    with pytest.raises(StageError, match="the disk is full") as caught:
        dvc(["repro", "export"], lambda line: None)
    assert not isinstance(caught.value, StageInterrupted)


WAITING_STAGE = """
import pathlib, signal, sys, time
def save(number, frame):
    time.sleep(0.5)
    pathlib.Path("saved").touch()
    sys.exit(75)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(60)
"""


def test_a_cancelled_run_gives_the_stage_time_to_save_and_leaves_none_running(project: Path) -> None:
    from pipelines.flows.graph import dvc

    def cancel(line: str) -> None:
        if line == "ready":
            raise KeyboardInterrupt

    (project / "export.py").write_text(WAITING_STAGE)
    with pytest.raises(KeyboardInterrupt):
        dvc(["repro", "export"], cancel)
    assert (project / "saved").exists()
    (project / "export.py").write_text(EXPORT)
    dvc(["repro", "export"], lambda line: None)  # no lock is left behind


def test_a_champion_of_other_classes_is_kept_and_the_reason_given(project: Path) -> None:
    from pipelines import registry
    from pipelines.flows.promotion import decide
    from tests.tiny_bundle import write_tiny_bundle

    registry.register(write_tiny_bundle(project / "old"), NAME)
    registry.promote(1, NAME)
    other = write_tiny_bundle(project / "new", validation="validation-b", class_names=["road", "car", "tree"])
    registry.register(other, NAME)
    decision = decide(2, NAME, other, project / "val", project / "segmenter")
    assert not decision.promote
    assert "['road', 'car', 'sky'] in the champion, expected ['road', 'car', 'tree']" in decision.reason


def test_a_version_without_a_score_is_scored_before_it_is_compared(
    project: Path, scorer: list[tuple[Path, Path]]
) -> None:
    from pipelines import registry
    from pipelines.flows.promotion import decide
    from tests.tiny_bundle import write_tiny_bundle

    registry.register(write_tiny_bundle(project / "old", mean_iou=0.5), NAME)
    registry.promote(1, NAME)
    unmeasured = write_tiny_bundle(project / "new", mean_iou=None)
    registry.register(unmeasured, NAME)
    decision = decide(2, NAME, unmeasured, project / "val", project / "segmenter")
    assert not decision.promote
    assert decision.reason.startswith("its mean IoU 0.1000 is not above 0.6000")
    assert len(scorer) == 2


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(path for path in project.rglob("*") if ".dvc" not in path.parts)
    result = CliRunner().invoke(_app(), ["--dry-run", "--name", NAME])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "stage preprocess: run it",
        "stage train_segmenter: run it",
        "stage export: run it",
        f"then register {project / 'build' / 'bundle'} as a version of {NAME}, unless one holds it already",
        "then make it the champion: there is none",
    ]
    assert sorted(path for path in project.rglob("*") if ".dvc" not in path.parts) == before


def test_outside_a_project_the_missing_graph_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (["--dry-run"], ["--schedule", "0 2 * * *"]):
        result = CliRunner().invoke(_app(), arguments)
        assert result.exit_code == 1
        assert f"{tmp_path / 'dvc.yaml'}: no such file" in result.output.replace("\n", "")


def test_a_schedule_that_is_no_cron_line_is_refused(project: Path) -> None:
    result = CliRunner().invoke(_app(), ["--schedule", "every night"])
    assert result.exit_code == 2
    assert "every night" in result.output


def _app():  # type: ignore[no-untyped-def]
    import typer

    from pipelines.flows.retrain import main

    app = typer.Typer()
    app.command()(main)
    return app


def test_a_stage_after_a_changed_one_is_announced_as_possible(project: Path) -> None:
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], check=True)
    (project / "dvc.yaml").write_text(DVC_YAML.replace("echo weights", "echo other weights"))
    plan = CliRunner().invoke(_app(), ["--dry-run", "--name", NAME]).output.splitlines()
    assert plan[:3] == [
        "stage preprocess: up to date",
        "stage train_segmenter: run it",
        "stage export: run it if its inputs change",
    ]
    forced = CliRunner().invoke(_app(), ["--dry-run", "--force", "--name", NAME]).output.splitlines()
    assert forced[0] == "stage preprocess: run it"

from pathlib import Path
from typing import Any

import pytest
import typer
from prefect.schedules import Schedule
from typer.testing import CliRunner, Result

from pipelines.flows import command
from tests.retraining_project import NAME


def invoke(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command.main)
    return CliRunner().invoke(app, [*arguments, "--name", NAME])


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Schedule | None]:
    schedules: list[Schedule | None] = []

    def serve(flow: object, schedule: Schedule | None, parameters: dict[str, Any]) -> None:
        assert parameters == {"name": NAME, "force": False}
        schedules.append(schedule)

    monkeypatch.setattr(command, "serve_flow", serve)
    return schedules


def test_a_dry_run_prints_the_plan(project: Path) -> None:
    result = invoke("--dry-run")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[:2] == ["stage preprocess: run it", "stage train_segmenter: run it"]


def test_outside_a_project_the_missing_graph_is_named(project_folder: Path) -> None:
    result = invoke("--schedule", "0 2 * * *")
    assert result.exit_code == 1
    assert f"{project_folder / 'dvc.yaml'}: no such file" in result.output.replace("\n", "")


def test_schedule_interval_or_neither_stay_and_serve(project: Path, served: list[Schedule | None]) -> None:
    for arguments in (["--schedule", "0 2 * * *"], ["--serve", "--interval", "30"], ["--serve"]):
        assert invoke(*arguments).exit_code == 0
    cron, interval, none = served
    assert cron is not None
    assert cron.cron == "0 2 * * *"
    assert interval is not None
    assert interval.interval is not None
    assert interval.interval.total_seconds() == 1800
    assert none is None


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--schedule", "every night"], "every night"),
        (["--interval", "0"], "or equal to 1"),
        (["--schedule", "0 2 * * *", "--interval", "5"], "expected one of them"),
        (["--once", "--serve"], "expected one of them"),
    ],
)
def test_a_time_that_is_none_and_options_that_contradict_are_refused(
    project: Path, served: list[Schedule | None], arguments: list[str], found: str
) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert found in result.output
    assert served == []

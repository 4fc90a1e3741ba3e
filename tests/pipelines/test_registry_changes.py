"""Promotion and rollback: one atomic change each, recorded, and consistent wherever a process ends in between."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from pipelines import registry
from pipelines.registry.__main__ import app
from pipelines.tracking import tracking_uri

ROOT = Path(__file__).parents[2]
NAME = "street"


class Killed(BaseException):
    """Stands for a process that ends here: nothing but what is in the store is left of it."""


@pytest.fixture
def three_versions(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Versions 1, 2 and 3 without files; 1 was champion before 2, and 3 is the challenger."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project_folder}/mlflow.db")
    client = MlflowClient(tracking_uri())
    client.create_registered_model(NAME)
    for _ in range(3):
        client.create_model_version(NAME, source=str(project_folder))
    registry.promote(1, NAME, why="the first")
    registry.promote(2, NAME, why="the second")
    client.set_registered_model_alias(NAME, registry.CHALLENGER, "3")
    return project_folder


def _die_before(monkeypatch: pytest.MonkeyPatch, write: str, when: Callable[..., bool] = lambda *_, **__: True) -> None:
    """End the process before one of its writes to the store; the lock has tests of its own."""
    original = getattr(MlflowClient, write)

    def die(self: MlflowClient, *arguments: Any, **named: Any) -> Any:
        if when(*arguments, **named):
            raise Killed
        return original(self, *arguments, **named)

    monkeypatch.setattr(MlflowClient, write, die)


BEFORE: dict[str, tuple[str, Callable[..., bool]]] = {
    "the record": ("create_run", lambda *_, **__: True),
    "the scores of the record": ("log_batch", lambda *_, **__: True),
    "the champion": ("set_registered_model_alias", lambda name, alias, version: alias == "champion"),
}
AFTER: dict[str, tuple[str, Callable[..., bool]]] = {
    "the previous one": ("set_registered_model_alias", lambda name, alias, version: alias == "previous"),
    "the challenger": ("delete_registered_model_alias", lambda *_, **__: True),
    "the version's tag": ("set_model_version_tag", lambda *_, **__: True),
    "the end of the record": ("set_terminated", lambda *_, **__: True),
}


@pytest.mark.parametrize("point", BEFORE)
def test_a_process_that_ends_before_the_champion_is_set_has_changed_nothing(
    three_versions: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    before = registry.aliases(NAME)
    with monkeypatch.context() as patch:
        _die_before(patch, *BEFORE[point])
        with pytest.raises(Killed):
            registry.promote(3, NAME, why="it is better")
    assert registry.aliases(NAME) == before
    assert registry.rollback(NAME, why="to see that the way back is there") == 1
    assert [(change.action, change.version) for change in registry.history(NAME) if change.state == "FINISHED"] == [
        ("rollback", 1),
        ("promote", 2),
        ("promote", 1),
    ]
    assert "RUNNING" not in {change.state for change in registry.history(NAME)}


@pytest.mark.parametrize("point", AFTER)
def test_a_process_that_ends_after_it_leaves_the_new_champion_and_the_way_back(
    three_versions: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    with monkeypatch.context() as patch:
        _die_before(patch, *AFTER[point])
        with pytest.raises(Killed):
            registry.promote(3, NAME, why="it is better", expected_champion=2)
    assert registry.aliases(NAME)["champion"] == 3
    registry.promote(3, NAME, why="the task is tried again", expected_champion=2)
    assert registry.aliases(NAME) == {"champion": 3, "previous": 2}
    assert registry.tag(3, NAME, "replaces") == "2"
    newest, *_ = registry.history(NAME)
    assert (newest.state, newest.version, newest.replaced, newest.why) == ("FINISHED", 3, 2, "it is better")
    assert registry.rollback(NAME, why="by hand") == 2


def test_a_version_that_was_judged_against_another_champion_is_not_promoted(three_versions: Path) -> None:
    for expected in (1, None):
        with pytest.raises(registry.ChampionChanged, match=f"street: found champion version 2, expected {expected}"):
            registry.promote(3, NAME, why="it is better", expected_champion=expected)
    assert registry.aliases(NAME) == {"champion": 2, "previous": 1, "challenger": 3}
    registry.promote(3, NAME, why="it is better", expected_champion=2)
    assert registry.aliases(NAME) == {"champion": 3, "previous": 2}


def test_a_lock_that_was_lost_in_mid_change_stops_it(three_versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(lock: object) -> None:
        raise registry.LockLost("street.lock: not renewed")

    monkeypatch.setattr("pipelines.registry.lock.Lock.check", lost)
    with pytest.raises(registry.LockLost):
        registry.promote(3, NAME, why="it is better")
    assert registry.aliases(NAME)["champion"] == 2


def test_every_change_says_who_when_why_and_with_what_scores(three_versions: Path) -> None:
    registry.promote(3, NAME, why="it is better", by="nightly", scores={"mean_iou": 0.75}, parent_run="abc")
    registry.rollback(NAME, why="it blurs faces", by="ann")
    back, forth, *older = registry.history(NAME)
    assert (back.action, back.version, back.replaced, back.by, back.why) == ("rollback", 2, 3, "ann", "it blurs faces")
    assert (forth.action, forth.version, forth.replaced, forth.by) == ("promote", 3, 2, "nightly")
    assert (forth.scores, forth.parent_run) == ({"mean_iou": 0.75}, "abc")
    assert forth.when.endswith("+00:00")
    assert [(change.version, change.replaced) for change in older] == [(2, 1), (1, None)]
    assert registry.history("other") == []


def test_a_change_by_hand_is_recorded_with_the_versions_own_score(three_versions: Path) -> None:
    registry.set_tag(3, NAME, "mean_iou", "0.625")
    registry.promote(3, NAME, why="a person looked")
    assert registry.history(NAME)[0].scores == {"mean_iou": 0.625}
    registry.rollback(NAME, why="a person looked twice")
    assert registry.history(NAME)[0].scores == {}


def test_the_history_is_printed_newest_first(three_versions: Path) -> None:
    result = CliRunner().invoke(app, ["promote", "3", "--why", "a person looked", "--name", NAME])
    assert result.exit_code == 0, result.output
    lines = CliRunner().invoke(app, ["history", "--name", NAME], env={"COLUMNS": "200"}).output.splitlines()
    assert lines[0].split() == ["when", "who", "action", "version", "replaced", "mean", "IoU", "state", "why"]
    assert lines[1].split()[2:5] == ["promote", "3", "2"]
    assert lines[1].split()[-4:] == ["made", "a", "person", "looked"]
    assert len(lines) == 4
    other = CliRunner().invoke(app, ["history", "--name", "nothing"])
    assert other.output == "the champion of nothing was never changed\n"


def test_without_a_champion_a_rollback_brings_the_one_before_and_leaves_no_way_back(three_versions: Path) -> None:
    MlflowClient(tracking_uri()).delete_registered_model_alias(NAME, registry.CHAMPION)
    assert registry.rollback(NAME, why="the champion was deleted") == 1
    assert registry.aliases(NAME) == {"champion": 1, "challenger": 3}
    with pytest.raises(registry.RegistryError, match="found no alias 'previous'"):
        registry.rollback(NAME, why="once more")


PROMOTE = """
import sys
from pipelines import registry
try:
    registry.promote(int(sys.argv[1]), "street", why="it is better", expected_champion=2)
    print("won")
except registry.ChampionChanged as error:
    print(error)
"""


@pytest.mark.slow
def test_of_two_processes_that_promote_at_once_one_wins(three_versions: Path) -> None:
    MlflowClient(tracking_uri()).create_model_version(NAME, source=str(three_versions))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROMOTE, version],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for version in ("3", "4")
    ]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    results = {version: output.strip() for version, (output, _) in zip((3, 4), outputs, strict=True)}
    (winner,) = (version for version, result in results.items() if result == "won")
    loser = 7 - winner
    assert results[loser] == (
        f"street: found champion version {winner}, expected 2, which version {loser} was judged against; judge it anew"
    )
    assert registry.aliases(NAME) == {"champion": winner, "previous": 2} | ({"challenger": 3} if winner == 4 else {})
    assert [change.version for change in registry.history(NAME)] == [winner, 2, 1]
    names = [model.name for model in MlflowClient(tracking_uri()).search_registered_models()]
    assert names == [NAME], "no lock is left behind"

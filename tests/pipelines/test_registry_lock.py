"""The lock of a registered model, between threads of one process and between real processes."""

import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from threading import Thread
from time import sleep

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from pipelines import registry
from pipelines.outbox import TrackingError
from pipelines.registry import lock as module
from pipelines.registry.lock import Lock, _Seen, changing
from pipelines.tracking import tracking_uri

ROOT = Path(__file__).parents[2]
NAME = "street"


@pytest.fixture(autouse=True)
def store(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project_folder}/mlflow.db")
    monkeypatch.setattr(module, "POLL_SECONDS", 0.05)
    return project_folder


def _names() -> list[str]:
    return sorted(model.name for model in MlflowClient(tracking_uri()).search_registered_models())


def _abandon(lease_seconds: float) -> Lock:
    """A lock as a killed process leaves it."""
    lock = Lock(NAME, lease_seconds)
    assert lock._create()
    return lock


def test_a_held_lock_says_who_holds_it_and_is_gone_afterwards() -> None:
    with changing(NAME):
        assert _names() == ["street.lock"]
        assert MlflowClient(tracking_uri()).get_registered_model("street.lock").tags["holder"].count("process") == 1
    assert _names() == []


def test_who_waits_in_vain_is_told_who_holds_it() -> None:
    with (
        changing(NAME),
        pytest.raises(registry.RegistryBusy, match=r"street\.lock: held by .*, process \d+, expected it to be free"),
        changing(NAME, wait_seconds=0.2),
    ):
        pass


def test_another_model_is_not_locked() -> None:
    with changing(NAME), changing("other", wait_seconds=0):
        assert _names() == ["other.lock", "street.lock"]


def test_a_lock_is_released_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), changing(NAME):
        raise ZeroDivisionError
    assert _names() == []


def test_a_lock_that_nobody_renews_is_taken_over_after_its_lease_and_nothing_of_it_stays() -> None:
    _abandon(lease_seconds=0.3)
    with changing(NAME, wait_seconds=30) as lock:
        assert MlflowClient(tracking_uri()).get_registered_model("street.lock").tags["token"] == lock.token
    assert _names() == []


def test_a_holder_renews_its_lock() -> None:
    with changing(NAME, lease_seconds=0.3):
        first = module._look("street.lock")
        assert first is not None
        while (seen := module._look("street.lock")) == first:
            sleep(0.05)
        assert seen is not None
        assert (seen.token, seen.holder) == (first.token, first.holder)


def test_a_lock_that_is_renewed_is_not_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    _abandon(lease_seconds=60)
    renewals = count()
    monkeypatch.setattr(module, "_look", lambda name: _Seen("other", "ann", str(next(renewals)), lease_seconds=0))
    with pytest.raises(registry.RegistryBusy, match="held by ann"), changing(NAME, wait_seconds=1):
        pass
    assert next(renewals) > 1


def test_a_newer_lock_is_never_taken_away_for_an_old_one() -> None:
    dead = _abandon(lease_seconds=60)
    module._take_away(dead.name, dead.token)
    alive = _abandon(lease_seconds=60)
    module._take_away(dead.name, dead.token)  # by a process that saw the dead lock, and was slow
    assert MlflowClient(tracking_uri()).get_registered_model("street.lock").tags["token"] == alive.token


def test_a_lock_whose_creation_was_answered_too_late_is_known_as_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    original = MlflowClient.create_registered_model

    def create(self: MlflowClient, *arguments: object, **named: object) -> object:
        original(self, *arguments, **named)  # type: ignore[arg-type]
        raise MlflowException("sent again after a timeout, it is there", 3001)  # RESOURCE_ALREADY_EXISTS

    monkeypatch.setattr(MlflowClient, "create_registered_model", create)
    with changing(NAME, wait_seconds=0):
        pass
    assert _names() == []


def test_a_lock_that_is_released_while_it_is_read_is_free() -> None:
    MlflowClient(tracking_uri()).create_registered_model("street.lock")  # its tags are read after it, and are gone
    assert module._look("street.lock") is None


def test_a_holder_that_could_not_renew_knows_that_it_may_have_lost_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise TrackingError("no answer")

    with changing(NAME) as lock:
        lock.check()
    monkeypatch.setattr(MlflowClient, "set_registered_model_tag", fail)
    with changing(NAME, lease_seconds=0.3) as lock:
        sleep(0.5)
        with pytest.raises(registry.LockLost, match=r"street\.lock: not renewed for over 0\.3 s"):
            lock.check()


def test_threads_that_count_under_the_lock_count_right() -> None:
    counts = [0]

    def add() -> None:
        for _ in range(3):
            with changing(NAME):
                before = counts[0]
                sleep(0.02)
                counts[0] = before + 1

    threads = [Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [6]


HOLD = """
import sys, time
from pipelines.registry import changing
with changing("street", lease_seconds=8.0):
    print("held", flush=True)
    time.sleep(float(sys.argv[1]))
"""


def _hold(seconds: float) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(seconds)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.slow
def test_a_process_waits_for_another_and_takes_over_from_one_that_was_killed() -> None:
    with _hold(600) as process:
        with pytest.raises(registry.RegistryBusy, match=f"process {process.pid}"), changing(NAME, wait_seconds=3):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with changing(NAME, wait_seconds=60):
            assert _names()[0] == "street.lock"
    assert _names() == []

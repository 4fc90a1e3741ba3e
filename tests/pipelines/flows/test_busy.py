import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from pipelines.flows import busy
from pipelines.flows.busy import BusyError, only_one, read_holder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(busy, "POLL_SECONDS", 0.01)


def test_a_second_run_is_told_who_holds_the_project_or_waits_for_its_end() -> None:
    said: list[str] = []
    waiting, done = Event(), Event()

    def report(line: str) -> None:
        said.append(line)
        waiting.set()

    def wait() -> None:
        with only_one("wait", report) as lock:
            assert lock.killed is None
        done.set()

    with only_one("skip", said.append):
        with (
            pytest.raises(BusyError, match=f"going on already \\(process {os.getpid()}, since "),
            only_one("skip", print),
        ):
            pass
        second = Thread(target=wait)
        second.start()
        assert waiting.wait(60)
        assert not done.is_set()
    second.join(60)
    assert done.is_set()
    assert len(said) == 1
    assert said[0].endswith("waiting for its end")
    assert read_holder() is None


def test_a_run_that_fails_is_no_killed_one() -> None:
    with pytest.raises(ValueError, match="bad"), only_one("skip", print):
        raise ValueError("bad")
    with only_one("skip", print) as lock:
        assert lock.killed is None


KILLED = """
import os, signal, sys
from pipelines.flows.busy import only_one
with only_one("skip", print) as lock:
    lock.name_run("run-7")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_lock_of_a_killed_run_is_free_and_its_run_known(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    process = subprocess.run([sys.executable, "-c", KILLED], env={**os.environ, "PYTHONPATH": str(root)}, check=False)
    assert process.returncode == -9
    with only_one("skip", print) as lock:
        assert lock.killed is not None
        assert lock.killed.run_id == "run-7"
    assert read_holder() is None

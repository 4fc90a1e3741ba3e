import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENTRY_POINT = """
import errno, sys, time
from pathlib import Path
from components.atomic import atomic_folder
from components.preemption import Preempted, preemption
from pipelines.entry import run_entry_point

def main(out: Path, kind: str) -> None:
    with atomic_folder(out) as folder:
        (folder / "half").touch()
        if kind == "bad":
            raise ValueError("params.yaml: broken")
        if kind == "missing":
            open("no such file")
        if kind == "no server":
            raise ConnectionError("the tracking server does not answer")
        if kind == "no answer":
            raise TimeoutError("the tracking server does not answer")
        if kind == "full disk":
            raise OSError(errno.ENOSPC, "No space left on device")
        if kind == "works":
            return
        if kind == "trains":
            with preemption() as notice:
                print("ready", flush=True)
                while not notice.requested:
                    time.sleep(0.01)
            raise Preempted("saved after 3 steps")
        print("ready", flush=True)
        time.sleep(60)

run_entry_point(main)
"""


def _start(out: Path, kind: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", ENTRY_POINT, str(out), kind]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("kind", "status"), [("works", 0), ("bad", 1)])
def test_it_exits_with_1_and_the_message_where_input_is_bad(tmp_path: Path, kind: str, status: int) -> None:
    with _start(tmp_path / "out", kind) as process:
        _, errors = process.communicate(timeout=300)
    assert process.returncode == status
    assert errors.endswith(" params.yaml: broken\n" if status else "")
    assert "Traceback" not in errors


@pytest.mark.parametrize(("kind", "status"), [("no server", 69), ("no answer", 69), ("full disk", 69), ("missing", 1)])
def test_it_exits_with_69_where_a_server_or_room_on_the_disk_is_missing(tmp_path: Path, kind: str, status: int) -> None:
    with _start(tmp_path / "out", kind) as process:
        _, errors = process.communicate(timeout=300)
    assert process.returncode == status
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "message"), [("trains", "saved after 3 steps"), ("waits", "stopped by SIGTERM")])
def test_it_exits_with_75_after_sigterm_and_leaves_nothing_half_done(tmp_path: Path, kind: str, message: str) -> None:
    with _start(tmp_path / "out", kind) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 75
    assert message in errors
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.flows.dvc_process import DvcError, DvcProcess, StageInterrupted, StageUnavailable
from tests.retraining_project import EXPORT, ROOT, WAITING_EXPORT, attempts

REPRO = ["repro", "export"]


@pytest.fixture
def dvc() -> Iterator[DvcProcess]:
    process = DvcProcess()
    yield process
    process.close()


def test_the_exit_status_of_a_stage_tells_what_may_pass_from_what_is_bad(project: Path, dvc: DvcProcess) -> None:
    for status, kind in [(75, StageInterrupted), (69, StageUnavailable), (137, StageUnavailable), (1, DvcError)]:
        (project / "exits").write_text(str(status))
        with pytest.raises(DvcError, match="dvc repro export: exit status 255, expected 0") as caught:
            dvc.run(REPRO, lambda line: None)
        assert type(caught.value) is kind, f"exit status {status}"
    (project / "bundle_source" / "broken").touch()
    with pytest.raises(DvcError, match="the label map has no class 7"):
        dvc.run(REPRO, lambda line: None)


def test_commands_share_a_process_and_each_has_its_own_output(project: Path, dvc: DvcProcess) -> None:
    (project / "export.py").write_text("import os, sys\nsys.stdout.write(f'below {os.getppid()}')\n" + EXPORT)
    lines: list[str] = []
    dvc.run(["repro", "preprocess"], lines.append)
    assert "Running stage 'preprocess':" in lines
    lines.clear()
    dvc.run(REPRO, lines.append)
    assert not [line for line in lines if "Running stage 'preprocess'" in line]
    assert [line for line in lines if line.startswith("below ")], "output without an end of line is not lost"
    lines.clear()
    dvc.run(REPRO, lines.append)
    assert [line for line in lines if "export" in line and "didn't change" in line]
    assert attempts(project) == 1


def test_a_stage_that_reads_its_input_finds_its_end(project: Path, dvc: DvcProcess) -> None:
    (project / "export.py").write_text("import sys\nassert sys.stdin.read() == ''\n" + EXPORT)
    dvc.run(REPRO, lambda line: None)
    dvc.run(["status"], lambda line: None)


def test_a_cancelled_run_gives_the_stage_time_to_save_and_leaves_none_running(project: Path, dvc: DvcProcess) -> None:
    def cancel(line: str) -> None:
        if line == "ready":
            raise KeyboardInterrupt

    (project / "export.py").write_text(WAITING_EXPORT)
    with pytest.raises(KeyboardInterrupt):
        dvc.run(REPRO, cancel)
    assert (project / "saved").exists()
    (project / "export.py").write_text(EXPORT)
    dvc.run(REPRO, lambda line: None)  # no lock is left behind


def test_where_dvc_itself_is_killed_the_next_command_has_another_process(project: Path, dvc: DvcProcess) -> None:
    killing = "import os, pathlib, signal\nif not pathlib.Path('attempts').exists():\n    "
    (project / "export.py").write_text(
        killing + "pathlib.Path('attempts').touch()\n    os.killpg(0, signal.SIGKILL)\n" + EXPORT
    )
    with pytest.raises(StageUnavailable, match="dvc repro export: DVC was killed"):
        dvc.run(REPRO, lambda line: None)
    dvc.run(REPRO, lambda line: None)
    assert (project / "build" / "bundle").is_dir()


RUN = "import sys; from pipelines.flows.dvc_process import DvcProcess; DvcProcess().run(sys.argv[1:], print)"


def test_where_the_flow_is_killed_the_stage_saves_its_state(project: Path) -> None:
    (project / "export.py").write_text(WAITING_EXPORT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", RUN, *REPRO]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert any(line == "ready\n" for line in process.stdout)
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while not (project / "saved").exists():
        assert time.monotonic() < deadline, "the stage was not told to end"
        time.sleep(0.1)

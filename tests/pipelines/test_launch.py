import os
from pathlib import Path

import pytest

from components.preemption import EXIT_PREEMPTED
from pipelines.entry import EXIT_UNAVAILABLE
from pipelines.launch import main

KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("pass", 0),
        ("raise SystemExit(1)", 1),
        (f"raise SystemExit({EXIT_UNAVAILABLE})", EXIT_UNAVAILABLE),
        (f"raise SystemExit({EXIT_PREEMPTED})", EXIT_PREEMPTED),
        (KILLED, EXIT_UNAVAILABLE),
    ],
    ids=["done", "bad input", "no server", "wanted back", "killed"],
)
def test_the_launcher_ends_with_the_status_that_says_whether_to_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, status: int
) -> None:
    program = tmp_path / "program.py"
    program.write_text(script)
    for name in [name for name in os.environ if name.startswith(("TORCHELASTIC_", "MASTER_"))]:
        monkeypatch.delenv(name)
    arguments = ["--standalone", "--nproc-per-node", "1", "--log-dir", str(tmp_path / "logs"), str(program)]
    assert main(arguments) == status


def test_bad_input_of_one_process_counts_more_than_a_lost_server_of_another(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "time.sleep(0.2 * int(os.environ['RANK']))\n"
        f"raise SystemExit([1, {EXIT_UNAVAILABLE}][int(os.environ['RANK'])])\n"
    )
    arguments = ["--standalone", "--nproc-per-node", "2", "--log-dir", str(tmp_path / "logs"), str(program)]
    assert main(arguments) == 1

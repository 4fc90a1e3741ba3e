"""What `make setup` says on a machine that lacks something; each machine is a folder of programs as the whole PATH."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.container_files import DEPLOY

TOOLS = ("sh", "df", "awk")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with all that is needed, and a disk that has room."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    write_program(folder / "git", "exit 0")
    (folder / "python3.11").symlink_to(sys.executable)
    return folder


def write_program(path: Path, script: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def check(machine: Path, folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        ["/bin/sh", DEPLOY / "check_machine.sh", "python3.11"],
        cwd=folder,
        env={"PATH": str(machine)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stdout
    return done.returncode, done.stderr


def test_a_machine_with_all_of_it_is_told_nothing(machine: Path, tmp_path: Path) -> None:
    write_program(machine / "df", "printf 'head\\ndisk 9 1 8000000 1%% /\\n'")
    assert check(machine, tmp_path) == (0, "")


def test_what_is_missing_is_named_with_the_way_to_get_it(machine: Path, tmp_path: Path) -> None:
    write_program(machine / "df", "printf 'head\\ndisk 9 1 2400000 1%% /\\n'")
    status, message = check(machine, tmp_path)
    assert (status, message) == (
        1,
        f"error: found 2 GB free in {tmp_path}, expected 8 for .venv and what the demo makes\n",
    )
    write_program(machine / "python3.11", '[ "$1" = -c ] && case $2 in *venv*) exit 1;; *) echo 3.11;; esac')
    assert (
        "python3.11 has no venv, expected that module (Debian: apt-get install python3.11-venv)"
        in (check(machine, tmp_path)[1])
    )
    write_program(machine / "python3.11", "echo 3.9")
    assert "found Python 3.9 as python3.11, expected 3.11" in check(machine, tmp_path)[1]
    (machine / "python3.11").unlink()
    assert (
        "found no python3.11, expected Python 3.11 (Debian: apt-get install python3.11" in check(machine, tmp_path)[1]
    )
    (machine / "git").unlink()
    assert "found no git, expected it on the PATH (Debian: apt-get install git)" in check(machine, tmp_path)[1]


def test_a_full_disk_does_not_stop_who_has_installed_before(machine: Path, tmp_path: Path) -> None:
    write_program(machine / "df", "printf 'head\\ndisk 9 1 0 100%% /\\n'")
    (tmp_path / ".venv").mkdir()
    assert check(machine, tmp_path) == (0, "")

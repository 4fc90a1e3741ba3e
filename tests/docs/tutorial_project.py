"""A copy of the project in which the tutorial's commands run as they stand there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.docs.pages import BLOCK, Block, lines_of
from tests.project_copy import copy_clone

SAVED = re.compile(r"Save this as\s+`([^`]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_OUT = {"docs/images", "docs/results", "tests", "mlruns"}


def make_project(folder: Path) -> Path:
    """Copy what a clone has, and link the environment."""
    copy_clone(folder, LEFT_OUT)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    return folder


def save_files(page: Path, project: Path, *, shorter: bool) -> list[str]:
    """Save the files that a page has its reader save; `shorter` trains for an epoch a stage.

    Returns:
        their names.
    """
    saved = SAVED.findall(page.read_text(encoding="utf-8"))
    for name, text in saved:
        content = re.sub(r"epochs(_decay)?: \d+", lambda match: f"epochs{match[1] or ''}: {0 if match[1] else 1}", text)
        (project / name).write_text(content if shorter and name.endswith(".yaml") else text, encoding="utf-8")
    return [name for name, _ in saved]


def commands_to_run(page: Path) -> Iterator[str]:
    """The commands of a page's blocks of shell; those without a language are for reading."""
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if match[1] == "sh":
            yield from lines_of(Block(page.name, match[1], match[2]))


def environment() -> dict[str, str]:
    """Without servers and threads of this machine."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "PREFECT_"))} | {
        "OMP_NUM_THREADS": "1"
    }


def run(command: str, project: Path) -> str:
    """Run a command as a reader types it, and give what it printed."""
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=project, env=environment(), capture_output=True, text=True
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout + result.stderr

"""Changes of the git tree that are not committed, which make a model hard to reproduce."""

import subprocess
from typing import Literal

WRITTEN_BY_DVC = (":(exclude,top)dvc.lock", ":(exclude,top,glob)**/*.dvc")  # by the retraining itself


class UncommittedError(ValueError):
    """The git tree has changes that are not committed, and the parameters refuse that."""


def uncommitted_files() -> list[str] | None:
    """Give the tracked files that differ from the last commit, without those that DVC writes; None outside git."""
    command = ["git", "diff", "--name-only", "HEAD", "--", ":(top)", *WRITTEN_BY_DVC]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return result.stdout.splitlines() if result.returncode == 0 else None


def check_uncommitted(rule: Literal["record", "refuse"]) -> list[str]:
    """Give the changed files, to be recorded.

    Raises:
        UncommittedError: there are some, or no commit to compare with, and the rule is `refuse`.
    """
    files = uncommitted_files()
    if rule == "refuse" and files is None:
        raise UncommittedError("retrain.uncommitted is refuse: found no git commit, expected one that holds the code")
    if rule == "refuse" and files:
        raise UncommittedError(
            f"retrain.uncommitted is refuse: found changes in {', '.join(files)}, expected all of them committed"
        )
    return files or []

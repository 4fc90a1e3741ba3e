"""A copy of the repository as a project of its own, and its parameters."""

import shutil
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT


def copy_clone(folder: Path, left_out: Collection[str] = ()) -> Path:
    """Copy what a clone has and what git does not ignore, without what DVC has recorded, and begin a git repository.

    Args:
        folder: of the copy.
        left_out: folders that are not copied.
    """
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if name == "dvc.lock" or any(name.startswith(f"{each}/") for each in left_out) or not (ROOT / name).is_file():
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


def change_params(project: Path, changes: Mapping[str, Any]) -> None:
    """Change parameters, each named with its sections: `train_global.epochs`."""
    path = project / "params.yaml"
    params = yaml.safe_load(path.read_text())
    for name, value in changes.items():
        *sections, field = name.split(".")
        section = params
        for part in sections:
            section = section[part]
        section[field] = value
    path.write_text(yaml.safe_dump(params, sort_keys=False))

"""A copy of the repository as a project of its own, with parameters at which the whole graph takes seconds."""

import os
import subprocess
import sys
from pathlib import Path

from tests.project_copy import change_params, copy_clone

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
TINY = {
    "prepare.street_scenes.train": 4,
    "prepare.street_scenes.val": 2,
    "prepare.street_scenes.height": 32,
    "prepare.street_scenes.width": 64,
    "preprocess.height": 32,
    "preprocess.width": 64,
    "preprocess.shard_size": 4,
    "runtime.accelerator": "cpu",
    "runtime.threads": 1,
    "model.ngf": 4,
    "model.n_blocks_global": 1,
    "model.n_blocks_local": 1,
    "model.nef": 4,
    "model.ndf": 4,
    "model.num_D": 2,
    "model.n_layers_D": 2,
    "train_segmenter.epochs": 1,
    "train_segmenter.channels": 16,
    "train_segmenter.batch_size": 4,
    "train_global.epochs": 1,
    "train_global.epochs_decay": 0,
    "train_local.epochs": 1,
    "finetune.epochs": 1,
    "finetune.epochs_decay": 0,
    "cluster.styles_per_class": 2,
    "synthesize.samples": 1,
    "evaluate.minimum_oracle_mean_iou": 0,
    "evaluate.bootstrap_samples": 100,
    "evaluate.grid_rows": 2,
    "export.precisions": [],
    "export.calibration_maps": 1,
}


def copy_repository(folder: Path) -> None:
    """Copy what git tracks, without what DVC has recorded of other parameters, as a git repository of one commit."""
    copy_clone(folder)
    change_params(folder, TINY)
    commit(folder)


def commit(project: Path) -> None:
    """Commit everything that git does not ignore."""
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "A state to train from")


def git(project: Path, *arguments: str) -> str:
    """Run git as some author and give what it prints."""
    identity = {f"GIT_{role}_{field}": "test" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    result = subprocess.run(
        ["git", *arguments], cwd=project, env=os.environ | identity, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()

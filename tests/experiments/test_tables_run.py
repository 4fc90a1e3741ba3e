"""The one command, in a copy of the repository, with rows that train in seconds."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.table_runs import REPOSITORY

COPIED = ("components", "data", "experiments", "pipelines", "recipes")
BROKEN = "crn_l1"
ROWS = ("pix2pix", BROKEN, "ours_without_vgg")
SETTING: dict[str, Any] = {
    "parameters": [
        "recipe=default",
        "prepare.street_scenes.train=6",
        "prepare.street_scenes.val=3",
        "preprocess.height=32",
        "preprocess.width=64",
        "runtime.threads=1",
        "runtime.accelerator=cpu",
        "model.ngf=4",
        "model.n_downsample_global=1",
        "model.n_blocks_global=1",
        "model.n_blocks_local=1",
        "model.nef=4",
        "model.n_downsample_encoder=1",
        "model.ndf=4",
        "model.num_D=2",
        "model.n_layers_D=2",
        "train_segmenter.channels=16",
        "train_segmenter.epochs=1",
        "cluster.styles_per_class=2",
        "evaluate.bootstrap_samples=100",
        "evaluate.grid_rows=2",
        "evaluate.page_pictures=1",
        "synthesize.samples=1",
    ],
    "generators": {"coarse_to_fine": [], "unet": ["model.n_local_enhancers=0"], "crn": ["model.n_local_enhancers=0"]},
    "budget": 3,
    "shares": {"train_global": 0.34, "train_local": 0.34},
    "seeds": {"table": [0]},
}

pytestmark = pytest.mark.slow


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-m", "experiments.run", "--setting", "small.yaml", "--processes", "2", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def stages_run(result: subprocess.CompletedProcess[str]) -> set[str]:
    return set(re.findall(r"Running stage '(.*?)'", result.stderr))


def write_rows(project: Path, names: Sequence[str]) -> None:
    """Rows in one table; the broken one reads features from a file that is not there."""
    content = yaml.safe_load((REPOSITORY / "experiments" / "rows.yaml").read_text())
    rows = {name: content["rows"][name] for name in names}
    if BROKEN in rows:
        rows[BROKEN]["overrides"] += ["model.features=precomputed", "model.features_file=none.safetensors"]
    table = {"title": "Table", "rows": list(names), "paper": {}, "order": [["ours_without_vgg", "pix2pix"]]}
    content |= {"rows": rows, "tables": {"table": table}}
    (project / "experiments" / "rows.yaml").write_text(yaml.safe_dump(content))


def test_rows_are_trained_once_and_reported_and_one_that_fails_keeps_no_other_from_it(tmp_path: Path) -> None:
    for name in COPIED:
        ignored = shutil.ignore_patterns("build", "__pycache__", "dvc.lock", "tmp", "cache")
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=ignored)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(SETTING))
    report = tmp_path / "docs" / "results" / "README.md"

    write_rows(tmp_path, ROWS)
    first = run(tmp_path)
    assert first.returncode == 1, first.stderr
    assert f"{BROKEN}-0: dvc" in first.stderr
    assert "none.safetensors" in first.stderr
    trained = {"evaluate@pix2pix-0", "finetune@ours_without_vgg-0", "evaluate@ours_without_vgg-0"}
    assert {*trained, f"train_global@{BROKEN}-0"} <= stages_run(first)
    assert f"`{BROKEN}` (not trained yet: seed 0)" in report.read_text()

    others = [name for name in ROWS if name != BROKEN]
    write_rows(tmp_path, others)
    second = run(tmp_path)
    assert second.returncode == 0, second.stderr
    assert stages_run(second) == set()
    text = report.read_text()
    assert "partial" not in text
    for name in others:
        scores = json.loads((tmp_path / "experiments" / "build" / f"{name}-0" / "scores.json").read_text())
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` ") and " above " not in line]
        assert f" {scores['mean_iou']:.4f} ({scores['mean_iou_low']:.4f} to {scores['mean_iou_high']:.4f}) " in line
        assert " | 18 | " in line  # three passes over six pictures
        assert re.search(r" \| 0:00:\d\d \| ", line), "its training is tracked"
    assert {path.name for path in report.parent.iterdir()} == {"README.md", "index.html", "table.jpg"}

    command = [sys.executable, "-m", "experiments.report", "--out", "elsewhere"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "elsewhere" / "README.md").read_text() == text

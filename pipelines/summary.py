"""What a run of the graph left, and how to look at it."""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from components.score_text import with_bounds
from pipelines.params import load_params
from pipelines.tracking import tracking_uri


def outs_of(stage: str) -> list[str]:
    """The outs and metrics of a stage in `dvc.yaml`, which owns all paths."""
    definition: dict[str, Any] = yaml.safe_load(Path("dvc.yaml").read_text())["stages"][stage]
    entries = definition.get("outs", []) + definition.get("metrics", [])
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def summary() -> str:
    """Describe the results of the last run."""
    plots, scores_file = outs_of("evaluate")
    scores = json.loads(Path(scores_file).read_text())
    lines = [
        f"Recipe           {load_params().recipe}",
        f"Page of results  {plots}/results.html",
        f"Pictures         {plots}/grid.png (condition, synthesized, real) and {outs_of('synthesize')[0]}/",
        f"Scores           {scores_file}",
        *(f"  {name:<32} {text}" for name, text in with_bounds(scores).items()),
        f"Serving bundle   {outs_of('export')[0]}/ (ONNX graphs, styles, classes, model card)",
        f"Tracked runs     {tracking_uri()}",
        "",
        "Look closer      .venv/bin/mlflow ui            runs, curves and pictures at 127.0.0.1:5000",
        "                 .venv/bin/dvc metrics show     scores beside the oracle's",
        "                 .venv/bin/dvc plots show       loss curves, IoU of each class, confusion matrix, grids",
        "Register         .venv/bin/python -m pipelines.flows.retrain",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(summary() + "\n")

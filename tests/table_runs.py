"""Planned runs of the paper's tables, and hand-made results."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from experiments.compose import Run, write_runs
from experiments.machine import Machine
from experiments.results import Result, Training
from experiments.rows import Rows, Setting
from experiments.run_params import load_run_params

REPOSITORY = Path(__file__).parents[1]
MACHINE = Machine(processor="A processor", cores=4, gpu=None, torch="2.15.0", processes=2)


class Plan:
    """What `write_runs` wrote."""

    def __init__(self, rows: Rows, setting: Setting, build: Path, *overrides: str) -> None:
        self.build = build
        self.runs = write_runs(rows, setting, ["prepare.root=camvid", *overrides], build)

    def params(self, row: str, seed: int = 0) -> dict[str, Any]:
        params: dict[str, Any] = yaml.safe_load((self.build / f"{row}-{seed}" / "params.yaml").read_text())
        return params


def scores(mean_iou: float, pixel_accuracy: float = 0.8, *, too_weak: bool = False) -> dict[str, float]:
    """What stage `evaluate` would leave, each interval a hundredth to either side."""
    figures = {"mean_iou": mean_iou, "pixel_accuracy": pixel_accuracy}
    figures |= {"oracle_mean_iou": 0.5, "oracle_pixel_accuracy": 0.9}
    bounds = {
        f"{name}_{end}": value + step
        for name, value in figures.items()
        for end, step in (("low", -0.01), ("high", 0.01))
    }
    return figures | bounds | {"evaluator_too_weak": int(too_weak)}


def result(row: str, seed: int, figures: Mapping[str, float], *, seconds: float | None = 60) -> Result:
    """A run that saw 200 pictures."""
    return Result(
        run=Run(row, seed, "train_global"),
        params=load_run_params(REPOSITORY / "params.yaml"),
        scores=figures,
        pictures=200,
        steps=120,
        generator_parameters=1_234_567,
        training=None if seconds is None else Training(seconds, datetime(2026, 11, 25, 12)),
        machine=MACHINE,
    )

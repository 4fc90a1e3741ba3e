"""Passes what a trainer reports on to a tracked run."""

import tempfile
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from components.data.pictures import Picture
from components.training.pace import Pace
from components.training.state import Row
from pipelines.tracking import StageRun


class RunRecorder:
    """A trainer's `Recorder` that logs to a tracked run."""

    def __init__(self, run: StageRun) -> None:
        self.run = run

    def epoch(self, row: Row, pace: Pace, number: int) -> None:
        """Log the losses, the learning rate and the pace of an epoch."""
        numbers = {name: value for name, value in row.items() if isinstance(value, float)}
        self.run.log_metrics(numbers | asdict(pace), step=number)

    def sample(self, name: str, picture: Picture) -> None:
        """Log a grid of pictures."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.png"
            Image.fromarray(picture).save(path)
            self.run.log_picture(path, f"samples/{name}.png")

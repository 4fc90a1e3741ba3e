"""Passes what a trainer reports on to a tracked run."""

import tempfile
from pathlib import Path

from PIL import Image

from components.data.pictures import Picture
from components.training.state import Row
from pipelines.tracking import StageRun


class RunRecorder:
    """A trainer's `Recorder` that logs to a tracked run."""

    def __init__(self, run: StageRun) -> None:
        self.run = run

    def epoch(self, row: Row, number: int) -> None:
        """Log the losses and the learning rate of an epoch."""
        numbers = {name: value for name, value in row.items() if isinstance(value, float)}
        self.run.log_metrics(numbers, step=number)

    def sample(self, name: str, picture: Picture) -> None:
        """Log a grid of pictures."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.png"
            Image.fromarray(picture).save(path)
            self.run.log_picture(path, f"samples/{name}.png")

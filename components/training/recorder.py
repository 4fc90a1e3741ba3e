"""Who is told how training goes."""

from typing import Protocol

from components.data.pictures import Picture
from components.training.pace import Pace
from components.training.state import Row


class Recorder(Protocol):
    """Who is told how training goes."""

    def epoch(self, row: Row, pace: Pace, number: int) -> None:
        """Take the mean losses and the pace of an epoch, the `number`-th of the stage."""

    def sample(self, name: str, picture: Picture) -> None:
        """Take a grid of condition / synthesized / real pictures."""

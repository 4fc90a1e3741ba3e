"""How fast training goes, and whether it waits for data."""

from dataclasses import dataclass
from time import monotonic

import torch

from components.data.batch_stream import BatchStream
from components.memory import peak_bytes


@dataclass(frozen=True)
class Pace:
    """How fast an epoch went; it depends on the machine, so it is no part of the curves.

    Attributes:
        images_per_second: pictures of all processes together.
        data_wait: share of the time for which the networks waited for the next batch, 0..1.
        peak_memory_gb: the most that was in use so far, of the GPU or of the process, in 10^9 bytes.
    """

    images_per_second: float
    data_wait: float
    peak_memory_gb: float


class PaceMeter:
    """Measures from one reading to the next."""

    def __init__(self, stream: BatchStream, device: torch.device) -> None:
        self.stream = stream
        self.device = device
        self.images = 0
        self.restart()

    def read(self) -> Pace:
        """Give the pace since the last reading."""
        seconds = max(monotonic() - self._started, 1e-9)
        pace = Pace(
            images_per_second=self.images / seconds,
            data_wait=(self.stream.waited - self._waited) / seconds,
            peak_memory_gb=peak_bytes(self.device) / 1e9,
        )
        self.restart()
        return pace

    def restart(self) -> None:
        """Begin anew, after what is no training."""
        self.images = 0
        self._started, self._waited = monotonic(), self.stream.waited

"""The whole state of a training stage in one file, from which it goes on as if never interrupted."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch.optim import Adam

from components.atomic import atomic_file
from components.models.networks import Networks

logger = logging.getLogger(__name__)

CHECKPOINT_FILE = "checkpoint.pt"
FINISHED_FILE = "finished"
Row = dict[str, float | str]  # one epoch of the curves


@dataclass
class TrainingState:
    """Everything that the next step depends on, and what was recorded so far.

    Attributes:
        networks: of the phase under way.
        generator_optimizer: Adam of generator and encoder.
        discriminator_optimizer: Adam of the discriminators.
        phase: index of the phase in its stage.
        epoch: index of the epoch in the phase.
        batch: batches of the epoch that are done: the position of the sampler.
        loss_sums: sums of each loss over those batches.
        history: a row for each finished epoch of the stage.
    """

    networks: Networks
    generator_optimizer: Adam
    discriminator_optimizer: Adam
    phase: int
    epoch: int = 0
    batch: int = 0
    loss_sums: dict[str, float] = field(default_factory=dict)
    history: list[Row] = field(default_factory=list)

    def pack(self) -> dict[str, Any]:
        """Give the state as tensors and plain values, the random number generator's with it."""
        return {
            "networks": self.networks.state_dict(),
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
            "phase": self.phase,
            "epoch": self.epoch,
            "batch": self.batch,
            "loss_sums": self.loss_sums,
            "history": self.history,
            "rng": torch.get_rng_state(),
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """Take over a packed state of the same phase."""
        self.networks.load_state_dict(packed["networks"])
        self.generator_optimizer.load_state_dict(packed["generator_optimizer"])
        self.discriminator_optimizer.load_state_dict(packed["discriminator_optimizer"])
        self.epoch, self.batch = packed["epoch"], packed["batch"]
        self.loss_sums, self.history = packed["loss_sums"], packed["history"]
        torch.set_rng_state(packed["rng"])


class CheckpointFolder:
    """Where a stage keeps its state while it runs."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        """Use a folder.

        Args:
            folder: kept by DVC when the stage starts again.
            fingerprint: of all that the result depends on; a state with another one is not continued.
        """
        self.folder = folder
        self.path = folder / CHECKPOINT_FILE
        self.fingerprint = fingerprint
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, state: TrainingState) -> None:
        """Write the state, whole or not at all."""
        with atomic_file(self.path) as temporary:
            torch.save({"fingerprint": self.fingerprint, **state.pack()}, temporary)

    def load(self) -> dict[str, Any] | None:
        """Give the packed state to go on from, or None where there is none for this fingerprint.

        Raises:
            ValueError: where the file is damaged.
        """
        if not self.path.exists():
            return None
        try:
            packed: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except (RuntimeError, UnpicklingError, EOFError) as error:
            raise ValueError(
                f"{self.path}: damaged, expected a checkpoint; remove it to train afresh: {error}"
            ) from error
        if packed["fingerprint"] != self.fingerprint:
            logger.warning(
                "%s: made with other parameters, data or code (%.12s, now %.12s): training starts afresh",
                self.path,
                packed["fingerprint"],
                self.fingerprint,
            )
            return None
        return packed

    def finish(self) -> None:
        """Leave nothing but a note: the stage is finished, and its state of no use to another run."""
        for path in self.folder.iterdir():
            path.unlink()
        (self.folder / FINISHED_FILE).write_text(self.fingerprint + "\n")  # DVC warns of an empty folder

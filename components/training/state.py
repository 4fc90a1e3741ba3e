"""The whole state of coarse-to-fine training, from which it goes on as if never interrupted."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.optim import Adam

from components.models.networks import Networks
from components.training.history_pool import HistoryPool

Row = dict[str, float | str]  # one epoch of the curves


@dataclass
class TrainingState:
    """Everything that the next step depends on, and what was recorded so far.

    The random numbers of a step follow from its position, and so does what the loader draws.

    Attributes:
        networks: of the phase under way.
        generator_optimizer: Adam of generator and encoder.
        discriminator_optimizer: Adam of the discriminators; None where there are none.
        pool: earlier synthesized images; None where the phase keeps none.
        phase: index of the phase in its stage.
        epoch: index of the epoch in the phase.
        batch: batches of the epoch that are done: the position of the sampler.
        loss_sums: sums of each loss over those batches.
        history: a row for each finished epoch of the stage.
    """

    networks: Networks
    generator_optimizer: Adam
    discriminator_optimizer: Adam | None
    pool: HistoryPool | None
    phase: int
    epoch: int = 0
    batch: int = 0
    loss_sums: dict[str, float] = field(default_factory=dict)
    history: list[Row] = field(default_factory=list)

    @property
    def optimizers(self) -> list[Adam]:
        """One a player."""
        return [each for each in (self.generator_optimizer, self.discriminator_optimizer) if each is not None]

    def seed_step(self, seed: int, process: int) -> None:
        """Seed torch for the coming step of a process: dropout, and draws from the pool."""
        entropy = np.random.SeedSequence([seed, self.epoch, self.batch, process])
        torch.manual_seed(int(entropy.generate_state(1, np.uint64)[0]))

    def pack(self) -> dict[str, Any]:
        """Give the state as tensors and plain values."""
        return {
            "networks": self.networks.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "pool": None if self.pool is None else self.pool.pack(),
            "phase": self.phase,
            "epoch": self.epoch,
            "batch": self.batch,
            "loss_sums": self.loss_sums,
            "history": self.history,
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """Take over a packed state of the same phase."""
        self.networks.load_state_dict(packed["networks"])
        for optimizer, of_optimizer in zip(self.optimizers, packed["optimizers"], strict=True):
            optimizer.load_state_dict(of_optimizer)
        if self.pool is not None:
            self.pool.unpack(packed["pool"])
        self.epoch, self.batch = packed["epoch"], packed["batch"]
        self.loss_sums, self.history = packed["loss_sums"], packed["history"]

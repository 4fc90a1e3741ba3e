"""The whole state of coarse-to-fine training, from which it goes on as if never interrupted."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.optim import Adam

from components.models.networks import Networks

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

"""The training loop: phase after phase, resumable at any step."""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import torch
from lightning_fabric import Fabric
from torch.optim import Adam

from components.checkpoint import CheckpointFolder
from components.data.encoding import to_bytes
from components.data.loader import Batch, BatchMaker, epoch_order
from components.data.pictures import Picture, condition_pictures, grid, spread_positions
from components.data.store import ShardStore
from components.losses.config import LossesConfig
from components.losses.perceptual import PerceptualLoss
from components.models.networks import Networks
from components.progress import track_progress
from components.training.config import ProgressConfig
from components.training.phases import Phase, freeze_for
from components.training.schedule import rate_factor
from components.training.state import Row, TrainingState
from components.training.step import StepResult, TrainingStep, synthesizing_parameters

logger = logging.getLogger(__name__)

SAMPLE_COUNT = 4


class Recorder(Protocol):
    """Who is told how training goes."""

    def epoch(self, row: Row, number: int) -> None:
        """Take the mean losses of an epoch, the `number`-th of the stage."""

    def sample(self, name: str, picture: Picture) -> None:
        """Take a grid of condition / synthesized / real pictures."""


@dataclass(frozen=True)
class TrainingResult:
    """The networks after the last phase, and a row for each epoch of the stage."""

    networks: Networks
    history: list[Row]


class Trainer:
    """Trains the phases of a stage."""

    def __init__(
        self,
        *,
        train: ShardStore,
        val: ShardStore,
        losses: LossesConfig,
        progress: ProgressConfig,
        fabric: Fabric,
        checkpoints: CheckpointFolder,
        recorder: Recorder,
    ) -> None:
        """Choose the data, the losses, the device and who is told.

        Raises:
            ValueError: where the weights of VGG19 cannot be loaded.
        """
        self.train = train
        self.val = val
        self.losses = losses
        self.progress = progress
        self.fabric = fabric
        self.checkpoints = checkpoints
        self.recorder = recorder
        self.perceptual = (
            PerceptualLoss(losses.vgg_weights).to(fabric.device)
            if losses.vgg_weights and losses.lambda_perceptual
            else None
        )

    def run(self, phases: Sequence[Phase], start: Networks | None) -> TrainingResult:
        """Train the phases, from the checkpoint where there is one.

        Args:
            phases: in their order; each starts from the networks of the one before.
            start: the networks of the stage before; None starts the first phase from noise.
        """
        packed = self.checkpoints.load()
        first = packed["phase"] if packed else 0
        result = TrainingResult(start, []) if start is not None else None
        for number, phase in enumerate(phases[first:], start=first):
            state = self._begin(number, phase, result)
            if packed is not None:
                state.unpack(packed)
                logger.info(
                    "training goes on in phase %s after %d epochs and %d batches", phase.name, state.epoch, state.batch
                )
                packed = None
            self._train(phase, state)
            result = TrainingResult(state.networks, state.history)
        assert result is not None, "a stage that starts from noise has a phase"
        return result

    def sample_grid(self, networks: Networks) -> Picture:
        """Condition, synthesized and real picture of some validation pictures, a row each."""
        maker = self._maker(self.val, networks)
        batch = maker.make(spread_positions(len(self.val), SAMPLE_COUNT))
        networks.to(self.fabric.device).eval()
        with torch.no_grad(), self.fabric.autocast():
            image = networks.reconstruct(batch.condition, batch.image, batch.instance, batch.instance_count).image
        networks.train()
        conditions = condition_pictures(batch, self.val.index.classes)
        return grid(list(zip(conditions, _pictures(image), _pictures(batch.image), strict=True)))

    def _begin(self, number: int, phase: Phase, before: TrainingResult | None) -> TrainingState:
        torch.manual_seed(phase.config.seed)
        networks = Networks(phase.shape)
        if before is not None:
            networks.start_from(before.networks)
        networks.to(self.fabric.device)
        freeze_for(phase, networks)
        betas = (phase.config.beta1, phase.config.beta2)
        return TrainingState(
            networks=networks,
            generator_optimizer=Adam(synthesizing_parameters(networks), lr=phase.config.learning_rate, betas=betas),
            discriminator_optimizer=Adam(
                networks.discriminator.parameters(), lr=phase.config.learning_rate, betas=betas
            ),
            phase=number,
            history=list(before.history) if before is not None else [],
        )

    def _maker(self, store: ShardStore, networks: Networks) -> BatchMaker:
        return BatchMaker(
            store,
            scale=networks.shape.scale,
            use_boundary_map=networks.shape.model.boundary_map,
            device=self.fabric.device,
        )

    def _train(self, phase: Phase, state: TrainingState) -> None:
        step = TrainingStep(state.networks, self.losses, perceptual=self.perceptual, autocast=self.fabric.autocast)
        batches_an_epoch = math.ceil(len(self.train) / phase.config.batch_size)
        left = (phase.config.epochs - state.epoch) * batches_an_epoch - state.batch
        saved = monotonic()
        for batch in track_progress(self._batches(phase, state), total=left, label=f"training {phase.name}"):
            result = step.gradients(batch)
            state.generator_optimizer.step()
            state.discriminator_optimizer.step()
            _add_losses(state, result, batch)
            state.batch += 1
            if state.batch == batches_an_epoch:
                self._end_epoch(phase, state, batches_an_epoch)
            if monotonic() - saved >= self.progress.checkpoint_seconds:
                self.checkpoints.save(state.pack())
                saved = monotonic()

    def _batches(self, phase: Phase, state: TrainingState) -> Iterator[Batch]:
        """The batches from the state's position to the end of the phase, the learning rate set for each epoch."""
        config = phase.config
        maker = self._maker(self.train, state.networks)
        for epoch in range(state.epoch, config.epochs):
            rate = config.learning_rate * rate_factor(epoch, epochs=config.epochs, epochs_decay=config.epochs_decay)
            for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
                for group in optimizer.param_groups:
                    group["lr"] = rate
            order = epoch_order(len(self.train), seed=config.seed, epoch=epoch, flip=config.flip)
            yield from maker.shuffled(order, config.batch_size, first_batch=state.batch)

    def _end_epoch(self, phase: Phase, state: TrainingState, batches: int) -> None:
        row: Row = {"phase": phase.name, "epoch": len(state.history) + 1}
        row |= {name: total / batches for name, total in state.loss_sums.items()}
        row["learning_rate"] = state.generator_optimizer.param_groups[0]["lr"]
        state.history.append(row)
        state.epoch, state.batch, state.loss_sums = state.epoch + 1, 0, {}
        self.recorder.epoch(row, len(state.history))
        if state.epoch % self.progress.sample_epochs == 0:
            self.recorder.sample(f"{phase.name}_epoch_{state.epoch:04d}", self.sample_grid(state.networks))


def _add_losses(state: TrainingState, result: StepResult, batch: Batch) -> None:
    losses = result.named()
    values = torch.stack([term.float() for term in losses.values()]).tolist()  # one transfer from the device
    for name, value in zip(losses, values, strict=True):
        if not math.isfinite(value):
            raise FloatingPointError(
                f"loss {name} is {value} in epoch {state.epoch + 1}, step {state.batch + 1}; "
                f"pictures of the batch: {', '.join(batch.names)}"
            )
        state.loss_sums[name] = state.loss_sums.get(name, 0.0) + value


def _pictures(image: torch.Tensor) -> list[Picture]:
    return list(to_bytes(image).cpu().numpy())

"""The training loop: phase after phase, resumable at any step, by one process or several."""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import tee
from time import monotonic

import torch
from lightning_fabric import Fabric

from components.checkpoint import CheckpointFolder, DiskFull
from components.data.draws import CropConfig, Draw, epoch_batches
from components.data.loader import Batch, BatchMaker
from components.data.pictures import Picture
from components.data.precomputed import precomputed_features
from components.data.store import ShardStore
from components.losses.config import LossesConfig
from components.losses.perceptual import perceptual_loss
from components.models.networks import Networks, PhaseShape
from components.preemption import Preempted, PreemptionNotice, preemption
from components.progress import track_progress
from components.runtime import RuntimeConfig
from components.training.config import ProgressConfig
from components.training.pace import PaceMeter
from components.training.phases import Phase
from components.training.recorder import Recorder
from components.training.replicas import Replicas
from components.training.samples import sample_grid
from components.training.schedule import rate_factor
from components.training.setup import begin_phase
from components.training.state import Row, TrainingState
from components.training.step import TrainingStep

logger = logging.getLogger(__name__)


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
        runtime: RuntimeConfig,
        fabric: Fabric,
        checkpoints: CheckpointFolder,
        recorder: Recorder | None,
    ) -> None:
        """Choose the data, the losses, the device and who is told; of several processes only one tells.

        Raises:
            ValueError: where the weights of VGG19 cannot be loaded.
        """
        self.train = train
        self.val = val
        self.losses = losses
        self.progress = progress
        self.runtime = runtime
        self.fabric = fabric
        self.replicas = Replicas(fabric)
        self.checkpoints = checkpoints
        self.recorder = recorder
        perceptual = perceptual_loss(losses)
        self.perceptual = None if perceptual is None else perceptual.to(fabric.device)

    def run(self, phases: Sequence[Phase], start: Networks | None) -> TrainingResult:
        """Train the phases, from the checkpoint where there is one.

        Args:
            phases: in their order; each starts from the networks of the one before.
            start: the networks of the stage before; None starts the first phase from noise.

        Raises:
            FloatingPointError: where a loss is not finite: its name, epoch, step and the pictures of the batch.
            Preempted: after SIGTERM, when the state is saved.
        """
        packed = self.checkpoints.load()
        first = packed["phase"] if packed else 0
        result = TrainingResult(start, []) if start is not None else None
        with preemption() as notice:
            for number, phase in enumerate(phases[first:], start=first):
                before = None if result is None else result.networks
                state = begin_phase(number, phase, before, fabric=self.fabric, runtime=self.runtime)
                state.history = [] if result is None else list(result.history)
                if packed is not None:
                    state.unpack(packed)
                    logger.info("phase %s goes on after %d epochs, %d batches", phase.name, state.epoch, state.batch)
                    packed = None
                self.replicas.copy_from_first(state.networks)
                self._train(phase, state, notice)
                self._save(state)
                result = TrainingResult(state.networks, state.history)
        assert result is not None, "a stage that starts from noise has a phase"
        return result

    def sample_grid(self, networks: Networks) -> Picture:
        """Condition, synthesized and real picture of some validation pictures, a row each."""
        networks.to(self.fabric.device)
        return sample_grid(networks, self._maker(self.val, networks.shape, crop=None), self.fabric)

    def _maker(self, store: ShardStore, shape: PhaseShape, *, crop: CropConfig | None) -> BatchMaker:
        model = shape.model
        return BatchMaker(
            store,
            scale=shape.scale,
            use_boundary_map=model.boundary_map,
            device=self.fabric.device,
            crop=crop,
            features=precomputed_features(model.features_file, store.index, model.n_features),
        )

    def _train(self, phase: Phase, state: TrainingState, notice: PreemptionNotice) -> None:
        step = TrainingStep(
            state.networks, self.losses, perceptual=self.perceptual, pool=state.pool, autocast=self.fabric.autocast
        )
        an_epoch = len(self._batches(phase, 0))
        left = (phase.config.epochs - state.epoch) * an_epoch - state.batch
        drawn, ahead = tee(self._remaining(phase, state))
        saved = monotonic()
        maker = self._maker(self.train, phase.shape, crop=phase.config.crop)
        with maker.stream(map(self.replicas.share, ahead)) as stream:
            meter = PaceMeter(stream, self.fabric.device)
            for draws in track_progress(drawn, total=left, label=f"training {phase.name}"):
                self._take_step(phase, state, step, next(stream), draws)
                meter.images += len(draws)
                if state.batch == an_epoch:
                    self._end_epoch(phase, state, an_epoch, meter)
                stop = self.replicas.any(notice.requested)
                if stop or monotonic() - saved >= self.progress.checkpoint_seconds:
                    self._save(state)
                    saved = monotonic()
                if stop:
                    raise Preempted(
                        f"stopped by SIGTERM in phase {phase.name} after {state.epoch} epochs and {state.batch} "
                        "batches: run again, it goes on from the last checkpoint"
                    )

    def _batches(self, phase: Phase, epoch: int) -> list[list[Draw]]:
        config = phase.config
        return epoch_batches(
            self.train.index,
            seed=config.seed,
            epoch=epoch,
            batch_size=config.batch_size,
            flip=config.flip,
            crop=config.crop,
            align=2**phase.shape.model.n_local_enhancers,
        )

    def _remaining(self, phase: Phase, state: TrainingState) -> Iterator[list[Draw]]:
        """The batches from the state's position to the end of the phase, those of all processes together."""
        first, done = state.epoch, state.batch
        for epoch in range(first, phase.config.epochs):
            yield from self._batches(phase, epoch)[done if epoch == first else 0 :]

    def _take_step(
        self, phase: Phase, state: TrainingState, step: TrainingStep, batch: Batch | None, draws: list[Draw]
    ) -> None:
        """Update the weights by this process's share of a batch, None where it has none, and by those of the others."""
        config = phase.config
        rate = config.learning_rate * rate_factor(state.epoch, epochs=config.epochs, epochs_decay=config.epochs_decay)
        state.seed_step(config.seed, self.replicas.rank)
        losses = torch.zeros(len(step.loss_names), device=self.fabric.device)
        if batch is not None:
            named = step.gradients(batch).named()
            losses = torch.stack([named[name].float() for name in step.loss_names])
        weight = 0.0 if batch is None else len(batch.names) / len(draws)
        for optimizer in state.optimizers:
            (group,) = optimizer.param_groups
            group["lr"] = rate
            self.replicas.sum_gradients(group["params"], weight)
            optimizer.step()
        values = self.replicas.sum_values(losses, weight).tolist()  # one transfer from the device
        self._add_losses(state, dict(zip(step.loss_names, values, strict=True)), draws)
        state.batch += 1

    def _add_losses(self, state: TrainingState, losses: dict[str, float], draws: list[Draw]) -> None:
        for name, value in losses.items():
            if not math.isfinite(value):
                pictures = ", ".join(self.train.index.names[draw.position] for draw in draws)
                raise FloatingPointError(
                    f"loss {name} is {value} in epoch {state.epoch + 1}, step {state.batch + 1}; "
                    f"pictures of the batch: {pictures}"
                )
            state.loss_sums[name] = state.loss_sums.get(name, 0.0) + value

    def _end_epoch(self, phase: Phase, state: TrainingState, batches: int, meter: PaceMeter) -> None:
        row: Row = {"phase": phase.name, "epoch": len(state.history) + 1}
        row |= {name: total / batches for name, total in state.loss_sums.items()}
        row["learning_rate"] = state.generator_optimizer.param_groups[0]["lr"]
        state.history.append(row)
        state.epoch, state.batch, state.loss_sums = state.epoch + 1, 0, {}
        if self.recorder is None:
            return
        self.recorder.epoch(row, meter.read(), len(state.history))
        if state.epoch % self.progress.sample_epochs == 0:
            self.recorder.sample(f"{phase.name}_epoch_{state.epoch:04d}", self.sample_grid(state.networks))
        meter.restart()

    def _save(self, state: TrainingState) -> None:
        if not self.replicas.is_first:
            return
        try:
            self.checkpoints.save(state.pack())
        except DiskFull as error:
            logger.error("%s; training goes on and tries again", error)

"""Training of the evaluator on real photos, resumable at any step.

Shapes: B pictures, C classes, H x W full resolution.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, islice
from time import monotonic
from typing import Any

import torch
from lightning_fabric import Fabric
from torch.nn.functional import cross_entropy
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR

from components.checkpoint import CheckpointFolder, DiskFull
from components.data.draws import Draw, epoch_batches
from components.data.loader import Batch, BatchMaker
from components.data.store import SplitIndex
from components.evaluation.config import SegmenterConfig
from components.evaluation.segmenter import Segmenter
from components.models.networks import load_weights, read_weights
from components.preemption import Preempted, preemption
from components.progress import track_progress

logger = logging.getLogger(__name__)

IGNORED = 255


@dataclass
class SegmenterState:
    """Everything that the next step depends on, and the mean loss of each finished epoch."""

    segmenter: Segmenter
    optimizer: Adam
    schedule: CosineAnnealingLR
    batch: int = 0
    loss_sum: float = 0.0
    losses: list[float] = field(default_factory=list)

    def pack(self) -> dict[str, Any]:
        """Give the state as tensors and plain values, the random number generator's (for dropout) with it."""
        return {
            "segmenter": self.segmenter.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "batch": self.batch,
            "loss_sum": self.loss_sum,
            "losses": self.losses,
            "rng": torch.get_rng_state(),
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """Take over a packed state."""
        self.segmenter.load_state_dict(packed["segmenter"])
        self.optimizer.load_state_dict(packed["optimizer"])
        self.schedule.load_state_dict(packed["schedule"])
        self.batch, self.loss_sum, self.losses = packed["batch"], packed["loss_sum"], packed["losses"]
        torch.set_rng_state(packed["rng"])


def train_segmenter(
    maker: BatchMaker,
    config: SegmenterConfig,
    fabric: Fabric,
    *,
    checkpoints: CheckpointFolder,
    checkpoint_seconds: float,
    report: Callable[[float, int], None],
) -> Segmenter:
    """Train PSPNet on the photos and label maps of a split, or load the weights that the parameters name.

    Args:
        maker: of the training split.
        config: the `train_segmenter` parameters.
        fabric: the device.
        checkpoints: where the state is kept, and taken from where there is one.
        checkpoint_seconds: how much training an interruption may cost.
        report: is told the mean loss of each epoch and its number, from 1.

    Raises:
        ValueError: where the weights that the parameters name are not those of this network.
        Preempted: after SIGTERM, when the state is saved.
    """
    torch.manual_seed(config.seed)
    segmenter = Segmenter(maker.store.index.classes, encoder=config.encoder, channels=config.channels)
    if config.checkpoint is not None:
        load_weights(segmenter, read_weights(config.checkpoint), source=config.checkpoint)
        return segmenter.to(fabric.device).eval()
    index = maker.store.index
    batches_an_epoch = len(_batches(index, config, epoch=0))
    state = _begin(segmenter.to(fabric.device), config, batches_an_epoch, checkpoints.load())
    left = (config.epochs - len(state.losses)) * batches_an_epoch - state.batch
    epochs = (_batches(index, config, epoch) for epoch in range(len(state.losses), config.epochs))
    draws = islice(chain.from_iterable(epochs), state.batch, None)  # from the state's position to the end
    saved = monotonic()
    with maker.stream(draws) as stream, preemption() as notice:
        for batch in track_progress(filter(None, stream), total=left, label="training segmenter"):
            state.loss_sum += _step(state, batch, fabric)
            state.batch += 1
            if state.batch == batches_an_epoch:
                state.losses.append(state.loss_sum / batches_an_epoch)
                state.batch, state.loss_sum = 0, 0.0
                report(state.losses[-1], len(state.losses))
            stop = notice.requested
            if stop or monotonic() - saved >= checkpoint_seconds:
                _save(state, checkpoints)
                saved = monotonic()
            if stop:
                raise Preempted(
                    f"stopped by SIGTERM after {len(state.losses)} epochs and {state.batch} batches: "
                    "run again, it goes on"
                )
    return segmenter.eval()


def _begin(
    segmenter: Segmenter, config: SegmenterConfig, batches_an_epoch: int, packed: dict[str, Any] | None
) -> SegmenterState:
    optimizer = Adam(segmenter.parameters(), lr=config.learning_rate)
    state = SegmenterState(segmenter, optimizer, CosineAnnealingLR(optimizer, config.epochs * batches_an_epoch))
    if packed is not None:
        state.unpack(packed)
        logger.info("training goes on after %d epochs and %d batches", len(state.losses), state.batch)
    return state


def _save(state: SegmenterState, checkpoints: CheckpointFolder) -> None:
    try:
        checkpoints.save(state.pack())
    except DiskFull as error:
        logger.error("%s; training goes on and tries again", error)


def _step(state: SegmenterState, batch: Batch, fabric: Fabric) -> float:
    assert batch.label is not None, "a dataset with classes has label maps"
    classes = state.segmenter.classes
    ignored = torch.tensor([each.ignored_in_scores for each in classes], device=batch.label.device)
    target = batch.label.long()
    target = target.masked_fill(ignored[target], IGNORED)
    with fabric.autocast():
        loss = cross_entropy(state.segmenter(batch.image), target, ignore_index=IGNORED)
    state.optimizer.zero_grad()
    fabric.backward(loss)
    state.optimizer.step()
    state.schedule.step()
    return float(loss.detach())


def _batches(index: SplitIndex, config: SegmenterConfig, epoch: int) -> list[list[Draw]]:
    return epoch_batches(index, seed=config.seed, epoch=epoch, batch_size=config.batch_size, flip=True, crop=None)

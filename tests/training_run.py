"""Runs of the training loop on tiny pictures, and ways to interrupt them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from components.checkpoint import CheckpointFolder
from components.data.loader import Batch
from components.data.store import ShardStore
from components.losses.config import LossesConfig
from components.models.networks import Networks
from components.training.config import PhaseConfig, ProgressConfig
from components.training.pace import Pace
from components.training.phases import StageName, phases_of
from components.training.state import Row
from components.training.step import StepResult, TrainingStep
from components.training.trainer import Trainer, TrainingResult
from tests.tiny import cpu_fabric, tiny_losses, tiny_model, tiny_networks, tiny_runtime

MODEL = tiny_model(n_local_enhancers=2, num_D=3, n_downsample_global=1, n_downsample_encoder=1, n_layers_D=1)


class InterruptError(Exception):
    """Stands for a machine that goes down."""


class RecordingRecorder:
    """Keeps what it is told, and stops training after a number of epochs where asked to."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.rows: list[tuple[int, Row]] = []
        self.paces: list[Pace] = []
        self.samples: dict[str, NDArray[np.uint8]] = {}

    def epoch(self, row: Row, pace: Pace, number: int) -> None:
        self.paces.append(pace)
        self.rows.append((number, dict(row)))
        if number == self.stop_after:
            raise InterruptError

    def sample(self, name: str, picture: NDArray[np.uint8]) -> None:
        self.samples[name] = picture


def phase_config(**overrides: Any) -> PhaseConfig:
    values = {"epochs": 2, "epochs_decay": 1, "batch_size": 2, "learning_rate": 0.01, "beta1": 0.5, "beta2": 0.999}
    return PhaseConfig(**(values | {"crop": None, "flip": True, "pool_size": 0, "seed": 5} | overrides))


def train_stage(
    train: ShardStore,
    val: ShardStore,
    state: Path,
    stage: StageName = "train_local",
    *,
    recorder: RecordingRecorder | None = None,
    fingerprint: str = "same",
    config: PhaseConfig | None = None,
    start: Networks | None = None,
    checkpoint_seconds: float = 0,
    model: Any = MODEL,
    losses: LossesConfig | None = None,
    runtime: dict[str, Any] | None = None,
) -> TrainingResult:
    trainer = Trainer(
        train=train,
        val=val,
        losses=losses or tiny_losses(),
        progress=ProgressConfig(checkpoint_seconds=checkpoint_seconds, keep_checkpoints=2, sample_epochs=2),
        runtime=tiny_runtime(**(runtime or {})),
        fabric=cpu_fabric(),
        checkpoints=CheckpointFolder(state, fingerprint, keep=2),
        recorder=recorder or RecordingRecorder(),
    )
    class_count = len(train.index.classes)
    if start is None and stage != "train_global":
        start = tiny_networks(model, class_count=class_count, enhancers=0, seed=9)
    return trainer.run(phases_of(stage, model, class_count, config or phase_config()), start)


def assert_equal(found: TrainingResult, expected: TrainingResult) -> None:
    assert found.history == expected.history
    weights = expected.networks.state_dict()
    assert found.networks.state_dict().keys() == weights.keys()
    for key, value in found.networks.state_dict().items():
        assert torch.equal(value, weights[key]), key


def interrupt_at_step(monkeypatch: pytest.MonkeyPatch, step_number: int) -> list[int]:
    original = TrainingStep.gradients
    steps: list[int] = []

    def gradients(self: TrainingStep, batch: Batch) -> StepResult:
        steps.append(len(steps))
        if len(steps) == step_number:
            raise InterruptError
        return original(self, batch)

    monkeypatch.setattr(TrainingStep, "gradients", gradients)
    return steps

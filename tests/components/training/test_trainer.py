import logging
from collections.abc import Sequence
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
from components.training.phases import StageName, phases_of
from components.training.state import Row
from components.training.step import StepResult, TrainingStep
from components.training.trainer import Trainer, TrainingResult
from tests.tiny import cpu_fabric, tiny_model, tiny_networks, tiny_store

MODEL = tiny_model(n_local_enhancers=2, num_D=3, n_downsample_global=1, n_downsample_encoder=1, n_layers_D=1)


class InterruptError(Exception):
    """Stands for a machine that goes down."""


class RecordingRecorder:
    """Keeps what it is told, and stops training after a number of epochs where asked to."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.rows: list[tuple[int, Row]] = []
        self.samples: dict[str, NDArray[np.uint8]] = {}

    def epoch(self, row: Row, number: int) -> None:
        self.rows.append((number, dict(row)))
        if number == self.stop_after:
            raise InterruptError

    def sample(self, name: str, picture: NDArray[np.uint8]) -> None:
        self.samples[name] = picture


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> ShardStore:
    """Five pictures: with a batch of two the last one is alone."""
    return tiny_store(tmp_path_factory.mktemp("shards") / "train", count=5, seed=1)


@pytest.fixture(scope="module")
def val(tmp_path_factory: pytest.TempPathFactory) -> ShardStore:
    return tiny_store(tmp_path_factory.mktemp("shards") / "val", count=3, seed=2)


def _config(**overrides: Any) -> PhaseConfig:
    values = {"epochs": 2, "epochs_decay": 1, "batch_size": 2, "learning_rate": 0.01, "beta1": 0.5, "beta2": 0.999}
    return PhaseConfig(**(values | {"flip": True, "seed": 5} | overrides))


def _train(
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
) -> TrainingResult:
    trainer = Trainer(
        train=train,
        val=val,
        losses=LossesConfig(lambda_feature_matching=10, lambda_perceptual=10, vgg_weights=None),
        progress=ProgressConfig(checkpoint_seconds=checkpoint_seconds, sample_epochs=2),
        fabric=cpu_fabric(),
        checkpoints=CheckpointFolder(state, fingerprint),
        recorder=recorder or RecordingRecorder(),
    )
    if start is None and stage != "train_global":
        start = tiny_networks(model, enhancers=0, seed=9)
    return trainer.run(phases_of(stage, model, 4, config or _config()), start)


def _assert_equal(found: TrainingResult, expected: TrainingResult) -> None:
    assert found.history == expected.history
    weights = expected.networks.state_dict()
    assert found.networks.state_dict().keys() == weights.keys()
    for key, value in found.networks.state_dict().items():
        assert torch.equal(value, weights[key]), key


def _interrupt_at_step(monkeypatch: pytest.MonkeyPatch, step_number: int) -> list[int]:
    original, steps = TrainingStep.gradients, []

    def gradients(self: TrainingStep, batch: Batch) -> StepResult:
        steps.append(len(steps))
        if len(steps) == step_number:
            raise InterruptError
        return original(self, batch)

    monkeypatch.setattr(TrainingStep, "gradients", gradients)
    return steps


@pytest.mark.parametrize("step_number", [2, 4, 6, 7, 8, 12])
def test_training_interrupted_at_any_step_ends_as_if_never_interrupted(
    step_number: int, train: ShardStore, val: ShardStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two local phases of 2 epochs of 3 batches: 12 steps; step 7 is the first of the second phase.
    uninterrupted = _train(train, val, tmp_path / "one")
    with monkeypatch.context() as patch:
        _interrupt_at_step(patch, step_number)
        with pytest.raises(InterruptError):
            _train(train, val, tmp_path / "two")
    with monkeypatch.context() as patch:
        steps = _interrupt_at_step(patch, 0)
        resumed = _train(train, val, tmp_path / "two")
        assert len(steps) == 12 - (step_number - 1)  # the steps before are not taken again
    _assert_equal(resumed, uninterrupted)


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_training_interrupted_by_the_recorder_ends_as_if_never_interrupted(
    stop_after: int, train: ShardStore, val: ShardStore, tmp_path: Path
) -> None:
    told = RecordingRecorder()
    uninterrupted = _train(train, val, tmp_path / "one", recorder=told)
    stopped, resumed = RecordingRecorder(stop_after), RecordingRecorder()
    with pytest.raises(InterruptError):
        _train(train, val, tmp_path / "two", recorder=stopped)
    _assert_equal(_train(train, val, tmp_path / "two", recorder=resumed), uninterrupted)
    told_of = dict(stopped.rows) | dict(resumed.rows)
    assert told_of == dict(told.rows)


def test_training_interrupted_before_the_first_checkpoint_starts_again(
    train: ShardStore, val: ShardStore, tmp_path: Path
) -> None:
    uninterrupted = _train(train, val, tmp_path / "one", checkpoint_seconds=3600)
    assert list((tmp_path / "one").iterdir()) == []
    with pytest.raises(InterruptError):
        _train(train, val, tmp_path / "two", recorder=RecordingRecorder(3), checkpoint_seconds=3600)
    _assert_equal(_train(train, val, tmp_path / "two", checkpoint_seconds=3600), uninterrupted)


def test_a_finished_stage_run_again_gives_the_same_without_a_step(
    train: ShardStore, val: ShardStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _train(train, val, tmp_path)
    steps = _interrupt_at_step(monkeypatch, 1)
    _assert_equal(_train(train, val, tmp_path), first)
    assert steps == []


def test_another_fingerprint_starts_afresh_and_says_so(
    train: ShardStore, val: ShardStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    uninterrupted = _train(train, val, tmp_path / "one")
    with pytest.raises(InterruptError):
        _train(train, val, tmp_path / "two", recorder=RecordingRecorder(2), config=_config(learning_rate=0.1))
    with caplog.at_level(logging.WARNING):
        found = _train(train, val, tmp_path / "two", fingerprint="other")
    assert "starts afresh" in caplog.text
    _assert_equal(found, uninterrupted)


def test_a_local_phase_leaves_g1_as_it_was_and_the_joint_phase_does_not(
    train: ShardStore, val: ShardStore, tmp_path: Path
) -> None:
    start = tiny_networks(MODEL, enhancers=0, seed=9)
    g1 = {key: value.clone() for key, value in start.generator.global_generator.state_dict().items()}
    local = _train(train, val, tmp_path / "local", start=start).networks
    assert all(torch.equal(value, g1[key]) for key, value in local.generator.global_generator.state_dict().items())
    assert not torch.equal(local.encoder.head[1].weight, start.encoder.head[1].weight)
    coarsest = "discriminators.0.layers.0.0.weight"
    assert not torch.equal(local.discriminator.state_dict()[coarsest], start.discriminator.state_dict()[coarsest])
    joint = _train(train, val, tmp_path / "joint", "finetune", start=local).networks
    changed = joint.generator.global_generator.state_dict()
    assert all(not torch.equal(changed[key], g1[key]) for key in g1 if key.endswith("weight"))


def test_the_second_local_phase_leaves_the_first_enhancer_as_it_was(
    train: ShardStore, val: ShardStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _interrupt_at_step(patch, 7)
        with pytest.raises(InterruptError):
            _train(train, val, tmp_path / "state")
    after_first = CheckpointFolder(tmp_path / "state", "same").load()["networks"]
    networks = _train(train, val, tmp_path / "state").networks.state_dict()
    keys = [key for key in after_first if key.startswith("generator.local_enhancers.0.")]
    assert keys
    assert all(torch.equal(networks[key], after_first[key]) for key in keys)


def test_history_has_a_row_for_each_epoch_of_the_stage(train: ShardStore, val: ShardStore, tmp_path: Path) -> None:
    recorder = RecordingRecorder()
    result = _train(train, val, tmp_path, recorder=recorder)
    assert [(row["phase"], row["epoch"]) for row in result.history] == [
        ("local_1", 1),
        ("local_1", 2),
        ("local_2", 3),
        ("local_2", 4),
    ]
    # A decay of one epoch, the last: it still has the whole rate.
    assert [row["learning_rate"] for row in result.history] == [0.01] * 4
    assert recorder.rows == list(enumerate(result.history, start=1))
    # Rows of 3 pictures of the phase's size with gaps of 2: local_1 works at half size.
    assert {name: picture.shape for name, picture in recorder.samples.items()} == {
        "local_1_epoch_0002": (3 * (16 + 2), 3 * (32 + 2), 3),
        "local_2_epoch_0002": (3 * (32 + 2), 3 * (64 + 2), 3),
    }


def test_the_rate_of_each_epoch_is_that_of_the_schedule(train: ShardStore, val: ShardStore, tmp_path: Path) -> None:
    config = _config(epochs=4, epochs_decay=2)
    result = _train(train, val, tmp_path, "train_global", config=config)
    assert [row["learning_rate"] for row in result.history] == [0.01, 0.01, 0.01, 0.005]


def test_losses_of_an_epoch_are_the_means_over_its_batches(
    train: ShardStore, val: ShardStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, float]] = []
    original = TrainingStep.gradients

    def gradients(self: TrainingStep, batch: Batch) -> StepResult:
        result = original(self, batch)
        seen.append({name: loss.item() for name, loss in result.named().items()})
        return result

    monkeypatch.setattr(TrainingStep, "gradients", gradients)
    result = _train(train, val, tmp_path, "train_global", config=_config(epochs=1))
    (row,) = result.history
    assert len(seen) == 3
    for name in seen[0]:
        assert row[name] == pytest.approx(sum(losses[name] for losses in seen) / 3)
    assert "generator_perceptual" not in row  # no weights of VGG19


def test_every_picture_is_seen_once_an_epoch_with_an_uneven_last_batch(
    train: ShardStore, val: ShardStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[Sequence[str]] = []
    original = TrainingStep.gradients

    def gradients(self: TrainingStep, batch: Batch) -> StepResult:
        batches.append(batch.names)
        return original(self, batch)

    monkeypatch.setattr(TrainingStep, "gradients", gradients)
    _train(train, val, tmp_path, "train_global")
    assert [len(names) for names in batches] == [2, 2, 1, 2, 2, 1]
    for epoch in (batches[:3], batches[3:]):
        assert sorted(name for names in epoch for name in names) == sorted(train.index.names)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    train: ShardStore, val: ShardStore, tmp_path: Path
) -> None:
    runs = [
        _train(train, val, tmp_path / str(number), "train_global", config=_config(epochs=1, seed=seed))
        for number, seed in enumerate((1, 1, 2))
    ]
    _assert_equal(runs[1], runs[0])
    assert runs[2].history != runs[0].history


def test_a_loss_that_is_not_finite_stops_with_its_name_place_and_pictures(
    train: ShardStore, val: ShardStore, tmp_path: Path
) -> None:
    start = tiny_networks(MODEL, enhancers=0, seed=9)
    start.discriminator.discriminators[0].layers[0][0].weight.data.fill_(float("nan"))
    with pytest.raises(FloatingPointError) as caught:
        _train(train, val, tmp_path, start=start)
    message = str(caught.value)
    assert message.startswith("loss generator_adversarial is nan in epoch 1, step 1; pictures of the batch: picture_")
    assert len([name for name in train.index.names if name in message]) == 2
    assert not (tmp_path / "checkpoint.pt").exists()  # nothing to continue from with such weights


def test_a_stage_without_phases_passes_the_networks_on(train: ShardStore, val: ShardStore, tmp_path: Path) -> None:
    model = tiny_model(n_local_enhancers=0)
    start = tiny_networks(model)
    result = _train(train, val, tmp_path, "finetune", start=start, model=model)
    assert result.networks is start
    assert result.history == []


def test_batch_norm_trains_too(train: ShardStore, val: ShardStore, tmp_path: Path) -> None:
    model = tiny_model(norm="batch")
    result = _train(train, val, tmp_path, "train_global", model=model, config=_config(epochs=1))
    mean = result.networks.generator.global_generator.stem[2].running_mean
    assert mean.any()
    assert result.networks.training

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from components.checkpoint import CheckpointFolder
from components.data.loader import Batch
from components.data.store import ShardStore
from components.models.networks import Networks
from components.training.step import StepResult, TrainingStep
from tests.given import given
from tests.tiny import tiny_model, tiny_networks
from tests.training_run import (
    MODEL,
    InterruptError,
    RecordingRecorder,
    assert_equal,
    interrupt_at_step,
    phase_config,
    train_stage,
)


def _g1(networks: Networks) -> dict[str, Tensor]:
    return networks.generator.get_submodule("global_generator").state_dict()


def test_a_local_phase_leaves_g1_as_it_was_and_the_joint_phase_does_not(
    train: ShardStore, val: ShardStore, tmp_path: Path
) -> None:
    start = tiny_networks(MODEL, enhancers=0, seed=9)
    g1 = {key: value.clone() for key, value in _g1(start).items()}
    local = train_stage(train, val, tmp_path / "local", start=start).networks
    assert all(torch.equal(value, g1[key]) for key, value in _g1(local).items())
    for name in ("encoder.head.1.weight", "discriminator.discriminators.0.layers.0.0.weight"):
        assert not torch.equal(local.get_parameter(name), start.get_parameter(name)), name
    joint = train_stage(train, val, tmp_path / "joint", "finetune", start=local).networks
    changed = _g1(joint)
    assert all(not torch.equal(changed[key], g1[key]) for key in g1 if key.endswith("weight"))


def test_the_second_local_phase_leaves_the_first_enhancer_as_it_was(
    train: ShardStore, val: ShardStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_at_step(patch, 7)
        with pytest.raises(InterruptError):
            train_stage(train, val, tmp_path / "state")
    after_first = given(CheckpointFolder(tmp_path / "state", "same", keep=2).load())["networks"]
    networks = train_stage(train, val, tmp_path / "state").networks.state_dict()
    keys = [key for key in after_first if key.startswith("generator.local_enhancers.0.")]
    assert keys
    assert all(torch.equal(networks[key], after_first[key]) for key in keys)


def test_history_has_a_row_for_each_epoch_of_the_stage(train: ShardStore, val: ShardStore, tmp_path: Path) -> None:
    recorder = RecordingRecorder()
    result = train_stage(train, val, tmp_path, recorder=recorder)
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
    config = phase_config(epochs=4, epochs_decay=2)
    result = train_stage(train, val, tmp_path, "train_global", config=config)
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
    result = train_stage(train, val, tmp_path, "train_global", config=phase_config(epochs=1))
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
    train_stage(train, val, tmp_path, "train_global")
    assert [len(names) for names in batches] == [2, 2, 1, 2, 2, 1]
    for epoch in (batches[:3], batches[3:]):
        assert sorted(name for names in epoch for name in names) == sorted(train.index.names)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    train: ShardStore, val: ShardStore, tmp_path: Path
) -> None:
    runs = [
        train_stage(train, val, tmp_path / str(number), "train_global", config=phase_config(epochs=1, seed=seed))
        for number, seed in enumerate((1, 1, 2))
    ]
    assert_equal(runs[1], runs[0])
    assert runs[2].history != runs[0].history


def test_a_loss_that_is_not_finite_stops_with_its_name_place_and_pictures(
    train: ShardStore, val: ShardStore, tmp_path: Path
) -> None:
    start = tiny_networks(MODEL, enhancers=0, seed=9)
    start.get_parameter("discriminator.discriminators.0.layers.0.0.weight").data.fill_(float("nan"))
    with pytest.raises(FloatingPointError) as caught:
        train_stage(train, val, tmp_path, start=start)
    message = str(caught.value)
    assert message.startswith("loss generator_adversarial is nan in epoch 1, step 1; pictures of the batch: picture_")
    assert len([name for name in train.index.names if name in message]) == 2
    assert list(tmp_path.glob("*.pt")) == []  # nothing to continue from with such weights


def test_a_stage_without_phases_passes_the_networks_on(train: ShardStore, val: ShardStore, tmp_path: Path) -> None:
    model = tiny_model(n_local_enhancers=0)
    start = tiny_networks(model)
    result = train_stage(train, val, tmp_path, "finetune", start=start, model=model)
    assert result.networks is start
    assert result.history == []


def test_batch_norm_trains_too(train: ShardStore, val: ShardStore, tmp_path: Path) -> None:
    model = tiny_model(norm="batch")
    result = train_stage(train, val, tmp_path, "train_global", model=model, config=phase_config(epochs=1))
    assert result.networks.get_buffer("generator.global_generator.stem.2.running_mean").any()
    assert result.networks.training

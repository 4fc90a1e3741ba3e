import logging
from pathlib import Path

import pytest

from components.data.store import ShardStore
from tests.training_run import (
    InterruptError,
    RecordingRecorder,
    assert_equal,
    interrupt_at_step,
    phase_config,
    train_stage,
)


@pytest.mark.parametrize("step_number", [2, 4, 6, 7, 8, 12])
def test_training_interrupted_at_any_step_ends_as_if_never_interrupted(
    step_number: int, train: ShardStore, val: ShardStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two local phases of 2 epochs of 3 batches: 12 steps; step 7 is the first of the second phase.
    uninterrupted = train_stage(train, val, tmp_path / "one")
    with monkeypatch.context() as patch:
        interrupt_at_step(patch, step_number)
        with pytest.raises(InterruptError):
            train_stage(train, val, tmp_path / "two")
    with monkeypatch.context() as patch:
        steps = interrupt_at_step(patch, 0)
        resumed = train_stage(train, val, tmp_path / "two")
        assert len(steps) == 12 - (step_number - 1)  # the steps before are not taken again
    assert_equal(resumed, uninterrupted)


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_training_interrupted_by_the_recorder_ends_as_if_never_interrupted(
    stop_after: int, train: ShardStore, val: ShardStore, tmp_path: Path
) -> None:
    told = RecordingRecorder()
    uninterrupted = train_stage(train, val, tmp_path / "one", recorder=told)
    stopped, resumed = RecordingRecorder(stop_after), RecordingRecorder()
    with pytest.raises(InterruptError):
        train_stage(train, val, tmp_path / "two", recorder=stopped)
    assert_equal(train_stage(train, val, tmp_path / "two", recorder=resumed), uninterrupted)
    told_of = dict(stopped.rows) | dict(resumed.rows)
    assert told_of == dict(told.rows)


def test_training_interrupted_before_the_first_checkpoint_starts_again(
    train: ShardStore, val: ShardStore, tmp_path: Path
) -> None:
    uninterrupted = train_stage(train, val, tmp_path / "one", checkpoint_seconds=3600)
    with pytest.raises(InterruptError):
        train_stage(train, val, tmp_path / "two", recorder=RecordingRecorder(2), checkpoint_seconds=3600)
    assert list((tmp_path / "two").iterdir()) == []  # the first one is saved at the end of the phase
    assert_equal(train_stage(train, val, tmp_path / "two", checkpoint_seconds=3600), uninterrupted)


def test_a_finished_stage_run_again_gives_the_same_without_a_step(
    train: ShardStore, val: ShardStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train_stage(train, val, tmp_path)
    steps = interrupt_at_step(monkeypatch, 1)
    assert_equal(train_stage(train, val, tmp_path), first)
    assert steps == []


def test_another_fingerprint_starts_afresh_and_says_so(
    train: ShardStore, val: ShardStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    uninterrupted = train_stage(train, val, tmp_path / "one")
    with pytest.raises(InterruptError):
        train_stage(train, val, tmp_path / "two", recorder=RecordingRecorder(2), config=phase_config(learning_rate=0.1))
    with caplog.at_level(logging.WARNING):
        found = train_stage(train, val, tmp_path / "two", fingerprint="other")
    assert "starts afresh" in caplog.text
    assert_equal(found, uninterrupted)

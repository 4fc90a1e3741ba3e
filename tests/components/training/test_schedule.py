import pytest

from components.training.schedule import rate_factor
from tests.training_run import phase_config


def test_the_rate_is_whole_and_then_falls_linearly_to_zero() -> None:
    # Epochs 0-3 whole; the decay of 4 epochs starts whole at epoch 4 and would reach zero in epoch 8.
    factors = [rate_factor(epoch, epochs=8, epochs_decay=4) for epoch in range(8)]
    assert factors == [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]


def test_without_decay_the_rate_stays() -> None:
    assert [rate_factor(epoch, epochs=3, epochs_decay=0) for epoch in range(3)] == [1, 1, 1]


def test_a_decay_over_all_epochs_starts_at_once() -> None:
    assert [rate_factor(epoch, epochs=4, epochs_decay=4) for epoch in range(4)] == [1, 0.75, 0.5, 0.25]


def test_more_epochs_of_decay_than_epochs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"epochs_decay\n.*must be at most epochs \(2\), got 3"):
        phase_config(epochs=2, epochs_decay=3)
    assert phase_config(epochs=2, epochs_decay=2).epochs_decay == 2

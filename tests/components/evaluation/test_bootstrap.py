import numpy as np
import pytest

from components.evaluation.bootstrap import Bootstrap, Estimate


def _bootstrap(samples: int = 1000, confidence: float = 0.95, seed: int = 0) -> Bootstrap:
    return Bootstrap(samples, confidence, seed)


def test_a_resample_draws_as_many_pictures_as_there_are_each_as_likely_as_another() -> None:
    weights = _bootstrap(samples=20_000).weights(5)
    assert weights.shape == (20_000, 5)
    assert (weights.sum(1) == 5).all()
    assert weights.mean(0) == pytest.approx(np.ones(5), abs=0.05)
    assert (weights == 0).mean() == pytest.approx(0.8**5, abs=0.01)


def test_the_same_seed_gives_the_same_resamples_and_another_one_others() -> None:
    first, again, other = (_bootstrap(seed=seed).weights(4) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_bounds_are_percentiles_and_leave_out_what_is_nan() -> None:
    resampled = np.full((102, 3), np.nan)
    resampled[:101, 0] = np.arange(101)[::-1]
    resampled[:11, 1] = np.arange(11)
    low, high = _bootstrap(confidence=0.9).bounds(resampled)
    assert (low[0], high[0]) == pytest.approx((5, 95))
    assert (low[1], high[1]) == pytest.approx((0.5, 9.5))
    assert np.isnan([low[2], high[2]]).all()


def test_the_interval_of_a_mean_is_that_of_the_theory() -> None:
    values = np.random.default_rng(0).normal(3, 2, size=400)
    found = _bootstrap(samples=4000).mean(values)
    assert found.value == pytest.approx(values.mean())
    half = 1.96 * values.std() / 20
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.02)


def test_pictures_that_are_all_alike_leave_no_doubt() -> None:
    assert _bootstrap().mean(np.array([2.0, 2.0, 2.0])) == Estimate(2, 2, 2)


def test_biased_resamples_give_their_spread_to_the_figure_itself() -> None:
    found = _bootstrap(confidence=0.8).around(1.0, np.append(np.arange(11) + 100.0, np.nan))
    assert (found.low, found.value, found.high) == pytest.approx((1 - 4, 1, 1 + 4))

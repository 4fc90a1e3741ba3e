"""Means over seeds, differences, and their intervals."""

import pytest
from scipy.stats import t

from experiments.statistics import Interval, difference, mean_over_seeds


def test_a_mean_of_three_has_the_interval_of_a_table_of_student() -> None:
    found = mean_over_seeds([1.0, 2.0, 3.0])  # standard deviation 1; t of 2 degrees of freedom is 4.3027
    assert found.value == pytest.approx(2)
    assert found.high == pytest.approx(2 + 4.3027 / 3**0.5, abs=1e-4)
    assert found.low == pytest.approx(2 - 4.3027 / 3**0.5, abs=1e-4)


def test_a_mean_of_two_has_a_wide_interval() -> None:
    found = mean_over_seeds([0.4, 0.6])  # t of 1 degree of freedom is 12.7062, the standard error 0.1
    assert (found.low, found.high) == pytest.approx((0.5 - 1.27062, 0.5 + 1.27062), abs=1e-5)


def test_a_single_value_has_no_interval() -> None:
    assert mean_over_seeds([0.3]) == Interval(0.3)
    assert difference([0.3], [0.1, 0.1]).low is None
    assert difference([0.3, 0.3], [0.1]).high is None


def test_a_difference_has_the_interval_of_welch() -> None:
    found = difference([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    error = (1 / 3 + 4 / 3) ** 0.5
    freedom = (1 / 3 + 4 / 3) ** 2 / ((1 / 3) ** 2 / 2 + (4 / 3) ** 2 / 2)  # Welch and Satterthwaite: 2.94
    half = t.ppf(0.975, freedom) * error
    assert found.value == pytest.approx(-2)
    assert (found.low, found.high) == pytest.approx((-2 - half, -2 + half))


def test_a_difference_of_values_that_do_not_vary_is_certain() -> None:
    found = difference([0.5, 0.5], [0.25, 0.25])
    assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)
    assert difference([0.5, 0.5], [0.1, 0.3]).low is not None

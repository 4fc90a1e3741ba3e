"""Means over seeds and differences of rows, with 95 % confidence intervals (Student's t)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t, ttest_ind

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure and its interval; without bounds where nothing gives any."""

    value: float
    low: float | None = None
    high: float | None = None


def mean_over_seeds(values: Sequence[float]) -> Interval:
    """Mean of at least one value; a single one gives no bounds."""
    mean = float(np.mean(values))
    if len(values) == 1:
        return Interval(mean)
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


def difference(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Mean of the first less that of the second, whose spreads may differ (Welch); a single value gives no bounds."""
    value = float(np.mean(first) - np.mean(second))
    if len(first) == 1 or len(second) == 1:
        return Interval(value)
    if np.ptp(first) == np.ptp(second) == 0:  # Welch's degrees of freedom are 0/0
        return Interval(value, value, value)
    bounds = ttest_ind(first, second, equal_var=False).confidence_interval(CONFIDENCE)
    return Interval(value, float(bounds.low), float(bounds.high))

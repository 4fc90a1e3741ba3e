"""Confidence intervals by the bootstrap over pictures (Efron 1979): percentiles over resamples of the pictures.

Shapes: N pictures, S resamples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """A figure over all pictures, and its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made.

    Attributes:
        samples: S.
        confidence: that an interval holds what endless pictures of the same kind would give, 0..1.
        seed: of the resamples. They are the same for all figures over the same pictures.
    """

    samples: int
    confidence: float
    seed: int

    def weights(self, pictures: int) -> NDArray[np.int64]:
        """How often each picture is in each resample, (S, N): N draws with replacement."""
        shares = np.full(pictures, 1 / pictures)
        return np.random.default_rng(self.seed).multinomial(pictures, shares, size=self.samples)

    def bounds(self, resampled: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lower and upper bounds (2, ...) of figures (S, ...) of the resamples; those that are nan do not count."""
        tail = (1 - self.confidence) / 2
        absent = np.isnan(resampled).all(0)
        bounds = np.nanquantile(np.where(absent, 0, resampled), [tail, 1 - tail], axis=0)
        return np.where(absent, np.nan, bounds)

    def mean(self, values: NDArray[np.float64]) -> Estimate:
        """Mean of a figure (N,) that each picture has."""
        low, high = self.bounds(self.weights(len(values)) @ values / len(values))
        return Estimate(float(values.mean()), float(low), float(high))

    def around(self, value: float, resampled: NDArray[np.float64]) -> Estimate:
        """A figure whose resamples (S,) are biased against it, as they hold pictures twice: their spread around it."""
        low, high = self.bounds(value + resampled - np.nanmean(resampled))
        return Estimate(value, float(low), float(high))

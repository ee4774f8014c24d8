"""Means over tasks with 95 % confidence intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest, bootstrap

_RESAMPLES = 2000


@dataclass(frozen=True)
class Curve:
    """A number for each task after each number of adaptation episodes.

    Attributes:
        values: ``[budget, task]``.
        binary: Whether each value is a success (1) or a failure (0), so that the mean is a rate.
    """

    values: np.ndarray
    binary: bool = False

    @property
    def mean(self) -> np.ndarray:
        """Mean over tasks, ``[budget]``."""
        return self.values.mean(axis=1)

    @property
    def ci95(self) -> np.ndarray:
        """95 % interval of the mean over tasks, ``[budget, 2]``: :func:`bootstrapped`, or :func:`wilson` for a rate."""
        interval = wilson if self.binary else bootstrapped
        return np.array([interval(row) for row in self.values])

    def to_json(self) -> dict[str, Any]:
        """Means and intervals as lists."""
        return {"mean": self.mean.tolist(), "ci95": self.ci95.tolist()}


def bootstrapped(values: np.ndarray) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean of ``values [task]``, always from the same resamples."""
    if len(values) < 2 or np.ptp(values) == 0.0:
        return float(values.mean()), float(values.mean())
    interval = bootstrap(
        (values,), np.mean, n_resamples=_RESAMPLES, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return float(interval.low), float(interval.high)


def wilson(values: np.ndarray) -> tuple[float, float]:
    """95 % score interval (Wilson, 1927) of the rate of ones in ``values [task]``.

    Unlike the bootstrap, it has a width when all values are equal.
    """
    interval = binomtest(round(values.sum()), len(values)).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)

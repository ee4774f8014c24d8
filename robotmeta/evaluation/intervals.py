"""Means over tasks with 95 % confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest, bootstrap

_RESAMPLES = 2000


@dataclass(frozen=True)
class Curve:
    """A number for each task after each number of adaptation episodes.

    Attributes:
        values: ``[budget, task]``; a row of NaN where nothing was measured.
        binary: Whether each value is a success (1) or a failure (0), so that the mean is a rate.
    """

    values: np.ndarray
    binary: bool = False

    @property
    def mean(self) -> np.ndarray:
        """Mean over tasks, ``[budget]``."""
        return self.values.mean(axis=1)

    @property
    def has_interval(self) -> bool:
        """Whether the tasks say how far the mean may be off: one task says it of a rate alone."""
        return self.binary or self.values.shape[1] > 1

    @property
    def ci95(self) -> np.ndarray:
        """95 % interval of the mean over tasks, ``[budget, 2]``: :func:`bootstrapped`, or :func:`wilson` for a rate.

        Where there is none, both ends are the mean.
        """
        interval = wilson if self.binary else bootstrapped
        return np.array([interval(row) for row in self.values])

    def to_json(self) -> dict[str, Any]:
        """Means as a list, and intervals as a list, or None where there are none."""
        return {"mean": self.mean.tolist(), "ci95": self.ci95.tolist() if self.has_interval else None}

    def text(self, shown: Callable[[float], str], budget: int = -1) -> str:
        """The mean after one number of episodes, with its interval if there is one; empty if it was not measured."""
        if np.isnan(self.values[budget]).all():
            return ""
        mean, (low, high) = self.mean[budget], self.ci95[budget]
        return f"{shown(mean)} [{shown(low)}, {shown(high)}]" if self.has_interval else shown(mean)


def bootstrapped(values: np.ndarray, statistic: Callable[..., np.ndarray] = np.mean) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean of ``values [task]``, always from the same resamples.

    Args:
        values: The values.
        statistic: Instead of the mean, such as ``np.median``.
    """
    if len(values) < 2 or np.ptp(values) == 0.0 or np.isnan(values).all():
        return float(statistic(values)), float(statistic(values))
    interval = bootstrap(
        (values,), statistic, n_resamples=_RESAMPLES, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return float(interval.low), float(interval.high)


def wilson(values: np.ndarray) -> tuple[float, float]:
    """95 % score interval (Wilson, 1927) of the rate of ones in ``values [task]``.

    Unlike the bootstrap, it has a width when all values are equal.
    """
    if np.isnan(values).all():
        return math.nan, math.nan
    interval = binomtest(round(values.sum()), len(values)).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)

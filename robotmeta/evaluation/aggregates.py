"""Aggregates over seeds and tasks, as Agarwal et al. 2021 define them (arXiv:2108.13264).

Their library rliable does not import with current pandas, and brings nine packages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata, trim_mean

_RESAMPLES = 2000
_LEVEL = 0.95


class Aggregate(NamedTuple):
    """A number, and its 95 % interval; None with a single seed."""

    value: float
    ci95: tuple[float, float] | None

    def text(self, shown: Callable[[float], str]) -> str:
        """The number with its interval if there is one."""
        bounds = "" if self.ci95 is None else " [{}, {}]".format(*map(shown, self.ci95))
        return f"{shown(self.value)}{bounds}"


def interquartile_mean(scores: np.ndarray) -> Aggregate:
    """Mean of the middle half of all scores ``[seed, task]``.

    It is robust to outliers, as the median is, but needs fewer seeds.
    """
    return _aggregate(lambda values: trim_mean(values.reshape(len(values), -1), 0.25, axis=1), scores)


def probability_of_improvement(scores: np.ndarray, others: np.ndarray) -> Aggregate:
    """How likely a seed of one learner scores higher than a seed of another one in a task, averaged over tasks.

    For each task it is the Mann-Whitney statistic; ties count half.

    Args:
        scores: Of the one, ``[seed, task]``.
        others: Of the other, ``[seed, task]``; there may be another number of seeds.
    """

    def likely(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        n, m = one.shape[1], other.shape[1]
        ranks = rankdata(np.concatenate([one, other], axis=1), axis=1)[:, :n].sum(axis=1)
        return ((ranks - n * (n + 1) / 2) / (n * m)).mean(axis=-1)

    return _aggregate(likely, scores, others)


def _aggregate(function: Callable[..., np.ndarray], *scores: np.ndarray) -> Aggregate:
    """A function of scores, with a stratified bootstrap: each task draws its seeds anew, tasks stay as they are.

    Args:
        function: Of scores ``[resample, seed, task]``.
        scores: ``[seed, task]`` each.
    """
    value = float(function(*(each[None] for each in scores))[0])
    if min(len(each) for each in scores) < 2:
        return Aggregate(value, None)
    rng = np.random.default_rng(0)
    drawn = (
        np.take_along_axis(each[None], rng.integers(len(each), size=(_RESAMPLES, *each.shape)), axis=1)
        for each in scores
    )
    tail = 50.0 * (1.0 - _LEVEL)
    low, high = np.percentile(function(*drawn), [tail, 100.0 - tail])
    return Aggregate(value, (float(low), float(high)))

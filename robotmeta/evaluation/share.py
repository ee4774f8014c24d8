"""How much of what a specialist gains over a random policy another policy gains: the share of the specialist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t, ttest_ind_from_stats

_LEVEL = 0.95


@dataclass(frozen=True)
class Share:
    """``mean_i(x_i - r_i) / mean_i(s_i - r_i)`` over tasks i, with x the policy, s the specialist, r the random policy.

    The ratio of means is taken, not the mean of ratios: a task in which a specialist gains little would have a ratio
    far from all others, and decide the mean.

    Attributes:
        gained: ``x - r``, return over the random policy's after each number of episodes, ``[budget, task]``.
        possible: ``s - r``, return of the specialist over the random policy's, ``[task]``.
    """

    gained: np.ndarray
    possible: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The share after each number of episodes, ``[budget]``."""
        return self.gained.mean(axis=1) / self.possible.mean()

    @property
    def ci95(self) -> np.ndarray | None:
        """95 % interval after each number of episodes, ``[budget, 2]``; None where the tasks do not bound it.

        It holds the shares q for which the mean of ``(x - r) - q (s - r)`` over tasks is compatible with zero by a t
        test (Fieller, 1954). It pairs the three returns of a task, and covers as often as it should with ten tasks,
        where the bootstrap of the ratio does not: about 95 against 89 %.
        """
        tasks = len(self.possible)
        if tasks < 2:
            return None
        width = t.ppf(0.5 + 0.5 * _LEVEL, tasks - 1) ** 2 / tasks
        intervals = []
        for row in self.gained:  # the roots q of mean(d)^2 = t^2 var(d) / n with d = row - q * possible
            (row_variance, both), (_, variance) = np.cov(row, self.possible)
            square = self.possible.mean() ** 2 - width * variance
            if square <= 0.0:  # the specialists' gain may be zero
                return None
            middle = row.mean() * self.possible.mean() - width * both
            rest = row.mean() ** 2 - width * row_variance
            spread = np.sqrt(max(middle**2 - square * rest, 0.0))
            intervals.append(((middle - spread) / square, (middle + spread) / square))
        return np.array(intervals)

    def to_json(self) -> dict[str, Any]:
        """Means as a list, and intervals as a list, or None where there are none."""
        interval = self.ci95
        return {"mean": self.mean.tolist(), "ci95": None if interval is None else interval.tolist()}

    def text(self, budget: int = -1) -> str:
        """The share after one number of episodes in per cent, with its interval; empty if it was not measured."""
        if np.isnan(self.mean[budget]):
            return ""
        interval = self.ci95
        bounds = "" if interval is None else f" [{interval[budget][0]:.0%}, {interval[budget][1]:.0%}]"
        return f"{self.mean[budget]:.0%}{bounds}"


@dataclass(frozen=True)
class Sample:
    """Returns of some episodes in one task.

    Attributes:
        mean: Their mean.
        std: Their standard deviation, with n - 1.
        episodes: n.
    """

    mean: float
    std: float
    episodes: int


def distinct(specialist: Sample, random: Sample) -> bool:
    """Whether a specialist is better than a random policy beyond doubt, by Welch's t test at 2.5 %, one-sided.

    Where it is not, nothing is known about what can be gained in the task, and a share of it has no meaning. A single
    episode leaves doubt.
    """
    if min(specialist.episodes, random.episodes) < 2:
        return False
    if specialist.std == random.std == 0.0:
        return specialist.mean > random.mean
    with np.errstate(all="ignore"):  # numbers beyond all reason are no proof
        found = ttest_ind_from_stats(*_of(specialist), *_of(random), equal_var=False, alternative="greater")
    return bool(found.pvalue < 0.5 * (1.0 - _LEVEL))


def _of(sample: Sample) -> tuple[float, float, int]:
    return sample.mean, sample.std, sample.episodes

"""How far recorded episodes allow the numbers of a task to move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from robotmeta.adaptation.fitting.coordinates import WIDER, Coordinates
from robotmeta.adaptation.fitting.joint_filter import Filtered
from robotmeta.adaptation.fitting.population import Candidates, Population, joined

SPREAD = 2.0
"""Factor on standard deviations, chosen on a few OOD tasks of grasp and quadruped."""

_RUNGS = (0.5, 2.0, 8.0, 32.0)  # standard deviations of the filter
_LEVEL = 0.2  # rise of the cost that is as good as none
_STEPS = (0.06, 0.15)  # moves of one number alone, in standard deviations before any episode
_FARTHEST = 1.0  # in standard deviations before any episode
_TRAINED = 1.0 / WIDER  # standard deviation of the training distribution in that before any episode


@dataclass(frozen=True)
class Profile:
    """Spreads of the numbers along independent directions.

    Attributes:
        directions: Columns are one standard deviation before any episode, ``[number, direction]``.
        spreads: Standard deviation along each direction, in that before any episode.
        level: How far each number alone can move without any effect, ``[number]``.
    """

    directions: np.ndarray
    spreads: np.ndarray
    level: np.ndarray

    @property
    def _open(self) -> np.ndarray:
        """Directions along which the episodes tell nothing."""
        return self.spreads >= _TRAINED

    def kept(self, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance, which along open directions are those of the training distribution.

        Args:
            mean: The best explanation of the episodes.
        """
        along = np.linalg.solve(self.directions, mean) if len(mean) else mean
        along = np.where(self._open, along - np.clip(along, -_FARTHEST, _FARTHEST), along)
        spreads = np.where(self._open, _TRAINED, SPREAD * self.spreads)
        return self.directions @ along, (self.directions * spreads**2) @ self.directions.T

    def within(self, covariance: np.ndarray) -> np.ndarray:
        """The part of a covariance that is along directions of which the episodes tell something."""
        if len(covariance) == 0:
            return covariance
        inverse = np.linalg.inv(self.directions)
        projection = self.directions @ np.diag(np.where(self._open, 0.0, 1.0)) @ inverse
        return projection @ covariance @ projection.T


def profiled(
    population: Population,
    coordinates: Coordinates,
    filtered: Filtered,
    covariance: np.ndarray,
    kinds: Mapping[str, float],
) -> Profile:
    """How far the episodes allow to move along the principal directions of a covariance.

    Along each direction, the cost of candidates to both sides of the best one tells how far the episodes allow. The
    filter's own spread is far too small along directions that hardly show, such as two frictions whose product
    counts, because its derivatives are not exact.

    Args:
        population: Replays candidates.
        coordinates: What is searched.
        filtered: Where the replays start.
        covariance: Of the numbers, ``[number, number]``.
        kinds: Kinds of the best task.
    """
    if len(covariance) == 0:
        return Profile(covariance, np.zeros(0), np.zeros(0))
    prior = np.sqrt(np.diag(coordinates.covariance))
    root = np.linalg.cholesky(coordinates.covariance)
    whitened = np.linalg.solve(root, np.linalg.solve(root, covariance).T)
    values, vectors = np.linalg.eigh((whitened + whitened.T) / 2.0)
    directions = root @ vectors
    best = population.explaining(kinds)[0][:1]
    kinds = best.kinds_of(0)
    rungs = np.minimum(np.sqrt(values.clip(1e-8))[:, None] * np.array(_RUNGS), _FARTHEST)
    sides = np.stack([rungs, -rungs], axis=-1)[..., None]  # [direction, rung, side, 1]
    points = best.numbers[0] + (sides * directions.T[:, None, None]).reshape(-1, len(values))
    axes = (np.array(_STEPS)[:, None, None] * np.array([1.0, -1.0])[:, None]) * np.sqrt(
        np.diag(coordinates.covariance)
    )  # [step, side, number]
    alone = best.numbers[0] + axes[..., None] * np.eye(len(values))  # [step, side, number, number]
    points = np.concatenate([points, alone.reshape(-1, len(values))])
    points = np.clip(points, coordinates.low, coordinates.high)
    same = {name: np.full(len(points), value) for name, value in kinds.items()}
    candidates = joined([best, Candidates(points, same)])
    missing = -len(candidates) % population.size
    candidates = joined([candidates, population.following([population.regression()], kinds)[:missing]])
    costs = population.evaluate_all(candidates, filtered)
    rises = costs[1 : 1 + len(points)] - costs[0]
    rises, of_axes = np.split(rises, [2 * len(_RUNGS) * len(values)])
    rises = rises.reshape(len(values), len(_RUNGS), 2)
    spreads = np.array([_spread(rung, rise) for rung, rise in zip(rungs, rises, strict=True)])
    flat = np.logical_and.accumulate(of_axes.reshape(len(_STEPS), 2, -1) < _LEVEL)  # up to each step
    reach = np.where(flat, np.array([*_STEPS[1:], _STEPS[-1]])[:, None, None], 0.0).max(axis=(0, 1))
    return Profile(directions, spreads, reach * prior)


def _spread(rungs: np.ndarray, rises: np.ndarray) -> float:
    """Standard deviation along a direction, in that before any episode.

    Args:
        rungs: Distances from the best candidate, ascending.
        rises: How much more the candidates there cost, to both sides, ``[rung, side]``.
    """
    found = []
    for side in rises.T:
        reached = np.flatnonzero(side >= 0.5)
        if len(reached) == 0:
            found.append(_FARTHEST)
            continue
        # The cost of a Gaussian rises by a half in one standard deviation.
        at = reached[0]
        smooth = rungs[at] / np.sqrt(2.0 * side[at])
        # A parameter that counts in whole steps, such as latency, has no effect up to somewhere between two rungs.
        level = at > 0 and side[at - 1] < _LEVEL
        found.append(max(smooth, np.sqrt(rungs[at - 1] * rungs[at])) if level else smooth)
    return float(min(np.sqrt(np.mean(np.square(found))), _FARTHEST))

"""A scan of the numbers that meta-training never varies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.adaptation.fitting.joint_filter import Filtered
from robotmeta.adaptation.fitting.population import Candidates, Population

_VALUES = 10  # of each number
_ZOOMS, _FINER = 3, 4  # how often, and with how many values a side, the scan looks where effects begin
_FLAT, _DIFFERENT = 0.2, 2.0  # rises of the cost that are as good as none, and that show another value


def scanned(
    population: Population, coordinates: Coordinates, filtered: Filtered, kinds: Mapping[str, float]
) -> np.ndarray:
    """Moves each number that is constant in meta-training alone, over its whole range, and the best moves together.

    Such a number may be far away, and often has no effect where it is nominal, such as the end of a joint's range that
    no position comes near. Then no derivative tells where it is. It is looked for where effects begin. The population
    remembers what was tried.

    Args:
        population: Replays candidates.
        coordinates: What is searched.
        filtered: Where the replays start.
        kinds: Of the task to move.

    Returns:
        bool ``[number]``, numbers that are constant in meta-training, and that cannot be nominal here.
    """
    differs = np.zeros(len(coordinates.numbers), bool)
    places = np.flatnonzero(coordinates.constant)
    if len(places) == 0:
        return differs
    best = population.explaining(kinds)[0][:1]

    def cost(points: np.ndarray, *, joining: bool = True) -> np.ndarray:
        same = {name: np.repeat(value, len(points)) for name, value in best.kinds.items()}
        return population.evaluate_all(Candidates(points, same), filtered, joining=joining)

    def moved(to: np.ndarray) -> np.ndarray:
        points = np.repeat(best.numbers[None], to.size, axis=0).reshape(*to.shape, -1)
        points[:, np.arange(len(places)), places] = to
        return points.reshape(to.size, -1)

    ends = coordinates.low[places], coordinates.high[places]
    values = np.stack([coordinates.nominal[places], best.numbers[0, places], *np.linspace(*ends, _VALUES)])
    costs = cost(moved(values), joining=False).reshape(values.shape)
    nominal, now = costs[:2]
    differs[places] = nominal - now > _DIFFERENT
    for _ in range(_ZOOMS):
        finer = np.stack([_edges(*column) for column in zip(values.T, costs.T, strict=True)], axis=1)
        values = np.concatenate([values, finer])
        costs = np.concatenate([costs, cost(moved(finer)).reshape(finer.shape)])
    gains = now - costs.min(axis=0)
    together, moves = best.numbers[0].copy(), []
    for i in np.argsort(-gains, kind="stable")[: np.count_nonzero(gains > 0.0)]:
        together[places[i]] = values[costs[:, i].argmin(), i]
        moves.append(together.copy())
    if moves:
        cost(np.array(moves))
    return differs


def _edges(values: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Values on both sides of the nominal one, between the last one without an effect and the first one with one.

    Args:
        values: Values of a number whose costs are known, the nominal one first.
        costs: Their costs.
    """
    finer = []
    for side in (1.0, -1.0):
        out = np.flatnonzero(side * (values - values[0]) >= 0.0)
        out = out[np.argsort(side * values[out], kind="stable")]
        effects = np.flatnonzero(np.abs(costs[out] - costs[0]) > _FLAT)
        last, first = values[out[effects[0] - 1 : effects[0] + 1]] if len(effects) else (values[0], values[0])
        finer.append(np.linspace(last, first, _FINER + 2)[1:-1])
    return np.concatenate(finer)

"""The search for the tasks that explain recorded episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from robotmeta.adaptation.fitting.coordinates import WIDER, Coordinates
from robotmeta.adaptation.fitting.joint_filter import Filtered, JointFilter
from robotmeta.adaptation.fitting.population import Candidates, Population, gaussian, joined
from robotmeta.adaptation.fitting.segments import Segments
from robotmeta.adaptation.posterior import TaskPosterior

CYCLES = 5
Z90 = 1.645  # standard deviations from the mean of a Gaussian to the end of its 90 % interval
CANDIDATES = 160
_WIDTHS = (0.25, 0.125, 0.1, 0.1, 0.1)  # of the differences in each cycle, in standard deviations before any episode
_ERROR = 0.3  # how far the task may be wrong in the first cycle; see JointFilter
_ERRORS = (0.02, 0.5)  # least and most of it in later cycles
_SENSORS = (0.003, 0.02, 0.1)  # noise of the signals that the filter tries, in standard deviations of the signals
_RIVALS = (0, 2, 2, 0, 0)  # other kinds that the filter tries in each cycle
_TRIES_SENSORS = (True, True, False, True, False)  # whether the filter tries the next smaller and larger noise
_UNINFORMATIVE = 0.9  # standard deviation after a pass, as a share of that before, at which it shows nothing
_RUNGS = (0.5, 2.0, 8.0, 32.0)  # standard deviations of the filter
_TEMPERATURE = 10.0  # of the filter's likelihood, which takes all steps and signals for independent
_LEVEL = 0.2  # rise of the cost that is as good as none
_STEPS = (0.06, 0.15)  # moves of one number alone, in standard deviations before any episode
_FARTHEST = 1.0  # in standard deviations before any episode
_TRAINED = 1.0 / WIDER  # standard deviation of the training distribution in that before any episode
_SAMPLES = 96
_SPREAD = 2.0  # factor on standard deviations, chosen on a few OOD tasks of grasp and quadruped


@dataclass(frozen=True)
class Start:
    """What is believed before the fit: mean and standard deviation of the numbers, and kinds."""

    mean: np.ndarray
    std: np.ndarray
    kinds: Mapping[str, float]


@dataclass
class Found:
    """The state of a search after a cycle.

    Attributes:
        at: Numbers at which the filter's last pass differentiated.
        width: Half the width of each of its differences.
        error: How far it took the task to be wrong; see :class:`JointFilter`.
        sensor: Its noise of the signals.
        filtered: States of the episodes at the best task.
        numbers: Of the best task.
        kinds: Of the best task.
        mean: Of the numbers, ``[number]``.
        covariance: Of the numbers, ``[number, number]``.
        frequencies: Probability of each kind by parameter.
        steps: Control steps that were simulated.
    """

    at: np.ndarray
    width: np.ndarray
    error: float
    sensor: float
    filtered: Filtered
    numbers: np.ndarray
    kinds: dict[str, float]
    mean: np.ndarray
    covariance: np.ndarray
    frequencies: dict[str, np.ndarray]
    steps: int


@dataclass
class _Progress:
    """Where a search is: the best task so far, and the settings of the filter's next pass."""

    numbers: np.ndarray
    kinds: dict[str, float]
    width: np.ndarray
    noise: int = 0
    error: float = _ERROR
    likelihood: float = -np.inf
    penalties: dict[tuple[float, ...], float] = field(default_factory=dict)
    steps: int = 0
    proposed: np.ndarray | None = None


@dataclass(frozen=True)
class _Profile:
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
        spreads = np.where(self._open, _TRAINED, _SPREAD * self.spreads)
        return self.directions @ along, (self.directions * spreads**2) @ self.directions.T

    def within(self, covariance: np.ndarray) -> np.ndarray:
        """The part of a covariance that is along directions of which the episodes tell something."""
        if len(covariance) == 0:
            return covariance
        inverse = np.linalg.inv(self.directions)
        projection = self.directions @ np.diag(np.where(self._open, 0.0, 1.0)) @ inverse
        return projection @ covariance @ projection.T


class Search:
    """Cycles of passes of the joint filter and rounds of the population.

    The filter follows smooth dynamics to the digit, but hard contacts mislead it. The population is robust, but slow,
    and its replays start from states that belong to the best task so far. Each proposes to the other.

    Args:
        coordinates: What is searched.
        joint: The filter.
        segments: The replays.
        rng: Draws candidates.
    """

    def __init__(
        self, coordinates: Coordinates, joint: JointFilter, segments: Segments, rng: np.random.Generator
    ) -> None:
        self._coordinates, self._joint, self._segments, self._rng = coordinates, joint, segments, rng
        self._prior = np.sqrt(np.diag(coordinates.covariance))
        self._population = Population(coordinates, segments, joint.spread, rng)

    def __call__(self, belief: Start, on_cycle: Callable[[int], None] | None = None) -> Found:
        """Searches from a belief.

        Args:
            belief: Where to start.
            on_cycle: Called after each cycle with its number, from 1.
        """
        c, population = self._coordinates, self._population
        now = _Progress(
            np.clip(belief.mean, c.low, c.high),
            {name: float(belief.kinds.get(name, values[0])) for name, values in c.kinds.items()},
            np.maximum(_WIDTHS[0] * self._prior, np.minimum(belief.std, self._prior)),
        )
        before = now.numbers
        found: Found | None = None
        for cycle in range(CYCLES):
            filtered = self._filtered(now, cycle)
            at, width = now.numbers, now.width
            std = np.sqrt(np.diag(filtered.covariance))
            unseen = std > _UNINFORMATIVE * self._prior
            proposal = self._proposal(filtered, now, found, unseen & (cycle > 0))
            now.proposed = proposal[0]
            if cycle == 0:
                candidates = population.first(belief.mean, belief.std, belief.kinds)
                population.evaluate(joined([candidates[1:], _one(proposal[0], now.kinds)]), filtered)
            else:
                population.evaluate(population.following([proposal, population.regression()], now.kinds), filtered)
            population.evaluate(population.following([proposal, population.regression()], now.kinds), filtered)
            profile = self._profiled(filtered, proposal[1], now.kinds)

            best = population.explaining(now.kinds)[0]
            now.numbers, now.kinds = best.numbers[0], best.kinds_of(0)
            moved, before = now.numbers - before, now.numbers
            mean, covariance = self._estimate(profile, moved, now.kinds)
            likely = population.probabilities(now.penalties)
            steps = now.steps + population.steps
            settings = (at, width, now.error, _SENSORS[now.noise])
            found = Found(*settings, filtered, now.numbers, now.kinds, mean, covariance, likely, steps)
            narrower = np.maximum(_WIDTHS[min(cycle + 1, CYCLES - 1)] * self._prior, np.minimum(std, now.width))
            # A difference that tells nothing may be too narrow: latency counts whole steps of the physics.
            now.width = np.where(unseen, np.minimum(2.0 * now.width, 0.5 * self._prior), narrower)
            if on_cycle is not None:
                on_cycle(cycle + 1)
        assert found is not None
        return found

    def _filtered(self, now: _Progress, cycle: int) -> Filtered:
        """The likeliest pass of the filter, among some kinds and some noises of the sensors."""
        rivals = self._population.rivals(now.kinds, _RIVALS[cycle]) if cycle else []
        trials = [(at, of, now.noise) for at, of in [(now.numbers, now.kinds), *rivals]]
        if now.proposed is not None:  # the replays may prefer another task, because their states are of a wrong one
            trials.append((now.proposed, now.kinds, now.noise))
        if _TRIES_SENSORS[cycle]:
            levels = range(len(_SENSORS))
            nearby = [level for level in levels if level != now.noise and (cycle == 0 or abs(level - now.noise) == 1)]
            trials += [(now.numbers, now.kinds, level) for level in nearby]
        passes = [
            (self._joint(at, of, now.width, error=now.error, sensor=_SENSORS[level]), at, of, level)
            for at, of, level in trials
        ]
        now.steps += len(passes) * self._joint.steps
        filtered, now.numbers, now.kinds, now.noise = max(passes, key=lambda tried: tried[0].likelihood)
        for tried, _, of, _ in passes:  # replays of ten steps hardly tell a limp joint from a locked one
            now.penalties[tuple(of.values())] = (filtered.likelihood - tried.likelihood) / _TEMPERATURE
        now.penalties[tuple(now.kinds.values())] = 0.0
        # A task that is nearer to the truth explains more; then the filter may trust it more.
        error = now.error / 2.0 if filtered.likelihood > now.likelihood else 2.0 * now.error
        now.error, now.likelihood = float(np.clip(error, *_ERRORS)), max(now.likelihood, filtered.likelihood)
        return filtered

    def _proposal(
        self, filtered: Filtered, now: _Progress, found: Found | None, unseen: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of candidates near those of the filter; numbers that it cannot tell stay as they are."""
        mean = np.where(unseen, now.numbers, np.clip(filtered.mean, self._coordinates.low, self._coordinates.high))
        covariance = filtered.covariance + np.diag((0.3 * now.width) ** 2)
        if found is not None and unseen.any():
            covariance = _narrowed(covariance, unseen, np.sqrt(np.diag(found.covariance)))
        return mean, covariance

    def _estimate(
        self, profile: _Profile, moved: np.ndarray, kinds: Mapping[str, float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of the numbers: of the profile, of the best candidates, and of the last move."""
        mean, among = self._population.moments(kinds)
        mean, kept = profile.kept(mean)
        covariance = kept + profile.within(_SPREAD**2 * (among + np.outer(moved, moved)))
        missing = (profile.level / Z90) ** 2 - np.diag(covariance)
        return mean, covariance + np.diag(missing.clip(0.0))

    def _profiled(self, filtered: Filtered, covariance: np.ndarray, kinds: Mapping[str, float]) -> _Profile:
        """How far the episodes allow to move along the principal directions of a covariance.

        Along each direction, the cost of candidates to both sides of the best one tells how far the episodes allow. The
        filter's own spread is far too small along directions that hardly show, such as two frictions whose product
        counts, because its derivatives are not exact.
        """
        if len(covariance) == 0:
            return _Profile(covariance, np.zeros(0), np.zeros(0))
        root = np.linalg.cholesky(self._coordinates.covariance)
        whitened = np.linalg.solve(root, np.linalg.solve(root, covariance).T)
        values, vectors = np.linalg.eigh((whitened + whitened.T) / 2.0)
        directions = root @ vectors
        population = self._population
        best = population.explaining(kinds)[0][:1]
        kinds = best.kinds_of(0)
        rungs = np.minimum(np.sqrt(values.clip(1e-8))[:, None] * np.array(_RUNGS), _FARTHEST)
        sides = np.stack([rungs, -rungs], axis=-1)[..., None]  # [direction, rung, side, 1]
        points = best.numbers[0] + (sides * directions.T[:, None, None]).reshape(-1, len(values))
        axes = (np.array(_STEPS)[:, None, None] * np.array([1.0, -1.0])[:, None]) * self._prior  # [step, side, number]
        alone = best.numbers[0] + axes[..., None] * np.eye(len(values))  # [step, side, number, number]
        points = np.concatenate([points, alone.reshape(-1, len(values))])
        points = np.clip(points, self._coordinates.low, self._coordinates.high)
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
        return _Profile(directions, spreads, reach * self._prior)

    def posterior(self, found: Found) -> TaskPosterior:
        """Tasks drawn from what was found."""
        c, rng = self._coordinates, self._rng
        numbers = gaussian(found.mean, found.covariance, _SAMPLES, rng)
        kinds = {name: rng.choice(c.kinds[name], _SAMPLES, p=share) for name, share in found.frequencies.items()}
        return TaskPosterior.of(c.tasks(np.clip(numbers, c.low, c.high), kinds))


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


def _one(numbers: np.ndarray, kinds: Mapping[str, float]) -> Candidates:
    return Candidates(numbers[None], {name: np.array([value]) for name, value in kinds.items()})


def _narrowed(covariance: np.ndarray, which: np.ndarray, std: np.ndarray) -> np.ndarray:
    """The covariance, with some numbers independent of the others, of given standard deviations."""
    kept = np.where(which, 0.0, 1.0)
    return kept[:, None] * covariance * kept + np.diag(np.where(which, std**2, 0.0))

"""Other methods than the fit's, which find the tasks that explain recorded episodes.

- *cross-entropy* (Rubinstein 1999) and *sequential Monte Carlo* (adaptive tempering, resampling, Gaussian moves)
  compare candidates by the cost that the fit uses, in replays of ten steps.
- *least squares* is ``mujoco.minimize.least_squares``, the optimizer of ``mujoco.sysid``, on the errors of the same
  replays. It cannot search kinds, so it is given the true ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from mujoco.minimize import jacobian_fd, least_squares

import robotmeta as rm
from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.adaptation.fitting.joint_filter import Filtered, JointFilter
from robotmeta.adaptation.fitting.population import Candidates, Population, gaussian, joined
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.fitting.search import CANDIDATES, Z90, Start
from robotmeta.adaptation.fitting.segments import Segments
from robotmeta.envs import Estimate

_ELITE, _KEPT = 0.2, 0.3  # of cross-entropy: share of the candidates, and weight of the Gaussian before
_OTHER_KIND = 0.2  # of sequential Monte Carlo: share of the moves to another kind
_DIFFERENCE = 1e-3  # of least squares, in standard deviations of the training distribution: observations are float32


@dataclass
class Problem:
    """Recorded episodes of one task, and what is believed before the fit."""

    family: rm.TaskFamily
    task: rm.Tasks
    coordinates: Coordinates
    recorded: RecordedEpisodes
    belief: Start
    true_states: Filtered
    believed: Mapping[str, Estimate] | None
    known: Mapping[str, float]

    def estimated_states(self) -> tuple[Filtered, int]:
        """The states of one pass of the fit's filter at the belief, and its control steps."""
        prior = np.sqrt(np.diag(self.coordinates.covariance))
        joint = JointFilter(self.family, self.recorded, self.coordinates)
        kinds = {name: self.belief.kinds.get(name, values[0]) for name, values in self.coordinates.kinds.items()}
        numbers = np.clip(self.belief.mean, self.coordinates.low, self.coordinates.high)
        width = np.maximum(0.25 * prior, np.minimum(self.belief.std, prior))
        states = joint(numbers, kinds, width, error=0.3, sensor=0.003)
        return states, states.steps


@dataclass
class Result:
    """What a method finds: numbers, perhaps ends of their 90 % intervals, and kinds."""

    numbers: np.ndarray
    ends: tuple[np.ndarray, np.ndarray] | None
    kinds: Mapping[str, float]
    steps: int


def _population(problem: Problem, rng: np.random.Generator) -> Population:
    segments = Segments(problem.family, problem.recorded, max(CANDIDATES, 4 * len(problem.coordinates.numbers)))
    return Population(problem.coordinates, segments, problem.recorded.spread().clamp(min=1e-9), rng)


def cross_entropy(problem: Problem, states: Filtered, budget: int, rng: np.random.Generator) -> Result:
    """Draws candidates from a Gaussian of the numbers and frequencies of the kinds, and fits both to the best ones."""
    c, population = problem.coordinates, _population(problem, rng)
    candidates = population.first(problem.belief.mean, problem.belief.std, problem.belief.kinds)
    mean, covariance = candidates.numbers.mean(axis=0), np.cov(candidates.numbers.T)
    elite = candidates
    while population.steps < budget:
        cost = population.evaluate(candidates, states).cost
        elite = candidates[np.argsort(cost)[: round(_ELITE * population.size)]]
        mean = _KEPT * mean + (1.0 - _KEPT) * elite.numbers.mean(axis=0)
        covariance = _KEPT * covariance + (1.0 - _KEPT) * np.cov(elite.numbers.T)
        numbers = np.clip(gaussian(mean, covariance, population.size, rng), c.low, c.high)
        kinds = {name: rng.choice(values, population.size) for name, values in elite.kinds.items()}
        candidates = Candidates(numbers, kinds)
    return Result(mean, None, _most(elite.kinds), population.steps)


def monte_carlo(problem: Problem, states: Filtered, budget: int, rng: np.random.Generator) -> Result:
    """Moves particles from what is likely before any episode to the posterior, in steps of temperature."""
    c, population = problem.coordinates, _population(problem, rng)
    size, precision = population.size, np.linalg.inv(c.covariance)

    def unlikely(of: Candidates) -> np.ndarray:
        return np.einsum("ci,ij,cj->c", of.numbers, precision, of.numbers) / 2.0

    numbers = np.clip(gaussian(np.zeros(len(c.numbers)), c.covariance, size, rng), c.low, c.high)
    particles = Candidates(numbers, c.sample_kinds(size, rng))
    cost = population.evaluate(particles, states).cost
    heat, stride = 0.0, 2.38 / np.sqrt(max(len(c.numbers), 1))
    while heat < 1.0 and population.steps < budget:
        loss = cost - unlikely(particles)
        rise = _rise(loss, 1.0 - heat)
        heat += rise
        ends = np.cumsum(np.exp(-rise * (loss - loss.min())))
        rows = np.searchsorted(ends / ends[-1], (rng.uniform() + np.arange(size)) / size).clip(max=size - 1)
        particles, cost = particles[rows], cost[rows]
        move = gaussian(np.zeros(len(c.numbers)), stride**2 * np.cov(particles.numbers.T), size, rng)
        switched, other = rng.random(size) < _OTHER_KIND, c.sample_kinds(size, rng)
        kinds = {name: np.where(switched, other[name], old) for name, old in particles.kinds.items()}
        moved = Candidates(np.clip(particles.numbers + move, c.low, c.high), kinds)
        costs = population.evaluate(moved, states).cost
        gain = heat * (cost - costs) + (1.0 - heat) * (unlikely(particles) - unlikely(moved))
        accepted = np.log(rng.random(size)) < gain
        stride *= np.exp(accepted.mean() - 0.25)
        rows = np.arange(size) + size * accepted
        particles, cost = joined([particles, moved])[rows], np.concatenate([cost, costs])[rows]
    low, high = np.quantile(particles.numbers, [0.05, 0.95], axis=0)
    return Result(particles.numbers.mean(axis=0), (low, high), _most(particles.kinds), population.steps)


def _rise(loss: np.ndarray, most: float) -> float:
    """The rise of temperature that leaves half of the particles effective."""
    low, high, rise = 0.0, most, most
    for _ in range(40):
        weights = np.exp(-rise * (loss - loss.min()))
        if weights.sum() ** 2 / np.square(weights).sum() < len(loss) / 2.0:
            high = rise
        elif rise == most:
            return most
        else:
            low = rise
        rise = (low + high) / 2.0
    return low


def _most(kinds: Mapping[str, np.ndarray]) -> dict[str, float]:
    return {name: float(max(set(values.tolist()), key=values.tolist().count)) for name, values in kinds.items()}


def squares(problem: Problem, states: Filtered, budget: int, rng: np.random.Generator) -> Result:
    """Least squares of ``mujoco.minimize`` from the belief, with the true kinds, and its intervals as in sysid."""
    c, count = problem.coordinates, len(problem.coordinates.numbers)
    segments = Segments(problem.family, problem.recorded, count + 1)
    spread, steps = problem.recorded.spread().clamp(min=1e-9), 0
    kinds = {name: float(value[0]) for name, value in c.points(problem.task)[1].items()}

    def residual(points: np.ndarray) -> np.ndarray:  # of [number, point], [residual, point]
        nonlocal steps
        steps += points.shape[1] * int(segments.mask.sum())
        tasks = c.tasks(points.T, {name: np.full(points.shape[1], value) for name, value in kinds.items()})
        errors = segments.errors(tasks, states).double() / spread
        return errors[:, segments.mask].flatten(1).numpy().T

    per_iteration = (count + 2) * int(segments.mask.sum())
    start = np.clip(problem.belief.mean, c.low, c.high)
    limit = max(1, min(100, budget // per_iteration))
    found, _ = least_squares(start, residual, [c.low.copy(), c.high.copy()], eps=_DIFFERENCE, max_iter=limit, verbose=0)
    numbers, rest = found.ravel(), residual(found[:, None])
    slopes, _ = jacobian_fd(residual, found[:, None], rest, np.float64(_DIFFERENCE), 0, None)
    variance = float(np.square(rest).sum()) / max(len(rest) - count, 1)
    std = np.sqrt(np.diag(np.linalg.pinv(slopes.T @ slopes)) * variance)
    return Result(numbers, (numbers - Z90 * std, numbers + Z90 * std), kinds, steps)


Method = Callable[[Problem, Filtered, int, np.random.Generator], Result]
METHODS: dict[str, Method] = {
    "cross-entropy": cross_entropy,
    "sequential Monte Carlo": monte_carlo,
    "least squares": squares,
}
FROM_TRUE_STATES = ("cross-entropy", "least squares")

"""The fit beside three other methods, on the same recorded episodes of the same tasks.

    python benchmarks/fit_methods.py pretrained:grasp --tasks 2 --out benchmarks/results/fit-methods-grasp.json

- *cross-entropy* (Rubinstein 1999) and *sequential Monte Carlo* (adaptive tempering, resampling, Gaussian moves)
  compare candidates by the cost that the fit uses, in replays of ten steps.
- *least squares* is ``mujoco.minimize.least_squares``, the optimizer of ``mujoco.sysid``, on the errors of the same
  replays. It cannot search kinds, so it is given the true ones.

None of them estimates the states that replays start from. They use those of one pass of the fit's filter at the belief.
Cross-entropy and least squares also run from the true states, which nobody has of a robot. A method stops at the
control steps of the fit. The file is written after each task, and the same command goes on from there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fit import untrained
from mujoco.minimize import jacobian_fd, least_squares
from true_states import RememberingEnv

import robotmeta as rm
from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.adaptation.fitting.fit_episodes import check_fit, fit_episodes
from robotmeta.adaptation.fitting.joint_filter import Filtered, JointFilter
from robotmeta.adaptation.fitting.population import Candidates, Population, gaussian, joined
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.fitting.search import CANDIDATES, Z90, Start
from robotmeta.adaptation.fitting.segments import Segments
from robotmeta.adaptation.worlds import OneWorld, adapted_belief
from robotmeta.envs import Estimate
from robotmeta.experience.rollout import Rollout
from robotmeta.files import write_text
from robotmeta.versions import versions

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
        return joint(numbers, kinds, width, error=0.3, sensor=0.003), joint.steps


@dataclass
class Result:
    """What a method finds: numbers, perhaps ends of their 90 % intervals, and kinds."""

    numbers: np.ndarray
    ends: tuple[np.ndarray, np.ndarray] | None
    kinds: Mapping[str, float]
    steps: int


def record(policy: rm.Policy, task: rm.Tasks, known: list[str], seed: int) -> Problem:
    """Three episodes of the policy in a task, as ``robotmeta.fit`` collects them."""
    env, rollouts = RememberingEnv(policy.family, task), list[Rollout]()
    belief = adapted_belief(policy, OneWorld(env), 3, seed, rollouts.append)
    row = next(iter(task))
    given = {name: row[name] for name in known}
    coordinates = Coordinates(policy.family.space, check_fit(policy.family, given))
    believed = policy.estimates(belief)
    start = Start(*coordinates.believed(believed or {}))
    recorded = RecordedEpisodes.of(rollouts)
    return Problem(policy.family, task, coordinates, recorded, start, env.states(), believed, given)


# -- the other methods -------------------------------------------------------------------------------------------------


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

# -- the comparison ----------------------------------------------------------------------------------------------------


def scored(problem: Problem, result: Result, seconds: float) -> dict[str, Any]:
    """How far a result is from the true task."""
    numbers, kinds = problem.coordinates.points(problem.task)
    true, ends = numbers[0], result.ends
    return {
        "error": np.abs(np.clip(result.numbers, problem.coordinates.low, problem.coordinates.high) - true).tolist(),
        "covered": None if ends is None else ((ends[0] <= true) & (true <= ends[1])).tolist(),
        "width": None if ends is None else (ends[1] - ends[0]).tolist(),
        "kinds": [bool(result.kinds[name] == values[0]) for name, values in kinds.items()],
        "seconds": seconds,
        "env_steps": result.steps,
    }


def measure(problem: Problem, seed: int) -> dict[str, Any]:
    """All methods on the same episodes."""
    c = problem.coordinates
    fit = fit_episodes(problem.family, problem.recorded, believed=problem.believed, known=problem.known, seed=seed)
    names, values = problem.task.names, fit.parameters
    rows = np.array([[getattr(values[name], end) for name in names] for end in ("value", "low", "high")])
    (mean, low, high), kinds = c.points(rm.Tasks(names, rows))
    ours = Result(mean, (low, high), {name: float(kind[0]) for name, kind in kinds.items()}, fit.steps)
    found = {"fit": scored(problem, ours, fit.seconds)}
    began = time.perf_counter()
    states, before = problem.estimated_states()
    passed = time.perf_counter() - began
    for name, method in METHODS.items():
        for true in (True, False) if name in FROM_TRUE_STATES else (False,):
            began = time.perf_counter() - (0.0 if true else passed)
            start, extra = (problem.true_states, 0) if true else (states, before)
            result = method(problem, start, fit.steps - extra, np.random.default_rng(seed))
            result.steps += extra
            score = scored(problem, result, time.perf_counter() - began)
            found[f"{name}, true states" if true else name] = score
    told = [bool(fit.parameters[p.name].known) for p in c.numbers]
    return {"parameters": [p.name for p in c.numbers], "known": told, "methods": found}


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians by method. Errors are those of the parameters that the fit says it knows, and of all."""
    known = np.concatenate([row["known"] for row in rows])
    found = {}
    for method in rows[0]["methods"]:
        runs = [row["methods"][method] for row in rows]
        errors = np.concatenate([run["error"] for run in runs])
        kinds = [right for run in runs for right in run["kinds"]]
        ends = runs[0]["covered"] is not None
        found[method] = {
            "median_error": float(np.median(errors[known])),
            "median_error_of_all": float(np.median(errors)),
            "coverage": float(np.concatenate([run["covered"] for run in runs])[known].mean()) if ends else None,
            "median_width": float(np.median(np.concatenate([run["width"] for run in runs])[known])) if ends else None,
            "kinds_right": float(np.mean(kinds)) if kinds else None,
            "median_seconds": float(np.median([run["seconds"] for run in runs])),
            "median_env_steps": float(np.median([run["env_steps"] for run in runs])),
        }
    return found


def main() -> None:
    """Measures one policy on OOD tasks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", help="a policy, or a family for a policy that is not trained")
    parser.add_argument("--split", default="ood")
    parser.add_argument("--tasks", type=int, default=2)
    parser.add_argument("--known", nargs="*", default=[], help="parameters that are given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    policy = untrained(given.policy) if given.policy in rm.FAMILIES else rm.load(given.policy)
    rows: list[dict[str, Any]] = json.loads(given.out.read_text())["tasks"] if given.out.exists() else []
    for index in range(len(rows), given.tasks):
        task = policy.family.tasks(given.split, index + 1)[index : index + 1]
        rows.append(measure(record(policy, task, given.known, given.seed), given.seed))
        settings = {name: getattr(given, name) for name in ("policy", "split", "known", "seed")}
        result = {**settings, "summary": summary(rows), "tasks": rows, "versions": versions()}
        write_text(given.out, json.dumps(result, indent=1) + "\n")
        print(index, json.dumps(result["summary"]), flush=True)


if __name__ == "__main__":
    main()

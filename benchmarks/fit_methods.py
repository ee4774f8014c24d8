"""The fit beside three other methods, on the same recorded episodes of the same tasks.

    python benchmarks/fit_methods.py pretrained:grasp --tasks 2 --out benchmarks/results/fit-methods-grasp.json

The others are those of ``fit_rivals.py``. None of them estimates the states that replays start from. They use those of
one pass of the fit's filter at the belief. Cross-entropy and least squares also run from the true states, which nobody
has of a robot. A method stops at the control steps of the fit. The file is written after each method, and the same
command goes on from there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fit import untrained
from fit_rivals import FROM_TRUE_STATES, METHODS, Problem, Result
from true_states import RememberingEnv

import robotmeta as rm
from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.adaptation.fitting.fit_episodes import check_fit, fit_episodes
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.fitting.search import Start
from robotmeta.adaptation.worlds import OneWorld, adapted_belief
from robotmeta.experience.rollout import Rollout
from robotmeta.files import write_text
from robotmeta.versions import versions


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


def measure(problem: Problem, row: dict[str, Any], seed: int, save: Callable[[], None]) -> None:
    """Runs the methods that a row lacks, and saves after each."""
    found = row["methods"]
    if "fit" not in found:
        fit = fit_episodes(problem.family, problem.recorded, believed=problem.believed, known=problem.known, seed=seed)
        row["parameters"] = [p.name for p in problem.coordinates.numbers]
        row["known"] = [bool(fit.parameters[name].known) for name in row["parameters"]]
        names = problem.task.names
        ends = [[getattr(fit.parameters[name], end) for name in names] for end in ("value", "low", "high")]
        (mean, low, high), kinds = problem.coordinates.points(rm.Tasks(names, np.array(ends)))
        ours = Result(mean, (low, high), {name: float(kind[0]) for name, kind in kinds.items()}, fit.steps)
        found["fit"] = scored(problem, ours, fit.seconds)
        save()
    began = time.perf_counter()
    states, steps = problem.estimated_states()
    passed = time.perf_counter() - began
    runs = {name: (method, states, steps, passed) for name, method in METHODS.items()}
    runs |= {f"{name}, true states": (METHODS[name], problem.true_states, 0, 0.0) for name in FROM_TRUE_STATES}
    for name in [name for name in runs if name not in found]:
        method, start, extra, before = runs[name]
        began = time.perf_counter() - before
        result = method(problem, start, found["fit"]["env_steps"] - extra, np.random.default_rng(seed))
        result.steps += extra
        found[name] = scored(problem, result, time.perf_counter() - began)
        save()


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians by method. Errors are those of the parameters that the fit says it knows, and of all."""
    found = {}
    for method in rows[0]["methods"]:
        done = [row for row in rows if method in row["methods"]]
        known, runs = np.concatenate([row["known"] for row in done]), [row["methods"][method] for row in done]
        errors = np.concatenate([run["error"] for run in runs])
        kinds = [right for run in runs for right in run["kinds"]]
        ends = runs[0]["covered"] is not None
        found[method] = {
            "tasks": len(done),
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
    settings = {name: getattr(given, name) for name in ("policy", "split", "known", "seed")}

    def save() -> None:
        result = {**settings, "summary": summary(rows), "tasks": rows, "versions": versions()}
        write_text(given.out, json.dumps(result, indent=1) + "\n")

    complete = 1 + len(METHODS) + len(FROM_TRUE_STATES)
    for index in range(given.tasks):
        if index < len(rows) and len(rows[index]["methods"]) == complete:
            continue
        task = policy.family.tasks(given.split, index + 1)[index : index + 1]
        if index == len(rows):
            rows.append({"task": index, "methods": {}})
        measure(record(policy, task, given.known, given.seed), rows[index], given.seed, save)
        print(index, json.dumps(summary(rows)), flush=True)


if __name__ == "__main__":
    main()

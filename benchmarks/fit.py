"""How well fits find the tasks that explain three episodes, on tasks that no policy was trained on.

    python benchmarks/fit.py pretrained:grasp --split ood --tasks 10 --out benchmarks/results/fit-grasp-ood.json

Of each parameter: the error of the fit and of the policy's belief, in standard deviations of the training distribution,
and whether the true value is within the 90 % interval. A parameter counts where a change of one such deviation changes
observations or rewards noticeably, which the fit says (``known``).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import robotmeta as rm
from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.files import write_text
from robotmeta.metalearners import CONTROL
from robotmeta.policy import new_policy
from robotmeta.versions import versions


def untrained(family: str) -> rm.Policy:
    """A policy that has learned nothing: it explores at random around zero."""
    return new_policy(RunConfig(family, CONTROL, hyperparameters(CONTROL, {}, family=rm.make(family)), seed=0))


def measure(policy: rm.Policy, split: str, index: int, known: list[str], seed: int) -> dict[str, Any]:
    """Fits one task."""
    task = policy.family.tasks(split, index + 1)[index : index + 1]
    row = next(iter(task))
    given = {name: row[name] for name in known}
    return {"task": index, **compared(policy.family, rm.fit(policy, task, known=given, seed=seed), task, given)}


def compared(family: rm.TaskFamily, found: rm.Fit, task: rm.Tasks, given: Mapping[str, float]) -> dict[str, Any]:
    """A fit beside the true task."""
    row, names = next(iter(task)), task.names
    coordinates = Coordinates(family.space, given)
    ends = [[getattr(found.parameters[name], end) for name in names] for end in ("value", "low", "high")]
    (true, kinds), (fitted, _) = coordinates.points(task), coordinates.points(rm.Tasks(names, np.array(ends)))
    believed = coordinates.believed(found.believed or {})
    parameters: dict[str, Any] = {}
    for place, parameter in enumerate(coordinates.numbers):
        p = found.parameters[parameter.name]
        parameters[parameter.name] = {
            "true": row[parameter.name],
            "value": p.value,
            "ci90": [p.low, p.high],
            "known": p.known,
            "covered": bool(p.low <= row[parameter.name] <= p.high),
            "error": float(abs(fitted[0, place] - true[0, place])),
            "width": float(fitted[2, place] - fitted[1, place]),
            "belief_error": float(abs(believed[0][place] - true[0, place])),
        }
    return {
        "parameters": parameters,
        "kinds": {name: bool(found.parameters[name].value == values[0]) for name, values in kinds.items()},
        "belief_kinds": {name: bool(believed[2].get(name) == values[0]) for name, values in kinds.items()},
        "explained": found.explained,
        "seconds": found.seconds,
        "env_steps": found.steps,
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Coverage and median errors of the parameters that the fits say they know."""
    known = [p for row in rows for p in row["parameters"].values() if p["known"]]
    kinds = [right for row in rows for right in row["kinds"].values()]
    belief_kinds = [right for row in rows for right in row["belief_kinds"].values()]
    return {
        "known": len(known),
        "parameters": sum(len(row["parameters"]) for row in rows),
        "coverage": float(np.mean([p["covered"] for p in known])) if known else None,
        "median_error": float(np.median([p["error"] for p in known])) if known else None,
        "median_belief_error": float(np.median([p["belief_error"] for p in known])) if known else None,
        "kinds_right": float(np.mean(kinds)) if kinds else None,
        "belief_kinds_right": float(np.mean(belief_kinds)) if belief_kinds else None,
        "explained": float(np.mean([row["explained"] for row in rows])),
        "median_seconds": float(np.median([row["seconds"] for row in rows])),
        "median_env_steps": float(np.median([row["env_steps"] for row in rows])),
    }


def main() -> None:
    """Measures one policy on one split, and writes a JSON file after each task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", help="a policy, or a family for a policy that is not trained")
    parser.add_argument("--split", default="ood")
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="number of the first task in the split")
    parser.add_argument("--known", nargs="*", default=[], help="parameters that are given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    policy = untrained(given.policy) if given.policy in rm.FAMILIES else rm.load(given.policy)
    rows: list[dict[str, Any]] = []
    for index in range(given.first, given.first + given.tasks):
        rows.append(measure(policy, given.split, index, given.known, given.seed))
        result = {
            "policy": given.policy,
            "family": policy.family.name,
            "split": given.split,
            "known": given.known,
            "seed": given.seed,
            "summary": summary(rows),
            "tasks": rows,
            "versions": versions(),
        }
        write_text(given.out, json.dumps(result, indent=1) + "\n")
        print(index, json.dumps(result["summary"]), flush=True)


if __name__ == "__main__":
    main()

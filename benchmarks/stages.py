"""What each stage of adaptation gains on tasks of a split: belief, fit and fine-tuning, and fine-tuning without a fit.

    python benchmarks/stages.py pretrained:grasp --split ood --tasks 5 --steps 150000 \
        --out benchmarks/results/stages-grasp-ood.json

The file is written after each task, and the same command goes on from there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import robotmeta as rm
from robotmeta.evaluation.intervals import Curve
from robotmeta.files import write_text
from robotmeta.versions import versions

_PHASES = {"zero_shot": "before", "adapted": "after", "fit_and_fine_tuned": "fine-tuned"}


def outcome(adapted: rm.Adapted, phase: str) -> dict[str, float | None]:
    """Mean return and success rate of the evaluation episodes of one phase."""
    episodes = [episode for episode in adapted.history if episode.phase == phase]
    known = [float(episode.success) for episode in episodes if episode.success is not None]
    returns = [episode.total_return for episode in episodes]
    return {"return": float(np.mean(returns)), "success": float(np.mean(known)) if known else None}


def measure(policy: rm.Policy, task: rm.Tasks, given: argparse.Namespace) -> dict[str, Any]:
    """Adapts to one task with and without a fit."""
    options: Mapping[str, Any] = {"evaluation_episodes": given.evaluation_episodes, "seed": given.seed}
    fitted = rm.adapt(policy, task, episodes=given.episodes, fit=True, fine_tune=given.steps, **options)
    control = rm.adapt(policy, task, episodes=given.episodes, fine_tune=given.steps, **options)
    assert fitted.fit is not None
    tuned = fitted.fine_tuned is not None
    curves = {name: outcome(fitted, phase) for name, phase in _PHASES.items() if tuned or name != "fit_and_fine_tuned"}
    curves.setdefault("fit_and_fine_tuned", curves["adapted"])  # a fit that fails leaves the policy as it is
    curves["fine_tuned_without_fit"] = outcome(control, "fine-tuned")
    seconds = {"fit": fitted.fit.seconds, "fine_tuning": fitted.fine_tuned.seconds if fitted.fine_tuned else 0.0}
    return {"explained": fitted.fit.explained, "curves": curves, "seconds": seconds}


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over tasks with 95 % intervals, by curve."""
    found: dict[str, Any] = {}
    for name in rows[0]["curves"]:
        found[name] = {}
        for quantity in ("return", "success"):
            values = [row["curves"][name][quantity] for row in rows]
            if None not in values:
                found[name][quantity] = Curve(np.array([values])).to_json()
    return found


def main() -> None:
    """Measures one policy on one split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy")
    parser.add_argument("--split", default="ood")
    parser.add_argument("--tasks", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=3)
    parser.add_argument("--steps", type=int, default=150_000, help="control steps of fine-tuning")
    parser.add_argument("--evaluation-episodes", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    policy = rm.load(given.policy)
    rows: list[dict[str, Any]] = json.loads(given.out.read_text())["tasks"] if given.out.exists() else []
    for index in range(len(rows), given.tasks):
        rows.append(measure(policy, policy.family.tasks(given.split, index + 1)[index : index + 1], given))
        settings = {name: value for name, value in vars(given).items() if name not in ("out", "tasks")}
        result = {
            "family": policy.family.name,
            **settings,
            "summary": summary(rows),
            "tasks": rows,
            "versions": versions(),
        }
        write_text(given.out, json.dumps(result, indent=1) + "\n")
        print(index, json.dumps(rows[-1]), flush=True)


if __name__ == "__main__":
    main()

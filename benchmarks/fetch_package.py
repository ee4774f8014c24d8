"""Measures a policy in gymnasium-robotics' own environment too: ``python benchmarks/fetch_package.py RUN_OR_FILE ...``.

The policy is one of a family such as ``fetch-push-package``. Success there and here is the same measure: less than 5 cm
at the end of 50 steps. Both are written to ``results/FAMILY.json``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import robotmeta as rm
from robotmeta.evaluation.intervals import wilson
from robotmeta.policy import Policy
from robotmeta.seeding import streams
from robotmeta.versions import versions

RESULTS = Path(__file__).parent / "results"
_TASKS = 200
_ORIGINALS = {
    "fetch-reach-package": "FetchReach-v4",
    "fetch-push-package": "FetchPush-v4",
    "fetch-slide-package": "FetchSlide-v4",
    "fetch-pick-and-place-package": "FetchPickAndPlace-v4",
}


def in_the_package(policy: Policy, episodes: int) -> np.ndarray:
    """Success at the end of each episode in the package's environment, which samples goals and objects itself."""
    judged: list[float] = []

    def listen(_: Any, __: float, info: dict[str, Any]) -> bool:
        judged.append(float(info["is_success"]))
        return False

    fresh = streams(0, "trials")[0]
    with rm.wrap(_ORIGINALS[policy.family.name], stop=listen) as world:
        for _ in range(episodes):
            rm.collect(world, policy.learner, policy.begin(1), fresh, explore=False)
        return np.array(judged[world.horizon - 1 :: world.horizon])


def measure(policy: Policy) -> dict[str, Any]:
    """The content of the result file."""
    evaluation = rm.evaluate(policy, tasks=_TASKS, episodes=1, controls=()).to_json()
    there = in_the_package(policy, _TASKS)
    return {
        "family": policy.family.name,
        "learner": policy.config.learner,
        "seed": policy.config.seed,
        "env_steps": policy.env_steps,
        "tasks": _TASKS,
        "here": evaluation["success"]["adapted"],
        "package": {"mean": [float(there.mean())], "ci95": [wilson(there)]},
        "versions": versions(),
    }


def main() -> None:
    """Measures each policy, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policies", nargs="+", help="run folders or policy files")
    for given in parser.parse_args().policies:
        result = measure(rm.load(given))
        print(json.dumps(result))
        (RESULTS / f"{result['family']}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

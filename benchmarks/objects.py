"""Success with each kind of object: ``python benchmarks/objects.py RUN [CONTROL ...] [--tasks 60]``.

The object is set to each kind of ``grasp-objects`` in turn, those of meta-training and those that are held out. All
else is as in the held-out tasks. The result is written to ``benchmarks/results/objects.json``. Intervals are 95 %
Wilson intervals over the tasks.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from terrain import measured

import robotmeta as rm
from robotmeta.envs.families.gripper.objects import kinds
from robotmeta.versions import versions

_RESULTS = Path(__file__).parent / "results"
_EPISODES = 3


def main() -> None:
    """Measures, prints and writes each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("controls", nargs="*", metavar="CONTROL")
    parser.add_argument("--tasks", type=int, default=60)
    options = parser.parse_args()
    policies = {(policy := rm.load(source)).config.learner: policy for source in (options.run, *options.controls)}
    family = next(iter(policies.values())).family
    rows = []
    for number, kind in enumerate(kinds.NAMES):
        tasks = family.tasks("test", options.tasks)
        tasks.values[:, tasks.names.index("object")] = number
        success = measured(policies, tasks, _EPISODES)
        rows.append({"kind": kind, "held_out": number in kinds.HELD_OUT, "success": success})
        print(kind, ", ".join(f"{name} {curve['mean'][-1]:.0%}" for name, curve in success.items()), flush=True)
    result = {"tasks": options.tasks, "episodes": [0, _EPISODES], "rows": rows, "versions": versions()}
    (_RESULTS / "objects.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

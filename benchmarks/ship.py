"""Puts policies of benchmark runs into the package, with the command that made them and their results in the file.

    python benchmarks/ship.py cheetah-dynamics ...

A policy comes from the benchmark run of its family by task inference, the longer one if there are two. Without a folder
of that run, the policy of the package stays, and only gets the results.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from learning import BENCHMARKS, RESULTS, shipped

import robotmeta as rm
from robotmeta.manifest import results
from robotmeta.training.run_folder import RunFolder

_INCLUDED = Path(rm.__file__).parent / "policies" / "pretrained"
_LARGEST = 1_000_000  # bytes


def ship(family: str) -> None:
    """Writes the policy file of a family."""
    name = shipped(family)
    run = RunFolder(Path("runs") / "benchmarks" / name)
    policy = rm.load(run.path if run.checkpoints() else f"pretrained:{family}")
    measured = json.loads((RESULTS / f"{name}.json").read_text())
    if (policy.env_steps, policy.config.seed) != (measured["env_steps"], measured["config"]["seed"]):
        sys.exit(f"{name}: the results are those of another policy")
    about = {
        "command": f"python benchmarks/learning.py {name}",
        "results": {split: results(evaluation) for split, evaluation in measured["evaluations"].items()},
    }
    file = _INCLUDED / f"{family}.safetensors"
    rm.save_policy(policy, file, about)
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB, {policy.env_steps / 1e6:.1f}M control steps")
    assert file.stat().st_size < _LARGEST


if __name__ == "__main__":
    families = sys.argv[1:]
    if not families or any(f"{family}-task-inference" not in BENCHMARKS for family in families):
        sys.exit(f"usage: ship.py FAMILY ...; runs: {', '.join(n for n in BENCHMARKS if n.endswith('-inference'))}")
    for chosen in families:
        ship(chosen)

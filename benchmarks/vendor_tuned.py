"""Fine-tunes in vendors' models: ``python benchmarks/vendor_tuned.py FILES [--steps N]``.

FILES are MJCF files of quadrupeds, folders of them, or PACKAGE:PATH. For each robot, the policy of quadruped-commands
has three adaptation episodes with drawn commands, and is then fine-tuned in the vendor's model, again with drawn
commands. ``--known`` fine-tunes under nominal conditions; without it, loads, floors, faults and latency are those of
meta-training. Before and after, it follows one command at a time: forward, to the left, turning left. The result is
written after each robot, and the same command goes on with the next one.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import torch
from vendor_robots import RESULTS, files, walk

import robotmeta as rm
from robotmeta.errors import UserError
from robotmeta.policy import Policy
from robotmeta.versions import versions

COMMANDS = {"x": 0.3, "y": 0.15, "yaw": 0.2}
"""The command of each axis, in natural units."""
_EPISODES = 3  # adaptation episodes
_EVALUATION_EPISODES = 20


def follow(policy: Policy, robot: rm.VendorRobot) -> dict[str, dict[str, float]]:
    """Measures of an adapted policy under each command alone, by axis."""
    found = {}
    for axis, command in COMMANDS.items():
        commanded = robot.under(**{f"command_{axis}": command})
        there = dataclasses.replace(policy, family=commanded.family)
        assert there.belief is not None
        found[axis] = walk(there, commanded, there.belief, episodes=_EVALUATION_EPISODES)
    return found


def measure(policy: Policy, robot: rm.VendorRobot, steps: int, *, known: bool) -> dict[str, Any]:
    """What fine-tuning changes on one robot."""
    adapted = rm.adapt(
        policy,
        robot,
        episodes=_EPISODES,
        evaluation_episodes=0,
        fine_tune=steps,
        fine_tune_tasks=robot.task if known else None,
    )
    tuned = adapted.fine_tuned
    assert tuned is not None
    if tuned.signal is not None:
        sys.exit("stopped; the same command goes on with this robot")
    return {
        "return": {"before": tuned.return_before, "after": tuned.return_after, "gain": tuned.gain},
        "fine_tuning": {"iterations": tuned.iterations, "kept": tuned.kept, "steps": tuned.steps},
        "adapted": follow(adapted.after_episodes, robot),
        "tuned": follow(adapted.policy, robot),
    }


def main() -> None:
    """Reads, fine-tunes, measures and writes, robot by robot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="MJCF files, folders, or PACKAGE:PATH")
    parser.add_argument("--steps", type=int, default=300_000, help="control steps of fine-tuning for each robot")
    parser.add_argument("--known", action="store_true", help="fine-tune under nominal conditions")
    parser.add_argument("--out", type=Path, default=RESULTS / "vendor-tuned.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    policy = rm.load("pretrained:quadruped-commands")
    about = {"policy": "pretrained:quadruped-commands", "env_steps": policy.env_steps, "steps": given.steps}
    about |= {"known": given.known, "episodes": _EPISODES, "evaluation_episodes": _EVALUATION_EPISODES}
    result = {**about, "commands": COMMANDS, "robots": {}, "versions": versions()}
    if given.out.exists():
        before = json.loads(given.out.read_text())
        if {name: before.get(name) for name in about} != about:
            sys.exit(f"{given.out} holds other measurements: choose another --out")
        result["robots"] = before["robots"]
    for file in files(given.files):
        try:
            robot = rm.read_robot(file, policy.family.name)
        except UserError as error:
            print(f"refused: {error}")
            continue
        name = robot.name.removesuffix(".xml")
        if name in result["robots"]:
            continue
        print(f"{name}:", flush=True)
        result["robots"][name] = measure(policy, robot, given.steps, known=given.known)
        given.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

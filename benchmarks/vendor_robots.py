"""Measures how vendors' quadrupeds walk: ``python benchmarks/vendor_robots.py POLICY FILES [--control POLICY]``.

FILES are MJCF files, folders of them, or PACKAGE:PATH. Each robot is read as ``--robot`` reads it and walks on the
vendor's own model. The command is 0.3 of its natural speed, or what ``--task`` says. For each robot: speed, error of
the speed, falls and sideways drift, zero-shot, of a domain-randomized policy (``--control``), in the first episode, and
after three. For a policy of quadruped-commands, there are the errors of all three commands in natural units, and the
drift from the way that was told: ``--task command_x=0.3 command_yaw=0.1``. Files that are no quadruped are named with
the reason. The result is printed and written to ``results/``, with the robot's row beside that of the nearest published
robot.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from pathlib import Path
from typing import Any

import torch
from cells import markdown

import robotmeta as rm
from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief, collect_episodes
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Belief
from robotmeta.policy import Policy
from robotmeta.seeding import streams
from robotmeta.versions import versions

RESULTS = Path(__file__).parent / "results"
_GRAVITY = 9.81  # m/s^2
_EPISODES = 3  # adaptation episodes
_EVALUATION_EPISODES = 5
KINDS = {
    "reset": "zero-shot",
    "domain_randomized": "domain-randomized policy",
    "first": "first episode",
    "adapted": "after three episodes",
}


def walk(
    policy: Policy,
    robot: rm.VendorRobot,
    belief: Belief,
    *,
    remember: bool = True,
    episodes: int = _EVALUATION_EPISODES,
) -> dict[str, float]:
    """Mean speed, m/s, relative error of it, share of falls, and mean distance sideways at the end, m.

    For a family with measures: the means of the measures, and the shares of success and falls.
    """
    worlds = TaskWorlds(policy, robot.task)
    fresh = streams(0, "trials")[0]
    rollout, _ = collect_episodes(worlds, policy.learner, belief, episodes, fresh, explore=False, remember=remember)
    falls = float(rollout.terminated.float().mean())
    if rollout.measures:
        means = {name: float(value.nanmean()) for name, value in rollout.measures.items()}
        assert rollout.success is not None
        return {**means, "success": float(rollout.success.float().mean()), "falls": falls}
    where = worlds.env(episodes).simulator.state["qpos"][0, :, :2].double()
    seconds = rollout.mask.sum(dim=2)[0] * robot.family.dt
    speed = float(where[:, 0].sum() / seconds.sum())
    return {
        "speed": speed,
        "error": abs(speed / commanded(robot) - 1.0),
        "falls": falls,
        "drift": float(where[:, 1].abs().mean()),
    }


def commanded(robot: rm.VendorRobot) -> float:
    """The commanded forward speed, m/s."""
    leg, task = robot.row["thigh_length"] + robot.row["calf_length"], next(iter(robot.task))
    return task["speed" if "speed" in task else "command_x"] * math.sqrt(_GRAVITY * leg)


def measure(policy: Policy, robot: rm.VendorRobot, control: Policy | None) -> dict[str, Any]:
    """One row of the table."""
    there = dataclasses.replace(policy, family=robot.family)
    adapted = adapted_belief(there, TaskWorlds(there, robot.task), _EPISODES, seed=0)
    found = {"reset": walk(there, robot, there.begin(1), remember=False)}
    if control is not None:
        moved = dataclasses.replace(control, family=robot.family)
        found["domain_randomized"] = walk(moved, robot, moved.begin(1), remember=True)
    found["first"] = walk(there, robot, there.begin(1), remember=True)
    found["adapted"] = walk(there, robot, adapted, remember=True)
    return {"commanded": commanded(robot), **found}


def files(sources: list[str]) -> list[str]:
    """The MJCF files of files and folders, without scenes."""
    found: list[str] = []
    for source in sources:
        folder = Path(source)
        inside = sorted(str(file) for file in folder.rglob("*.xml") if "scene" not in file.name)
        found += inside if folder.is_dir() else [source]
    if not found:
        sys.exit(f"no MJCF files in {', '.join(sources)}")
    return found


def table(lines: list[dict[str, Any]]) -> str:
    """Markdown: speed in m/s, or errors of the commands in natural units; falls, and drift in m."""
    kinds = [kind for kind in KINDS if kind in lines[0]]
    rows = [
        [line["robot"], f"{line['mass']:.0f}", f"{line['commanded']:.2f}", *(_cell(line[kind]) for kind in kinds)]
        for line in lines
    ]
    return markdown(("robot", "mass, kg", "commanded, m/s", *(KINDS[kind] for kind in kinds)), rows)


def _cell(walked: dict[str, float]) -> str:
    if walked["falls"] == 1.0:
        return "falls"
    falls = f", {walked['falls']:.0%} falls" if walked["falls"] else ""
    if "speed" in walked:
        return f"{walked['speed']:.2f}{falls}; {walked['drift']:.1f}"
    errors = ", ".join(f"{walked[name]:.3f}" for name in ("error_x", "error_y", "error_yaw"))
    return f"{errors}{falls}; {walked['drift']:.2f}"


def main() -> None:
    """Reads, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", help="a policy of the family quadruped or quadruped-commands")
    parser.add_argument("files", nargs="+", help="MJCF files, folders, or PACKAGE:PATH")
    parser.add_argument("--control", help="a domain-randomized policy of the same family")
    parser.add_argument("--task", nargs="*", default=[], help="conditions, such as payload_mass=2 or command_x=0.3")
    parser.add_argument("--out", type=Path, default=RESULTS / "vendor-robots.json")
    arguments = parser.parse_args()
    policy = rm.load(arguments.policy)
    conditions = dict(pair.split("=") for pair in arguments.task)
    if not conditions and "command_x" in policy.family.space.names:
        conditions = {"command_x": 0.3}
    control = None if arguments.control is None else rm.load(arguments.control)
    torch.set_num_threads(1)
    lines, refused = [], {}
    for file in files(arguments.files):
        try:
            robot = rm.read_robot(file, policy.family.name).under(**conditions)
        except UserError as error:
            refused[Path(file).name] = str(error)
            continue
        legs = 4 * sum(robot.row[f"{link}_mass"] for link in ("hip", "thigh", "calf"))
        about = {"robot": robot.name.removesuffix(".xml"), "mass": robot.row["trunk_mass"] + legs}
        lines.append({**about, **measure(policy, robot, control), "row": dict(robot.row), "notes": list(robot.notes)})
        print(table(lines[-1:]).splitlines()[-1], flush=True)
    if not lines:
        sys.exit("no robot could be read:\n" + "\n".join(f"{name}: {why}" for name, why in refused.items()))
    config = {
        "policy": arguments.policy,
        "task": conditions,
        "control": arguments.control,
        "env_steps": policy.env_steps,
    }
    counts = {"episodes": _EPISODES, "evaluation_episodes": _EVALUATION_EPISODES}
    result = {**config, **counts, "robots": lines, "refused": refused, "versions": versions()}
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    print(table(lines), *(f"Refused: {reason}" for reason in refused.values()), sep="\n")


if __name__ == "__main__":
    main()

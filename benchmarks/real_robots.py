"""Measures how real robots walk: ``python benchmarks/real_robots.py RUN [--video ROBOT FILE]``.

The robots are not among the tasks of meta-training. The command is 0.3 of each robot's natural speed, 0.25 for bipeds.
A policy of ``quadruped`` walks on flat ground, without a load and with a quarter of the trunk's mass on the back. A
policy of ``quadruped-terrain`` walks with the load on three kinds of held-out ground, and one of ``biped`` without a
load. Speeds and falls, zero-shot and after adaptation, are printed and written to ``results/``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cells import markdown

import robotmeta as rm
from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief, collect_episodes
from robotmeta.envs import TaskFamily, Tasks
from robotmeta.envs.terrain.kinds import KINDS
from robotmeta.experience.rollout import Belief
from robotmeta.policy import Policy
from robotmeta.seeding import streams
from robotmeta.training.run_folder import RunFolder
from robotmeta.versions import versions

RESULTS = Path(__file__).parent / "results"
_GRAVITY = 9.81  # m/s^2


class _Told(NamedTuple):
    """What the robots of a family are told, and what they carry."""

    column: str
    speed: float
    """sqrt(g L)"""
    trunk: str
    """Column of the trunk's mass."""
    loads: tuple[float, ...]
    """Shares of the trunk's mass."""


_QUADRUPED = _Told("speed", 0.3, "trunk_mass", (0.0, 0.25))
_TOLD = {"biped": _Told("command_x", 0.25, "torso_mass", (0.0,))}
_GROUNDS = {  # as rough as the roughest of meta-training, with the terrain seed of the ood split
    KINDS[kind]: {"terrain": float(kind), "difficulty": 0.5, "terrain_seed": 2.0} for kind in (1, 2, 3)
}
_EPISODES = 3  # adaptation episodes
_EVALUATION_EPISODES = 10  # of each robot


def walks(policy: Policy, tasks: Tasks, belief: Belief, *, remember: bool = True) -> dict[str, np.ndarray]:
    """Mean forward speed, m/s, and share of episodes that end with a fall, each ``[task]``."""
    worlds = TaskWorlds(policy, tasks)
    fresh = streams(0, "trials")[0]
    rollout, _ = collect_episodes(
        worlds, policy.learner, belief, _EVALUATION_EPISODES, fresh, explore=False, remember=remember
    )
    distance = worlds.env(_EVALUATION_EPISODES).simulator.state["qpos"][..., 0].sum(dim=1)
    seconds = rollout.mask.sum(dim=(1, 2)) * policy.family.dt
    return {"speed": (distance / seconds).numpy(), "falls": rollout.terminated.float().mean(dim=1).numpy()}


def measure(policy: Policy, control: Policy | None) -> list[dict[str, Any]]:
    """One row for each ground, load and robot."""
    family = policy.family
    grounds = _GROUNDS if "terrain" in family.space.names else {"flat": {}}
    told = _TOLD.get(family.name, _QUADRUPED)
    loads = told.loads[-1:] if grounds is _GROUNDS else told.loads
    named = list(itertools.product(grounds, loads, family.robots))
    rows = [_task(family, told, name, load, **grounds[ground]).values for ground, load, name in named]
    tasks = Tasks(family.space.names, np.concatenate(rows))
    adapted = adapted_belief(policy, TaskWorlds(policy, tasks), _EPISODES, seed=0)
    found = {
        "zero_shot": walks(policy, tasks, policy.begin(len(tasks)), remember=False),
        "adapted": walks(policy, tasks, adapted),
    }
    if control is not None:
        found["domain_randomized"] = walks(control, tasks, control.begin(len(tasks)))
    lines = []
    for i, ((ground, load, name), row) in enumerate(zip(named, tasks, strict=True)):
        natural = math.sqrt(_GRAVITY * (row["thigh_length"] + row["calf_length"]))
        line: dict[str, Any] = {"robot": name, "ground": ground}
        line |= {"payload": load * row[told.trunk], "commanded": told.speed * natural}
        for kind, walked in found.items():
            line[kind] = {"speed": float(walked["speed"][i]), "falls": float(walked["falls"][i])}
        lines.append(line)
    return lines


def _task(family: TaskFamily, told: _Told, robot: str, load: float, **ground: float) -> Tasks:
    """A robot with a load, told to walk."""
    mass = load * family.robots[robot][told.trunk]
    return family.task(robot=robot, payload_mass=mass, **{told.column: told.speed}, **ground)


def table(lines: list[dict[str, Any]]) -> str:
    """Markdown: speeds in m/s, falls in brackets."""
    kinds = _kinds(lines)
    rows = []
    for line in lines:
        cells = (f"{line[kind]['speed']:.2f} ({line[kind]['falls']:.0%} falls)" for kind in kinds)
        rows.append([line["robot"], line["ground"], f"{line['payload']:.1f}", f"{line['commanded']:.2f}", *cells])
    return markdown(
        ("robot", "ground", "payload, kg", "commanded, m/s", *(kind.replace("_", "-") for kind in kinds)), rows
    )


def summary(lines: list[dict[str, Any]]) -> str:
    """Markdown, by ground and policy: relative error of the speed, robots within a quarter of it, and falls."""
    rows = []
    for ground in dict.fromkeys(line["ground"] for line in lines):
        there = [line for line in lines if line["ground"] == ground]
        for kind in _kinds(there):
            errors = np.array([abs(line[kind]["speed"] / line["commanded"] - 1.0) for line in there])
            falls = np.mean([line[kind]["falls"] for line in there])
            close = f"{(errors <= 0.25).sum()} of {len(there)}"
            rows.append([ground, kind.replace("_", "-"), f"{errors.mean():.0%}", close, f"{falls:.0%}"])
    return markdown(("ground", "policy", "mean speed error", "within a quarter of the command", "falls"), rows)


def _kinds(lines: list[dict[str, Any]]) -> list[str]:
    """The policies that were measured."""
    return [kind for kind in ("zero_shot", "domain_randomized", "adapted") if kind in lines[0]]


def main() -> None:
    """Measures, prints and writes the results. Records a video if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder of the family quadruped, quadruped-terrain or biped")
    parser.add_argument("--video", nargs=2, metavar=("ROBOT", "FILE"), help="record this robot with the load")
    arguments = parser.parse_args()
    policy = rm.load(arguments.run)
    control = RunFolder(arguments.run).control("domain_randomized")
    lines = measure(policy, rm.load(control.path) if control.exists() else None)
    config = policy.config.to_json()
    result = {
        "config": config,
        "env_steps": policy.env_steps,
        "episodes": _EPISODES,
        "evaluation_episodes": _EVALUATION_EPISODES,
    }
    file = RESULTS / f"real-robots-{policy.family.name}.json"
    file.write_text(json.dumps({**result, "robots": lines, "versions": versions()}, indent=1) + "\n")
    print(table(lines), summary(lines), sep="\n\n")
    if arguments.video:
        robot, video = arguments.video
        told = _TOLD.get(policy.family.name, _QUADRUPED)
        ground = _GROUNDS["rough"] if "terrain" in policy.family.space.names else {}
        task = _task(policy.family, told, robot, told.loads[-1], **ground)
        rm.record(policy, task, out=video, episodes=_EPISODES)


if __name__ == "__main__":
    main()

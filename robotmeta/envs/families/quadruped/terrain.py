"""Quadrupeds on uneven ground: the robots, loads and faults of the family ``quadruped`` on hidden terrain.

Interface and rewards are those of the family ``quadruped``, so that policies fit both. The ground scales with the
length of a robot's legs, so that a difficulty is the same for a robot of 3 kg and one of 70 kg.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.families.quadruped import family as quadruped
from robotmeta.envs.families.quadruped.model import GRAVITY
from robotmeta.envs.family import Columns, MujocoWorld, State, TaskFamily
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.envs.terrain.kinds import Patch, check_extent
from robotmeta.envs.terrain.pool import TerrainPool

_LONGEST_LEG, _SHORTEST_LEG = 1.1, 0.22  # metres, among the family's robots and those of its ood split
_TOP_SPEED = 0.7  # sqrt(g L), a little above the fastest command

# -- model -------------------------------------------------------------------------------------------------------------


def _leg(task: Mapping[str, Any]) -> Any:
    return task["thigh_length"] + task["calf_length"]


_POOL = TerrainPool(
    Patch(reach=27.5, cell=0.13), scale=_LONGEST_LEG, apron=0.8 * _LONGEST_LEG, levels=5, seeds=3, leg=_leg
)

# -- what varies -------------------------------------------------------------------------------------------------------


def _slowed(parameter: Parameter) -> Parameter:
    """Limits the commanded speed, so that no robot walks off the ground."""
    return replace(parameter, bounds=(-_TOP_SPEED, _TOP_SPEED)) if parameter.name == "speed" else parameter


# -- measurements ------------------------------------------------------------------------------------------------------


def _raised(times: float, state: State, task: Columns) -> State:
    """Moves the trunk up by ``times`` the height of the ground under it."""
    qpos = state["qpos"]
    height = _POOL.height_at(task, qpos[..., 0], qpos[..., 1])
    z = qpos[..., 2] + times * height
    return {**state, "qpos": torch.cat([qpos[..., :2], z.unsqueeze(-1), qpos[..., 3:]], dim=-1)}


# -- families ----------------------------------------------------------------------------------------------------------


def walk() -> TaskFamily:
    """The family ``quadruped-terrain``."""
    level = quadruped.walk()
    world, success = level.world, level.success
    assert isinstance(world, MujocoWorld)
    assert success is not None
    # The patch shrinks with the legs. The robot with the shortest legs walks across the largest share of it.
    shrunk = _SHORTEST_LEG / _LONGEST_LEG
    check_extent(_POOL.patch, _TOP_SPEED * math.sqrt(GRAVITY * _SHORTEST_LEG) * level.horizon * level.dt / shrunk)

    def spec() -> mujoco.MjSpec:
        robot = world.spec()
        _POOL.lay(robot)
        return robot

    def start(nominal: State, generator: torch.Generator, task: Columns) -> State:
        return _raised(1.0, level.reset(nominal, generator, task), task)

    def fallen(state: State, task: Columns) -> Tensor | None:
        return level.terminated(_raised(-1.0, state, task), task)

    def on_time(state: State, task: Columns) -> Tensor:
        return success(_raised(-1.0, state, task), task)

    return replace(
        level,
        name="quadruped-terrain",
        summary="A quadruped walks at a commanded speed over hidden ground; robot, load and faults are hidden as in "
        "quadruped; stairs and gaps are in the ood split only.",
        source=replace(
            level.source,
            citation=f"{level.source.citation} Training tasks have slopes, bumps and waves up to difficulty 0.5 on 2 "
            "seeds; ood tasks have stairs and gaps of difficulty 0.6 to 1 on another seed. Heights are measured from "
            "the ground under the trunk.",
        ),
        space=ParameterSpace((*map(_slowed, level.space), *_POOL.parameters(seeds=2))),
        world=replace(world, spec=spec),
        reset=start,
        terminated=fallen,
        success=on_time,
    )

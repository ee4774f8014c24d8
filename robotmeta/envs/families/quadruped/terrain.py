"""Quadrupeds on uneven ground: the robots of ``quadruped.py``, their loads and faults, off the level floor.

Interface and rewards are those of the family ``quadruped``, so that policies fit both. The ground scales with each
robot's legs: difficulty means the same to a robot of 3 kg and to one of 70.
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

_LONGEST_LEG, _SHORTEST_LEG = 1.1, 0.22  # metres, of the robots the family draws, the ood split's among them
_TOP_SPEED = 0.7  # sqrt(g L): a little more than the fastest command

# -- model -----------------------------------------------------------------------------------------------------------


def _leg(task: Mapping[str, Any]) -> Any:
    return task["thigh_length"] + task["calf_length"]


_POOL = TerrainPool(
    Patch(reach=27.5, cell=0.13), scale=_LONGEST_LEG, apron=0.8 * _LONGEST_LEG, levels=5, seeds=3, leg=_leg
)

# -- physics measurements --------------------------------------------------------------------------------------------


def _raised(times: float, state: State, task: Columns) -> State:
    """The state with the trunk moved up by that many times the height of the ground under it."""
    qpos = state["qpos"]
    height = _POOL.height_at(task, qpos[..., 0], qpos[..., 1])
    z = qpos[..., 2] + times * height
    return {**state, "qpos": torch.cat([qpos[..., :2], z.unsqueeze(-1), qpos[..., 3:]], dim=-1)}


def _slowed(parameter: Parameter) -> Parameter:
    """The parameter, but for commands at which a robot would walk off the ground."""
    return replace(parameter, bounds=(-_TOP_SPEED, _TOP_SPEED)) if parameter.name == "speed" else parameter


def walk() -> TaskFamily:
    """The family ``quadruped-terrain``."""
    level = quadruped.walk()
    world, success = level.world, level.success
    assert isinstance(world, MujocoWorld)
    assert success is not None
    # The patch shrinks with the legs, so that the shortest cover the most of it.
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
        summary="A quadruped walks at the speed it is told over ground it cannot see; robot, load and faults are "
        "hidden as in quadruped, stairs and gaps are kept for the ood split.",
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

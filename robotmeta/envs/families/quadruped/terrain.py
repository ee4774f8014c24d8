"""Quadrupeds on uneven ground: the robots, loads and faults of the family ``quadruped`` on hidden terrain.

Interface and rewards are those of the family ``quadruped``, so that policies fit both. The ground scales with the
length of a robot's legs, so that a difficulty is the same for a robot of 3 kg and one of 70 kg.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.families.legged.world import GRAVITY
from robotmeta.envs.families.quadruped import family as quadruped
from robotmeta.envs.families.quadruped.parameters import BODY, CONDITIONS, SPEED
from robotmeta.envs.family import Columns, MujocoWorld, State, TaskFamily
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.envs.terrain.kinds import Patch, check_extent
from robotmeta.envs.terrain.pool import TerrainPool

LONGEST_LEG, _SHORTEST_LEG = 1.1, 0.22  # metres, among the family's robots and those of its ood split
APRON = 0.8 * LONGEST_LEG
_TOP_SPEED = 0.7  # sqrt(g L), a little above the fastest command

# -- model -------------------------------------------------------------------------------------------------------------


def leg(task: Mapping[str, Any]) -> Any:
    """The leg length of a task's robot, m."""
    return task["thigh_length"] + task["calf_length"]


_POOL = TerrainPool(Patch(27.5, cell=0.13), scale=LONGEST_LEG, apron=APRON, levels=5, seeds=3, leg=leg)

# -- measurements ------------------------------------------------------------------------------------------------------


def _raised(pool: TerrainPool, times: float, state: State, task: Columns) -> State:
    """Moves the trunk up by ``times`` the height of the ground under it."""
    qpos = state["qpos"]
    height = pool.height_at(task, qpos[..., 0], qpos[..., 1])
    z = qpos[..., 2] + times * height
    return {**state, "qpos": torch.cat([qpos[..., :2], z.unsqueeze(-1), qpos[..., 3:]], dim=-1)}


# -- families ----------------------------------------------------------------------------------------------------------


def on_ground(pool: TerrainPool, columns: Iterable[Parameter]) -> TaskFamily:
    """The family ``quadruped`` on the ground of a pool. Heights are measured from the ground under the trunk.

    Args:
        pool: The ground.
        columns: What varies: those of ``quadruped``, and those of :meth:`TerrainPool.parameters`.
    """
    level, space = quadruped.walk(), ParameterSpace(tuple(columns))
    world, success = level.world, level.success
    assert isinstance(world, MujocoWorld)
    assert success is not None
    # The patch shrinks with the legs. The robot with the shortest legs walks across the largest share of it.
    shrunk = _SHORTEST_LEG / LONGEST_LEG
    top = space["speed"].bounds[1]
    check_extent(pool.patch, top * math.sqrt(GRAVITY * _SHORTEST_LEG) * level.horizon * level.dt / shrunk)

    def spec() -> mujoco.MjSpec:
        robot = world.spec()
        pool.lay(robot)
        return robot

    def start(nominal: State, generator: torch.Generator, task: Columns) -> State:
        return _raised(pool, 1.0, level.reset(nominal, generator, task), task)

    def fallen(state: State, task: Columns) -> Tensor | None:
        return level.terminated(_raised(pool, -1.0, state, task), task)

    def on_time(state: State, task: Columns) -> Tensor:
        return success(_raised(pool, -1.0, state, task), task)

    return replace(
        level,
        space=space,
        world=replace(world, spec=spec),
        reset=start,
        terminated=fallen,
        success=on_time,
    )


def walk() -> TaskFamily:
    """The family ``quadruped-terrain``."""
    slow = replace(SPEED, bounds=(-_TOP_SPEED, _TOP_SPEED))  # so that no robot walks off the ground
    family = on_ground(_POOL, (*BODY, *CONDITIONS, slow, *_POOL.parameters(seeds=2)))
    return replace(
        family,
        name="quadruped-terrain",
        summary="A quadruped walks at a commanded speed over hidden ground; robot, load and faults are hidden as in "
        "quadruped; stairs and gaps are in the ood split only.",
        source=replace(
            family.source,
            citation=f"{family.source.citation} Training tasks have slopes, bumps and waves up to difficulty 0.5 on 2 "
            "seeds; ood tasks have stairs and gaps of difficulty 0.6 to 1 on another seed. Heights are measured from "
            "the ground under the trunk.",
        ),
    )

"""Half-cheetah on uneven ground: the robot of ``cheetah.py`` on hidden terrain.

The body, the actions and the names and units of the 17 observations are those of the other half-cheetah families, so
that policies fit all of them. On level ground the observations are the same. On uneven ground, ``z`` is the height of
the torso above the ground, averaged along the torso. The absolute height would reveal the kind of ground, and on a long
slope it would leave the range of training. The height above a single point would reveal edges.
"""

from __future__ import annotations

from dataclasses import replace

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.distributions import LogUniform
from robotmeta.envs.families import cheetah
from robotmeta.envs.families.locomotion import effort, speed
from robotmeta.envs.families.multipliers import FRICTION
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import ParameterSpace
from robotmeta.envs.terrain.kinds import Patch, check_extent
from robotmeta.envs.terrain.pool import TerrainPool

_DT = 0.05  # seconds a control step
_HORIZON = 200  # control steps, 10 s
_TOP_SPEED = 15.0  # metres a second, about the fastest half-cheetahs of the literature on level ground
_LEG = 0.6  # metres from the hips to the ground
_APRON = 0.8  # metres of flat ground around the start; the feet start 0.6 m ahead of and behind the middle
_TORSO = per_device(torch.linspace(-0.5, 0.5, 5, dtype=torch.float64))  # metres along x from the middle
_MEMORY = 1 << 19  # bytes of scratch for each world: a capsule touches several cells at once

# -- model -------------------------------------------------------------------------------------------------------------

_POOL = TerrainPool(Patch(reach=152.0, planar=True), scale=_LEG, apron=_APRON)


def _half_cheetah_on_terrain() -> mujoco.MjSpec:
    level = cheetah.direction().world
    assert isinstance(level, MujocoWorld)
    spec = level.spec()
    spec.memory = _MEMORY
    _POOL.lay(spec)
    return spec


# -- what varies -------------------------------------------------------------------------------------------------------

_PARAMETERS = (
    *_POOL.parameters(),
    # The nominal friction is 0.4. With 0.8 of it, the robot can still climb every training slope.
    replace(FRICTION, train=LogUniform(0.8, 2.0), ood=None),
)

# -- measurements ------------------------------------------------------------------------------------------------------


def _raised(qpos: Tensor, height: Tensor) -> Tensor:
    return torch.cat([qpos[..., :1], qpos[..., 1:2] + height.unsqueeze(-1), qpos[..., 2:]], dim=-1)


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    return speed(step, _DT) - 0.05 * effort(step)


# -- families ----------------------------------------------------------------------------------------------------------


def forward() -> TaskFamily:
    """The family ``cheetah-terrain``."""
    level = cheetah.direction()
    assert isinstance(level.world, MujocoWorld)
    check_extent(_POOL.patch, _TOP_SPEED * _HORIZON * _DT)

    def start(nominal: State, generator: torch.Generator, task: Columns) -> State:
        level_start = level.reset(nominal, generator, task)
        qpos = level_start["qpos"]
        return {**level_start, "qpos": _raised(qpos, _POOL.height_at(task, qpos[..., 0]))}

    def observe(state: State, task: Columns) -> Tensor:
        qpos = state["qpos"]
        ground = _POOL.height_at(task, qpos[..., :1] + _TORSO(qpos.device)).mean(dim=-1)
        return level.observe({**state, "qpos": _raised(qpos, -ground)}, task)

    return replace(
        level,
        name="cheetah-terrain",
        summary="A half-cheetah runs forward over hidden ground; stairs and gaps are in the ood split only.",
        source=Source(
            "Our own. The observation z is the height above the ground under the torso. Training tasks have slopes, "
            "bumps and waves up to difficulty 0.5 on 8 seeds; ood tasks have stairs and gaps of difficulty 0.6 to 1 on "
            "other seeds.",
            "Speed minus 0.05 |a|^2, a clipped to [-1, 1]. No termination.",
        ),
        space=ParameterSpace(_PARAMETERS),
        fit_only=(),
        world=replace(level.world, spec=_half_cheetah_on_terrain),
        horizon=_HORIZON,
        reset=start,
        observe=observe,
        reward=_reward,
    )

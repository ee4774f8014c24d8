"""Whether a vendor's quadruped stands on the family's servos."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from robotmeta.envs.families.quadruped.vendor.legs import Legs
from robotmeta.envs.families.quadruped.vendor.numbers import Numbers
from robotmeta.envs.families.quadruped.vendor.standing import Standing
from robotmeta.errors import UserError

_STANDS = 1.0  # seconds that it must stand
_SUNK, _TILTED = 0.75, 0.9  # share of the height, and cosine of the tilt, of a robot that stands


def check_stands(world: mujoco.MjModel, legs: Legs, standing: Standing, numbers: Numbers, name: str) -> None:
    """Raises UserError unless the robot stands for a while on the family's servos."""
    data = mujoco.MjData(world)
    data.qpos[:] = standing.qpos
    start = _middle(world, data, legs, standing)
    for _ in range(math.ceil(_STANDS / world.opt.timestep)):
        mujoco.mj_step(world, data)
        if not np.isfinite(data.qpos).all():
            break
    end = _middle(world, data, legs, standing)
    tilt = float((data.xmat[legs.root].reshape(3, 3) @ legs.axes[:, 2])[2])
    if not (np.isfinite(data.qpos).all() and end > _SUNK * start and tilt > _TILTED):
        weakest = min(numbers.torques, key=lambda joint: numbers.torques[joint])
        raise UserError(
            f"{name}: four legs, {standing.height:.2f} m high, {numbers.mass:.1f} kg, but it cannot stand: after "
            f"{_STANDS:g} s its hips are {end:.2f} m high and the cosine of its tilt is {tilt:.2f}; its weakest joint, "
            f"{weakest}, has {numbers.torques[weakest]:.3g} N m"
        )


def _middle(model: mujoco.MjModel, data: mujoco.MjData, legs: Legs, standing: Standing) -> float:
    """Height of the middle of the hips, m."""
    mujoco.mj_kinematics(model, data)
    return float((data.xpos[legs.root] + data.xmat[legs.root].reshape(3, 3) @ standing.centre)[2])

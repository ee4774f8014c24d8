"""A vendor's robot as an environment to adapt in."""

from __future__ import annotations

from typing import Any

from robotmeta.adapters.gymnasium_in import wrap
from robotmeta.adapters.gymnasium_out import FamilyEnv
from robotmeta.adapters.world import GymnasiumWorld
from robotmeta.envs.vendor.robot import VendorRobot


def robot_world(robot: VendorRobot, **limits: Any) -> GymnasiumWorld:
    """The simulated world of a vendor's robot, under its conditions.

    Args:
        robot: The robot.
        limits: Further arguments of :func:`robotmeta.wrap`.
    """
    env = FamilyEnv(robot.family, task=next(iter(robot.task)))
    return wrap(env, horizon=robot.family.horizon, **limits)

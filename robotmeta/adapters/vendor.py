"""A vendor's robot as an environment to adapt in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robotmeta.adapters.gymnasium_in import wrap
from robotmeta.adapters.gymnasium_out import FamilyEnv
from robotmeta.adapters.world import GymnasiumWorld
from robotmeta.envs.vendor.robot import VendorRobot


def robot_world(robot: VendorRobot, conditions: Mapping[str, Any] | None = None, **limits: Any) -> GymnasiumWorld:
    """The simulated world of a vendor's robot.

    Args:
        robot: The robot.
        conditions: Its conditions that are not nominal, such as ``{"payload_mass": 1.7, "speed": 0.4}``.
        limits: Further arguments of :func:`robotmeta.wrap`.

    Raises:
        UserError: For an unknown condition, or a value outside its physical range.
    """
    env = FamilyEnv(robot.family, task=conditions)
    return wrap(env, horizon=robot.family.horizon, **limits)

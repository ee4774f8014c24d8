"""Vendors' robots, by the family whose interface they get."""

from __future__ import annotations

from pathlib import Path

from robotmeta.argument_types import check_arguments
from robotmeta.envs.families import READERS
from robotmeta.envs.family import TaskFamily
from robotmeta.envs.vendor.robot import VendorRobot
from robotmeta.errors import UserError, unknown

_FORWARD = ("x", "-x", "y", "-y", "z", "-z")


@check_arguments
def read_robot(model: str | Path, family: str | TaskFamily = "quadruped", *, forward: str | None = None) -> VendorRobot:
    """Reads a vendor's MJCF file of a robot into the interface of a family.

    Legs, arms, grippers and joints are found by kinematics; names play no part. The result says what was understood
    (``print(robot)``, ``robot.picture("robot.png")``). :func:`robotmeta.adapt` takes it in place of a task.

    Args:
        model: An MJCF file, alone or in a scene, or ``"package:path"`` for one in an installed package.
        family: The family, or its name.
        forward: The axis of the trunk that points forward, such as ``"-x"``; None for ``"x"``, or ``"y"`` or ``"z"`` if
            the hips' abduction axes lie along these. For an arm, the axis of the base toward the table; None for the
            side of a keyframe's hand, or the first of x, y, -y and -x where the table is within reach.

    Raises:
        UserError: For a family that reads no robots, a file that cannot be read, or a robot that does not fit. The
            error says what was understood until then.
    """
    name = family if isinstance(family, str) else family.name
    if name not in READERS:
        raise UserError(f"family '{name}' reads no vendors' robots; these do: {', '.join(READERS)}")
    if forward not in (None, *_FORWARD):
        raise unknown("direction", str(forward), _FORWARD)
    return READERS[name](model, forward)

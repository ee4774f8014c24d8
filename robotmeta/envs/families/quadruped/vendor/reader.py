"""Reads a vendor's MJCF file of a quadruped into the interface of the family ``quadruped``.

file -> the robot alone -> legs -> standing pose -> numbers -> the family's world around the vendor's model
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import mujoco
import numpy as np

from robotmeta.envs.families.quadruped.commands.family import follow
from robotmeta.envs.families.quadruped.commands.feet import Foot, add_sensors
from robotmeta.envs.families.quadruped.family import walk
from robotmeta.envs.families.quadruped.vendor.check import check_stands
from robotmeta.envs.families.quadruped.vendor.family import vendor_family
from robotmeta.envs.families.quadruped.vendor.legs import find_legs
from robotmeta.envs.families.quadruped.vendor.numbers import measure
from robotmeta.envs.families.quadruped.vendor.picture import draw
from robotmeta.envs.families.quadruped.vendor.report import listings
from robotmeta.envs.families.quadruped.vendor.space import nominal_gains
from robotmeta.envs.families.quadruped.vendor.standing import stand
from robotmeta.envs.families.quadruped.vendor.world import OURS, feet, furnish
from robotmeta.envs.family import TaskFamily
from robotmeta.envs.own_robot.loading import compiled
from robotmeta.envs.vendor.files import read, without_missing_files
from robotmeta.envs.vendor.plain import plain
from robotmeta.envs.vendor.robot import VendorRobot
from robotmeta.envs.vendor.scene import free_bodies, hinted_pose, only, the_only
from robotmeta.errors import UserError

_MAY_BE_NONE = ("hip_offset", "hip_mass", "trunk_width")


def read_quadruped(source: str | Path, forward: str | None = None) -> VendorRobot:
    """Reads a quadruped with 12 joints, which is told a speed; see :func:`_read`."""
    return _read(source, forward, walk())


def read_commanded(source: str | Path, forward: str | None = None) -> VendorRobot:
    """Reads a quadruped with 12 joints, which is given commands; see :func:`_read`."""
    return _read(source, forward, follow(), add_sensors)


def _read(
    source: str | Path,
    forward: str | None,
    family: TaskFamily,
    sense: Callable[[mujoco.MjSpec, Mapping[str, Foot]], None] | None = None,
) -> VendorRobot:
    """Reads a quadruped with 12 joints.

    Args:
        source: An MJCF file, or ``package:path``.
        forward: The axis of the root body that points forward; see :func:`find_legs`.
        family: The family whose interface it gets.
        sense: Adds the sensors that the family has in the simulator, if it has any.

    Raises:
        UserError: For a file that cannot be read, a robot that is no quadruped with 12 joints, actuators that cannot be
            converted, or a robot that does not stand.
    """
    spec, name = read(source)
    pose = hinted_pose(spec)
    root = _robot(spec, name)
    notes = [*only(spec, spec.body(root)), *without_missing_files(spec, name), *plain(spec, name, OURS)]
    model = compiled(spec, name)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    legs = find_legs(model, data, model.body(root).id, name, forward)
    standing = stand(model, legs, _pose(model, pose), name)
    numbers = measure(model, legs, standing, name)
    _check_row(family, numbers.row, f"{name}: four legs, {standing.height:.2f} m high, {numbers.mass:.3g} kg")
    furnish(spec, model, legs, standing, numbers, nominal_gains(), family.dt)
    if sense is not None:
        sense(spec, feet(spec, model, legs))
    world = compiled(spec, name)
    check_stands(world, legs, standing, numbers, name)
    own = vendor_family(family, spec, model, legs, standing, numbers, name)
    return VendorRobot(
        name=name,
        family=own,
        task=own.task(),
        reads_as=family.name,
        row=numbers.row,
        understood=listings(model, legs, standing, numbers),
        notes=(*notes, *numbers.notes),
        draw=partial(draw, world, legs, standing),
    )


def _check_row(family: TaskFamily, row: Mapping[str, float], understood: str) -> None:
    """Raises UserError for a number that no robot of the family can have, such as a length in millimetres."""
    for column, value in row.items():
        parameter = family.space[column]
        low, high = parameter.bounds
        low = 0.0 if column in _MAY_BE_NONE else low
        if not low <= round(value, 3) <= high:
            raise UserError(
                f"{understood}, but {column} would be {parameter.text(value)}, and robots have {low:g} to "
                f"{parameter.text(high)}: are its units meters and kilograms?"
            )


# -- the robot in the file ---------------------------------------------------------------------------------------------


def _robot(spec: mujoco.MjSpec, name: str) -> str:
    """The name of the body that is the robot's trunk."""
    free = [body.name for body in free_bodies(spec)]
    if not free:
        fixed = [f"{body.name} with {_branches(body)} jointed branches" for body in spec.worldbody.bodies]
        found = f"; it has {', '.join(fixed[:4])}" if fixed else ""
        raise UserError(f"{name}: no body moves freely (<freejoint/> is what a trunk has){found}")
    walking = [body for body in free if _branches(spec.body(body)) >= 3]
    return the_only(walking or free, name, "robot" if walking else "free body")


def _branches(body: mujoco.MjsBody) -> int:
    """How many jointed branches a body and what is fixed to it carry."""
    return sum(1 if child.joints else _branches(child) for child in body.bodies)


def _scalar(model: mujoco.MjModel, joint: int) -> bool:
    return int(model.jnt_type[joint]) in (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))


def _pose(model: mujoco.MjModel, hinted: dict[str, float]) -> np.ndarray:
    pose = model.qpos0.copy()
    for joint in range(model.njnt):
        if _scalar(model, joint):
            pose[model.jnt_qposadr[joint]] = hinted.get(model.joint(joint).name, pose[model.jnt_qposadr[joint]])
    return pose

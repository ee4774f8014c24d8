"""Reads a vendor's MJCF file of an arm into the interface of ``reach`` or ``grasp``.

file -> arm and gripper -> hand -> place at the table -> servos -> the family's world around the vendor's model
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import mujoco
import numpy as np
import torch

from robotmeta.envs.families.gripper.grasp import grasp
from robotmeta.envs.families.gripper.reach import reach
from robotmeta.envs.families.gripper.vendor.chain import Arm, find_arm
from robotmeta.envs.families.gripper.vendor.check import check_holds
from robotmeta.envs.families.gripper.vendor.family import vendor_family
from robotmeta.envs.families.gripper.vendor.hand import find_hand
from robotmeta.envs.families.gripper.vendor.kinematics import Chain
from robotmeta.envs.families.gripper.vendor.mounting import Point, mount
from robotmeta.envs.families.gripper.vendor.picture import draw
from robotmeta.envs.families.gripper.vendor.report import listings
from robotmeta.envs.families.gripper.vendor.servos import find_servos
from robotmeta.envs.families.gripper.vendor.space import conditions, smallest_opening
from robotmeta.envs.families.gripper.vendor.view import View
from robotmeta.envs.families.gripper.vendor.world import PREFIX, furnished
from robotmeta.envs.family import MujocoWorld, TaskFamily
from robotmeta.envs.models import ModelBuilder
from robotmeta.envs.own_robot.loading import compiled
from robotmeta.envs.vendor.files import read, without_missing_files
from robotmeta.envs.vendor.plain import plain
from robotmeta.envs.vendor.robot import VendorRobot
from robotmeta.envs.vendor.scene import hinted_pose
from robotmeta.errors import UserError

_TO_REACH: tuple[Point, ...] = tuple(
    (x, y, z, 0.0) for x, y, z in itertools.product((-0.17, 0.17), (-0.17, 0.17), (0.03, 0.22))
)
_TO_GRASP: tuple[Point, ...] = tuple(
    (x, y, z, yaw) for x, y, (z, yaw) in itertools.product((-0.06, 0.06), (-0.06, 0.06), ((0.016, 0.8), (0.24, -0.8)))
)
_JOINTS = 6  # a grasp needs: 3 for the place of the hand, 2 to point down, 1 to turn it


def read_for_reach(source: str | Path, forward: str | None = None) -> VendorRobot:
    """Reads an arm, with or without a gripper, for the family ``reach``; see :func:`_read`."""
    return _read(source, forward, reach(), _TO_REACH, (0.0, 0.5 * math.pi, math.pi, -0.5 * math.pi))


def read_for_grasp(source: str | Path, forward: str | None = None) -> VendorRobot:
    """Reads an arm with a parallel gripper for the family ``grasp``; see :func:`_read`."""
    return _read(source, forward, grasp(), _TO_GRASP, (0.0, math.pi))


def _read(
    source: str | Path, forward: str | None, family: TaskFamily, points: Sequence[Point], turns: Sequence[float]
) -> VendorRobot:
    """Reads an arm on a fixed base.

    Args:
        source: An MJCF file, or ``package:path``.
        forward: The axis of the base toward the table; None for that of a keyframe, or x.
        family: The family whose interface it gets.
        points: What the hand must reach.
        turns: Turns of the hand that are the same to the family, rad.

    Raises:
        UserError: For a file that cannot be read, a robot that is no arm, an arm that cannot do the family's task, or
            actuators that cannot be converted.
    """
    spec, name = read(source)
    pose = hinted_pose(spec)
    notes = [*without_missing_files(spec, name), *plain(spec, name)]
    model = compiled(spec, name)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    arm = find_arm(model, data, name)
    understood = _in_words(model, arm, name)
    if "fingers" in [action.removesuffix("_target") for action, _ in family.actions]:
        _check_gripper(model, arm, understood)
    hand = find_hand(model, data, arm)
    hint = np.array([pose[model.joint(joint).name] for joint in arm.joints]) if pose else None
    chain = Chain.of(model, data, arm, hand)
    mounting = mount(chain, data.xpos[arm.root], hint, points, turns, forward, understood)
    arm, hand = arm.turned(mounting.turned), hand.turned(mounting.turned)
    home = torch.tensor(mounting.home)
    lever = mounting.chain.hand(home)[2][2].numpy()
    servos = find_servos(model, arm, mounting.home, lever, understood)
    assert isinstance(family.world, MujocoWorld)
    world = furnished(family.world.spec(), spec, model, arm, hand, mounting, servos, family.dt)
    names = tuple(PREFIX + model.joint(joint).name for joint in arm.joints)
    opening = 0.0 if arm.fingers is None else arm.fingers.opening
    space = conditions(family.space, names, opening, servos.holds)
    built = ModelBuilder(world.copy, space).nominal
    view = View.of(built, model, arm, mounting.chain, home)
    check_holds(built, view, understood)
    own = vendor_family(family, world, view, space, model.opt.timestep, name)
    row = {"finger_width": hand.width} if "finger_width" in family.space.names else {}
    return VendorRobot(
        name=name,
        family=own,
        task=own.task(),
        reads_as=family.name,
        row=row,
        understood=listings(model, data, arm, hand, mounting, servos),
        notes=(*notes, *servos.notes),
        draw=partial(draw, built, view, mounting.reach),
    )


def _in_words(model: mujoco.MjModel, arm: Arm, name: str) -> str:
    first, last = (model.joint(joint).name for joint in (arm.joints[0], arm.joints[-1]))
    hand = model.body(arm.hand).name
    return f"{name}: an arm of {len(arm.joints)} joints, '{first}' to '{last}', with the hand '{hand}'"


def _check_gripper(model: mujoco.MjModel, arm: Arm, understood: str) -> None:
    """Raises UserError for an arm that cannot grasp."""
    if arm.fingers is None:
        what = f"which carries {arm.branches}" if arm.branches else "which carries nothing that moves"
        raise UserError(f"{understood}, {what}: a grasp needs a parallel gripper, two fingers that slide")
    if not arm.fingers.limited:
        names = " and ".join(f"'{model.joint(joint).name}'" for joint in arm.fingers.joints)
        raise UserError(f"{understood}; its fingers {names} have no ranges, so that nobody knows how far they open")
    if arm.fingers.opening < smallest_opening():
        raise UserError(
            f"{understood}; its gripper opens {1e3 * arm.fingers.opening:.0f} mm, and a grasp needs "
            f"{1e3 * smallest_opening():.0f} mm"
        )
    if len(arm.joints) < _JOINTS:
        raise UserError(
            f"{understood}; a grasp needs {_JOINTS} joints: for the hand's place, to point down and to turn"
        )

"""The servos of a vendor's arm and gripper, with the family's response and the vendor's limits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from robotmeta.envs.families.gripper.model import GRIP
from robotmeta.envs.families.gripper.vendor.chain import Arm
from robotmeta.envs.vendor.drives import Drive, drive, finger_force, is_driven

_FREQUENCY, _RATIO = 26.6, 0.886  # rad/s and damping ratio, as the family's hand
_STICKS = 0.005  # radians or metres off the target at which a servo overcomes the dry friction that is kept
_MOST_STIFF = 2e4  # N m/rad
_GRAVITY = 9.81  # m/s^2


@dataclass(frozen=True)
class Servos:
    """The servos of an arm.

    Attributes:
        drives: What drives each joint of the arm in the vendor's model.
        torques: Limit of each joint, N m or N, ``[joint]``; infinite where there is none.
        stiffness, damping: Gains of each joint, N m/rad and N m s/rad, or N/m and N s/m, ``[joint]``.
        kept: Damping and dry friction of each joint that are kept, ``[joint]`` each.
        grip: Limit of the force of the fingers, N.
        holds: Load at the hand that the arm can hold at home, kg; infinite without limits.
        notes: What was assumed, one sentence each.
    """

    drives: tuple[Drive, ...]
    torques: np.ndarray
    stiffness: np.ndarray
    damping: np.ndarray
    kept: tuple[np.ndarray, np.ndarray]
    grip: float
    holds: float
    notes: tuple[str, ...]


def find_servos(model: mujoco.MjModel, arm: Arm, home: np.ndarray, lever: np.ndarray, understood: str) -> Servos:
    """Finds the limits of an arm's joints, and gains for servos at its home pose.

    Args:
        model: The vendor's model.
        arm: Its arm.
        home: Positions of the joints, ``[joint]``.
        lever: How fast each joint raises the hand there, m/rad, ``[joint]``.
        understood: What is understood so far, for errors.

    Raises:
        UserError: For actuators that cannot be converted.
    """
    joints, dofs = list(arm.joints), model.jnt_dofadr[list(arm.joints)]
    drives = tuple(drive(model, joint, understood) for joint in joints)
    torques = np.array([math.inf if d.torque is None else d.torque for d in drives])
    inertia, weight = (values[dofs] for values in _loads(model, arm, home))
    stiffness = np.minimum(inertia * _FREQUENCY**2, _MOST_STIFF)
    damping = 2.0 * _RATIO / _FREQUENCY * stiffness
    friction = np.minimum(model.dof_frictionloss[dofs], _STICKS * stiffness)
    viscous = np.minimum(model.dof_damping[dofs], damping)
    notes = []
    if unlimited := _named(model, joints, np.isinf(torques)):
        notes.append(f"Limits of force are missing, and the servos have none: {unlimited}.")
    if undriven := _named(model, joints, np.array([d.kind == "none" for d in drives])):
        notes.append(f"Joints without an actuator get a servo too: {undriven}.")
    if less := _named(model, joints, (friction < model.dof_frictionloss[dofs]) | (viscous < model.dof_damping[dofs])):
        notes.append(f"Friction and damping that servos would hide are left out in part: {less}.")
    if unbounded := _named(model, joints, ~model.jnt_limited[joints].astype(bool)):
        notes.append(f"Ranges of joints are missing, and they turn without limit: {unbounded}.")
    grip = GRIP
    if arm.fingers is not None:
        fingers = arm.fingers.joints
        # One actuator presses both fingers, one by a constraint or not at all, and its force is that of the two.
        share = 0.5 if sum(is_driven(model, joint) for joint in fingers) == 1 else 1.0
        forces = [finger_force(model, joint, understood) for joint in fingers]
        grip = min(GRIP, *(share * force for force in forces if force is not None), math.inf)
    spare = np.maximum(torques - weight, 0.0) / np.maximum(np.abs(lever), 1e-6)
    holds = float(spare.min()) / _GRAVITY
    return Servos(drives, torques, stiffness, damping - viscous, (viscous, friction), grip, holds, tuple(notes))


def _loads(model: mujoco.MjModel, arm: Arm, home: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inertia about each joint with the others held, and the torque of gravity, ``[nv]`` each."""
    data = mujoco.MjData(model)
    data.qpos[model.jnt_qposadr[list(arm.joints)]] = home
    mujoco.mj_forward(model, data)
    full = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, data, full)
    return np.diag(full), np.abs(data.qfrc_bias)


def _named(model: mujoco.MjModel, joints: list[int], which: np.ndarray) -> str:
    return ", ".join(f"'{model.joint(joint).name}'" for joint, is_one in zip(joints, which, strict=True) if is_one)

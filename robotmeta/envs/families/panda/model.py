"""The arm of the family ``panda-grasp``: its model and the changes a task makes to it.

The model is ``assets/panda/panda.xml``, the Franka Emika Panda with its hand. The servos are added here. The origin is
the middle of the table. The arm stands 0.48 m behind it.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

import mujoco
import numpy as np

from robotmeta.envs.edits import Row, fill_cube
from robotmeta.envs.families import objects
from robotmeta.envs.families.gripper.model import LONGEST_DELAY, TIMESTEP

JOINTS = tuple(f"joint{number}" for number in range(1, 8))
SPEED = 1.25  # radians a second, of a joint's target at full action
CLOSING_SPEED = 0.2  # metres a second, of the target of both fingers together
GRIP = 20.0  # newtons, the nominal limit of the fingers' force
OPENING = 0.08  # metres between the open pads
HOME = (0.0, 0.427, 0.0, -2.433, 0.0, 2.86, math.pi / 4)  # radians: the model's initial pose, the hand low
READY = (0.0, 0.092, 0.0, -2.465, 0.0, 2.557, math.pi / 4)  # radians: the hand points down, 0.155 m above the table

# N m/rad and N m s/rad, of the joint impedance controller in libfranka's examples. The wrist has less damping: about
# critical for its rotors.
_STIFFNESS = (600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0)
_DAMPING = (50.0, 50.0, 50.0, 50.0, 15.0, 12.0, 7.0)
_FINGER_STIFFNESS, _FINGER_DAMPING = 300.0, 10.0  # N/m and N s/m, of both fingers together
_TORQUE = (87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0)  # N m, the limits of the joints
_PAYLOAD_DENSITY = 4000.0  # kg/m^3
_RED = (0.9, 0.2, 0.15, 1.0)

# -- model -------------------------------------------------------------------------------------------------------------


def panda() -> mujoco.MjSpec:
    """The arm at an empty table.

    The servos integrate: a control of 1 moves a joint's target at full speed, and a control of 0 leaves it unchanged.
    The target is the initial angle plus the activation times the full speed. Gravity on the arm is compensated, as by
    the real controller. Gravity on a payload or an object is not. The published torque limits apply to the sum of the
    servo and the compensation.

    The sensors are the force on each pad, N; the tool's position, m; and the upward direction in the tool's frame.
    """
    text = (files("robotmeta") / "assets" / "panda" / "panda.xml").read_text(encoding="utf-8")
    spec = mujoco.MjSpec.from_string(text)
    spec.option.timestep = TIMESTEP
    for name, stiffness, damping in zip(JOINTS, _STIFFNESS, _DAMPING, strict=True):
        joint = spec.joint(name)
        servo = _servo(spec, name, stiffness, damping, SPEED)
        servo.biasprm[0] = stiffness * joint.ref
        servo.actrange = (joint.range - joint.ref) / SPEED
    fingers = _servo(spec, "closure", _FINGER_STIFFNESS, _FINGER_DAMPING, CLOSING_SPEED)
    fingers.trntype = mujoco.mjtTrn.mjTRN_TENDON
    fingers.forcerange = [-GRIP, GRIP]
    fingers.actrange = [
        0.0,
        (OPENING + GRIP / _FINGER_STIFFNESS) / CLOSING_SPEED,
    ]  # up to closed fingers with the full force
    return spec


def add_object(spec: mujoco.MjSpec) -> None:
    """Adds an object and sensors of its position, x axis, z axis and velocity in the tool's frame, m and m/s."""
    objects.add_object(spec, ("palm", "left_pad", "right_pad"))
    for kind in ("FRAMEPOS", "FRAMEXAXIS", "FRAMEZAXIS", "FRAMELINVEL"):
        spec.add_sensor(
            name=f"object_{kind.lower()}",
            type=getattr(mujoco.mjtSensor, f"mjSENS_{kind}"),
            objtype=mujoco.mjtObj.mjOBJ_XBODY,
            objname=objects.BODY,
            reftype=mujoco.mjtObj.mjOBJ_SITE,
            refname="tool",
        )


def _servo(spec: mujoco.MjSpec, target: str, stiffness: float, damping: float, speed: float) -> mujoco.MjsActuator:
    servo = spec.add_actuator(
        name=target,
        target=target,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        dyntype=mujoco.mjtDyn.mjDYN_INTEGRATOR,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        actlimited=True,
        ctrlrange=[-1.0, 1.0],
        nsample=round(1e-3 * LONGEST_DELAY / TIMESTEP) + 1,
    )
    servo.gainprm[0] = stiffness * speed
    servo.biasprm[1:3] = -stiffness, -damping
    return servo


# -- what varies -------------------------------------------------------------------------------------------------------


def carry(model: mujoco.MjModel, mass: float, row: Row) -> None:
    """Attaches a load to the back of the hand, kg."""
    if mass == 0.0:
        return
    model.body("payload").pos[0] -= fill_cube(model, "payload", mass, _PAYLOAD_DENSITY)


def dampen(model: mujoco.MjModel, damping: float, row: Row) -> None:
    """Adds viscous friction to the joints in proportion to their torque limits, N m s/rad in the four large ones."""
    for name, torque in zip(JOINTS, _TORQUE, strict=True):
        model.dof_damping[model.joint(name).dofadr[0]] += damping * torque / _TORQUE[0]


def weaken_joint(model: mujoco.MjModel, joint: float, row: Row) -> None:
    """Scales the torque and the torque limit of a joint, counted from 1, by ``fault_strength``. Joint 0 is none."""
    index, share = round(joint) - 1, row["fault_strength"]
    if index >= 0:
        model.actuator_gainprm[index] *= share
        model.actuator_biasprm[index] *= share
        # The compensation of gravity has no gain to scale. Its loss is taken to be that at the start of an episode.
        model.actuator_biasprm[index, 0] -= (1.0 - share) * _gravity_load()[index]
        model.jnt_actfrcrange[index] *= share
        model.geom(f"motor{index + 1}").rgba = _RED


@cache
def _gravity_load() -> np.ndarray:
    """Torque that holds each joint against gravity at the start of an episode, N m ``[7]``."""
    model = panda().compile()
    data = mujoco.MjData(model)
    data.qpos[: len(JOINTS)] = READY
    mujoco.mj_forward(model, data)
    return data.qfrc_gravcomp[: len(JOINTS)].copy()

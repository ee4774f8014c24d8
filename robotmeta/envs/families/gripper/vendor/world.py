"""A vendor's arm at the family's table: the family's world, in which the arm takes the place of the gantry."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import mujoco
import numpy as np

from robotmeta.envs.families import objects
from robotmeta.envs.families.gripper.model import OPENING
from robotmeta.envs.families.gripper.vendor.chain import Arm
from robotmeta.envs.families.gripper.vendor.fingers import Fingers
from robotmeta.envs.families.gripper.vendor.hand import Hand
from robotmeta.envs.families.gripper.vendor.mounting import Mounting
from robotmeta.envs.families.gripper.vendor.servos import Servos
from robotmeta.envs.models import quiet_mujoco
from robotmeta.envs.vendor.shapes import touches

PREFIX = "arm/"  # of the names of the vendor's objects
CAMERA, PAYLOAD = "arm", "payload"
SIDES = ("left", "right")
_LONGEST_STEP = 0.002  # seconds
_ROTOR = 0.2  # kg, of each finger, as the family's


def substeps(timestep: float, dt: float) -> int:
    """Physics steps in a control step of ``dt`` seconds: as in the file, or shorter."""
    return math.ceil(dt / min(timestep, _LONGEST_STEP) - 1e-6)


def furnished(
    world: mujoco.MjSpec,
    vendor: mujoco.MjSpec,
    model: mujoco.MjModel,
    arm: Arm,
    hand: Hand,
    mounting: Mounting,
    servos: Servos,
    dt: float,
) -> mujoco.MjSpec:
    """Puts an arm into the family's world, in place of its gantry. Our servos replace the vendor's actuators.

    Args:
        world: The family's world, which is changed.
        vendor: The vendor's specification, which is changed.
        model: The vendor's model.
        arm: Its arm.
        hand: The hand's frame.
        mounting: Where it stands.
        servos: Its servos.
        dt: Control step, seconds.
    """
    world.option.timestep = dt / substeps(model.opt.timestep, dt)
    world.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST  # light links on damped servos
    world.memory = -1
    actuators, contacts = _without_gantry(world)
    _alone(vendor, model, arm)
    frame = world.worldbody.add_frame(pos=mounting.shift, quat=_about_z(mounting.turn))
    with quiet_mujoco():  # the options of the vendor's file differ, and the family's hold
        frame.attach_body(vendor.body(model.body(arm.root).name), PREFIX, "")
    for body in _within(world.body(PREFIX + model.body(arm.root).name)):
        body.gravcomp = 1.0  # by the arm's controller
        for geom in body.geoms:
            geom.contype = geom.conaffinity = 0  # contacts are those that are listed
    _settle(world, model, arm, servos)
    for actuator in actuators:
        _integrator(world, actuator, PREFIX + model.joint(arm.joints[0]).name)
    if arm.fingers is not None:
        _couple(world, model, arm.fingers, actuators[-1], servos.grip)
        _touch(world, model, arm, contacts)
    _drive(world, model, arm, servos)
    _load(world, model, arm, hand)
    _camera(world, mounting)
    return world


class _Contact(NamedTuple):
    """A contact of the object with a pad of the gantry."""

    shape: str
    condim: int
    solref: np.ndarray
    solimp: np.ndarray


class _Axis(NamedTuple):
    """An actuator of the gantry."""

    name: str
    gain: float
    bias: np.ndarray
    range: np.ndarray
    nsample: int


def _without_gantry(world: mujoco.MjSpec) -> tuple[list[_Axis], list[_Contact]]:
    """Removes the gantry; returns its actuators and the contacts of a pad."""
    axes = [
        _Axis(a.name, float(a.gainprm[0]), np.array(a.biasprm[:3]), np.array(a.actrange), int(a.nsample))
        for a in world.actuators
    ]
    contacts = [
        _Contact(pair.geomname2, pair.condim, np.array(pair.solref), np.array(pair.solimp))
        for pair in world.pairs
        if pair.geomname1 == "left_pad"
    ]
    touched = [pair for pair in world.pairs if pair.geomname1 != objects.TABLE]
    for item in [*world.sensors, *world.actuators, *world.tendons, *world.equalities, *touched]:
        world.delete(item)
    world.delete(world.body("hand"))
    return axes, contacts


def _alone(vendor: mujoco.MjSpec, model: mujoco.MjModel, arm: Arm) -> None:
    """Leaves only the bodies of a vendor's model, and the joints of its arm and gripper. The others are locked."""
    for item in [
        *vendor.sensors,
        *vendor.keys,
        *vendor.actuators,
        *vendor.tendons,
        *vendor.equalities,
        *vendor.pairs,
        *vendor.excludes,
    ]:
        vendor.delete(item)
    moving = {*arm.joints, *(arm.fingers.joints if arm.fingers is not None else ())}
    names = {model.joint(joint).name for joint in moving}
    for joint in list(vendor.joints):
        if joint.name not in names:
            vendor.delete(joint)


def _settle(world: mujoco.MjSpec, model: mujoco.MjModel, arm: Arm, servos: Servos) -> None:
    """Sets the damping, friction and limits of the arm's joints."""
    for i, joint in enumerate(arm.joints):
        ours = world.joint(PREFIX + model.joint(joint).name)
        ours.damping[0] = servos.kept[0][i]
        ours.frictionloss = servos.kept[1][i]
        ours.actgravcomp = True
        if math.isfinite(servos.torques[i]):
            ours.actfrclimited, ours.actfrcrange = True, [-servos.torques[i], servos.torques[i]]


def _integrator(world: mujoco.MjSpec, axis: _Axis, joint: str) -> None:
    """Adds an actuator whose activation is the target of an axis of the hand. It has no force of its own."""
    servo = world.add_actuator(
        name=axis.name,
        target=joint,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        dyntype=mujoco.mjtDyn.mjDYN_INTEGRATOR,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        actlimited=True,
        actrange=axis.range,
        ctrllimited=True,
        ctrlrange=[-1.0, 1.0],
        nsample=axis.nsample,
    )
    servo.gainprm[0] = 0.0


def _drive(world: mujoco.MjSpec, model: mujoco.MjModel, arm: Arm, servos: Servos) -> None:
    """Adds position servos on the joints. Controls are the rates of the positions, so that these move evenly."""
    for i, joint in enumerate(arm.joints):
        name = PREFIX + model.joint(joint).name
        servo = world.add_actuator(
            name=name,
            target=name,
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            dyntype=mujoco.mjtDyn.mjDYN_INTEGRATOR,
            biastype=mujoco.mjtBias.mjBIAS_AFFINE,
            ctrllimited=False,
            actlimited=False,
            nsample=0,
        )
        if math.isfinite(servos.torques[i]):
            servo.forcelimited, servo.forcerange = True, [-servos.torques[i], servos.torques[i]]
        servo.gainprm[0] = servos.stiffness[i]
        servo.biasprm[1:3] = -servos.stiffness[i], -servos.damping[i]


def _couple(world: mujoco.MjSpec, model: mujoco.MjModel, fingers: Fingers, axis: _Axis, grip: float) -> None:
    """Couples the fingers, which move alike, and drives them as the family's are driven."""
    names = [PREFIX + model.joint(joint).name for joint in fingers.joints]
    tendon = world.add_tendon(name="closure", limited=False, frictionloss=0.0, armature=0.0)
    tendon.stiffness[:] = tendon.damping[:] = 0.0
    for name, sign in zip(names, fingers.signs, strict=True):
        joint = world.joint(name)
        joint.damping[:] = joint.stiffness[:] = 0.0
        joint.frictionloss, joint.armature = 0.0, _ROTOR
        tendon.wrap_joint(name, sign)
    mirror = world.add_equality(
        name="fingers", type=mujoco.mjtEq.mjEQ_JOINT, objtype=mujoco.mjtObj.mjOBJ_JOINT, name1=names[0], name2=names[1]
    )
    from_zero = [
        at - float(model.qpos0[model.jnt_qposadr[j]]) for at, j in zip(fingers.opened, fingers.joints, strict=True)
    ]
    alike = fingers.signs[0] * fingers.signs[1]
    mirror.data[:] = [from_zero[0] - alike * from_zero[1], alike, 0.0, 0.0, 0.0, *mirror.data[5:]]
    servo = world.actuator(axis.name)
    servo.target, servo.trntype = "closure", mujoco.mjtTrn.mjTRN_TENDON
    servo.gainprm[0] = axis.gain
    servo.biasprm[:3] = axis.bias[1] * closure_offset(fingers), axis.bias[1], axis.bias[2]
    servo.forcelimited, servo.forcerange = True, [-grip, grip]


def closure_offset(fingers: Fingers) -> float:
    """The family's closure minus the length of our tendon, m. The family's closure is 0 with the pads 8 cm apart."""
    opened = sum(sign * at for sign, at in zip(fingers.signs, fingers.opened, strict=True))
    return OPENING - fingers.opening - opened


def _touch(world: mujoco.MjSpec, model: mujoco.MjModel, arm: Arm, contacts: Sequence[_Contact]) -> None:
    """Adds contacts of the object with the gripper, and sensors of touch on each finger."""
    fingers = arm.fingers
    assert fingers is not None
    palm = {*arm.carried} - {*fingers.bodies[0], *fingers.bodies[1]}
    hull = [g for g in range(model.ngeom) if int(model.geom_bodyid[g]) in palm and touches(model, g)]
    for geom in sorted({*hull, *fingers.pads[0], *fingers.pads[1]}):
        for contact in contacts:
            world.add_pair(
                name=f"{PREFIX}{model.geom(geom).name}_{contact.shape}",
                geomname1=PREFIX + model.geom(geom).name,
                geomname2=contact.shape,
                condim=contact.condim,
                solref=contact.solref,
                solimp=contact.solimp,
            )
    for side, geoms in zip(SIDES, fingers.pads, strict=True):
        for body in sorted({int(model.geom_bodyid[g]) for g in geoms}):
            name = f"{side}_{model.body(body).name}"
            site = world.body(PREFIX + model.body(body).name).add_site(name=name, size=[0.3] * 3, group=5)
            site.type, site.material = mujoco.mjtGeom.mjGEOM_SPHERE, ""
            world.add_sensor(
                name=name, type=mujoco.mjtSensor.mjSENS_TOUCH, objtype=mujoco.mjtObj.mjOBJ_SITE, objname=name
            )


def _load(world: mujoco.MjSpec, model: mujoco.MjModel, arm: Arm, hand: Hand) -> None:
    """Adds an empty load at the hand; an edit gives it a mass."""
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    turn = data.xmat[arm.hand].reshape(3, 3)
    inside = turn.T @ (hand.place - data.xpos[arm.hand])
    body = world.body(PREFIX + model.body(arm.hand).name).add_body(name=PAYLOAD, pos=inside)
    box, brown = mujoco.mjtGeom.mjGEOM_BOX, [0.4, 0.33, 0.28, 1.0]
    load = body.add_geom(name=PAYLOAD, type=box, size=[0.001] * 3, mass=1e-6, rgba=brown, contype=0, conaffinity=0)
    load.material, load.group = "", 0  # whatever the vendor's defaults are


def _camera(world: mujoco.MjSpec, mounting: Mounting) -> None:
    """A camera that sees the arm and the table."""
    away = 0.5 + 0.9 * mounting.reach
    look = np.array([0.8, -1.0, 0.55]) / np.linalg.norm([0.8, -1.0, 0.55])
    right = np.cross([0.0, 0.0, 1.0], look)
    right /= np.linalg.norm(right)
    middle = np.array([-0.35 * mounting.ahead, 0.0, 0.2 * mounting.reach])
    world.worldbody.add_camera(
        name=CAMERA, pos=middle + away * look, xyaxes=np.concatenate([right, np.cross(look, right)]), fovy=42
    )


def _within(body: mujoco.MjsBody) -> Iterator[mujoco.MjsBody]:
    yield body
    for child in body.bodies:
        yield from _within(child)


def _about_z(angle: float) -> list[float]:
    return [math.cos(angle / 2.0), 0.0, 0.0, math.sin(angle / 2.0)]

"""The vendor's model in the family's world: its floor, camera, payload and servos."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import mujoco
import numpy as np

from robotmeta.envs.families.legged.world import LONGEST_DELAY, ground
from robotmeta.envs.families.quadruped.commands.feet import Foot
from robotmeta.envs.families.quadruped.model import JOINTS, REACH
from robotmeta.envs.families.quadruped.vendor.chains import KINDS, foot_centre
from robotmeta.envs.families.quadruped.vendor.legs import Legs
from robotmeta.envs.families.quadruped.vendor.numbers import Numbers
from robotmeta.envs.families.quadruped.vendor.standing import Standing

OURS = "robotmeta_"  # prefix of the names of what is added to the vendor's model
FLOOR, PAYLOAD, CAMERA = f"{OURS}floor", f"{OURS}payload", f"{OURS}track"
_LONGEST_STEP = 0.005  # seconds
_ALL = (1 << 30) - 1  # contact bits


def substeps(timestep: float, dt: float) -> int:
    """Physics steps in a control step of ``dt`` seconds: as in the file, or shorter."""
    return math.ceil(dt / min(timestep, _LONGEST_STEP) - 1e-6)


def furnish(
    spec: mujoco.MjSpec,
    model: mujoco.MjModel,
    legs: Legs,
    standing: Standing,
    numbers: Numbers,
    gains: Mapping[str, float],
    dt: float,
) -> None:
    """Adds to the vendor's robot, alone in its world, what the family has. Our servos replace the vendor's actuators.

    Args:
        spec: The vendor's robot.
        model: The vendor's model, for names.
        legs: Its legs.
        standing: Its standing pose.
        numbers: Its numbers.
        gains: Relative ``stiffness`` and ``damping`` of the servos.
        dt: Control step, seconds.
    """
    spec.option.timestep = dt / substeps(model.opt.timestep, dt)
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    for actuator in list(spec.actuators):
        spec.delete(actuator)
    _floor(spec, legs, model)
    root = spec.body(model.body(legs.root).name)
    turn = np.zeros(4)
    mujoco.mju_mat2Quat(turn, legs.axes.ravel())
    _camera(spec, root, standing, turn, numbers.leg_length)
    payload = root.add_body(name=PAYLOAD, pos=standing.centre, quat=turn)
    box, brown = mujoco.mjtGeom.mjGEOM_BOX, [0.5, 0.36, 0.2, 1]
    crate = payload.add_geom(name=PAYLOAD, type=box, size=[0.005] * 3, mass=1e-6, rgba=brown, contype=0, conaffinity=0)
    _undefault(crate)
    for joint in legs.others:
        _lock(spec, model.joint(joint).name, _offset(model, joint, standing), active=True)
    for joint in legs.balls:
        _weld(spec, model, int(model.jnt_bodyid[joint]))
    servos = servo_gains(standing, numbers)(gains["stiffness"], gains["damping"])
    for leg, chain in legs.chains.items():
        names = [model.joint(joint).name for joint in chain.joints]
        for kind, named, joint in zip(KINDS, names, chain.joints, strict=True):
            ours = f"{leg}_{kind}"
            spec.joint(named).actfrclimited = True
            spec.joint(named).actfrcrange = [-numbers.torques[ours], numbers.torques[ours]]
            _lock(spec, named, _offset(model, joint, standing), active=False, name=f"{OURS}{ours}")
        _drive_leg(spec, leg, names, standing, numbers, servos)


def feet(spec: mujoco.MjSpec, model: mujoco.MjModel, legs: Legs) -> dict[str, Foot]:
    """Adds a site at the centre of each foot, for sensors.

    Args:
        spec: The vendor's robot.
        model: The vendor's model, whose bodies have names.
        legs: Its legs.
    """
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    found = {}
    for leg, chain in legs.chains.items():
        body, centre = int(model.geom_bodyid[chain.foot]), foot_centre(model, data, chain)
        where = data.xmat[body].reshape(3, 3).T @ (centre - data.xpos[body])
        name, owner = f"{OURS}{leg}_foot", model.body(body).name
        spec.body(owner).add_site(name=name, pos=where)
        found[leg] = Foot(mujoco.mjtObj.mjOBJ_SITE, name, owner)
    return found


def _floor(spec: mujoco.MjSpec, legs: Legs, model: mujoco.MjModel) -> None:
    """Adds the floor. Contacts are as stiff as the vendor's feet."""
    ground(spec, prefix=OURS)
    floor, foot = spec.geom(FLOOR), legs.chains["fl"].foot
    _undefault(floor)
    floor.contype = floor.conaffinity = _ALL
    floor.solref, floor.solimp = model.geom_solref[foot], model.geom_solimp[foot]
    floor.priority = max([geom.priority for geom in spec.geoms], default=0) + 1  # its friction counts, not the feet's


def _undefault(geom: mujoco.MjsGeom) -> None:
    """Undoes what the vendor's defaults mean for a geom that is added."""
    geom.condim, geom.group, geom.margin, geom.gap, geom.solmix = 3, 0, 0.0, 0.0, 1.0


def _camera(spec: mujoco.MjSpec, root: mujoco.MjsBody, standing: Standing, turn: np.ndarray, length: float) -> None:
    where, axes = np.zeros(3), np.zeros(9)
    mujoco.mju_rotVecQuat(where, np.array([-2.0, -6.6, 2.2]) * length, turn)
    mujoco.mju_quat2Mat(axes, turn)
    frame = axes.reshape(3, 3)
    looking = np.concatenate([frame @ [6.6, -2.0, 0.0], frame @ [4.4, 14.5, 47.6]])
    mode = mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM
    root.add_camera(name=CAMERA, mode=mode, pos=standing.centre + where, xyaxes=looking)


def _offset(model: mujoco.MjModel, joint: int, standing: Standing) -> float:
    place = int(model.jnt_qposadr[joint])
    return float(standing.qpos[place] - model.qpos0[place])


def _lock(spec: mujoco.MjSpec, joint: str, at: float, *, active: bool, name: str | None = None) -> None:
    """Adds a constraint that holds a joint at an angle from the model's initial one."""
    lock = spec.add_equality(
        name=name or f"{OURS}lock_{joint}",
        type=mujoco.mjtEq.mjEQ_JOINT,
        objtype=mujoco.mjtObj.mjOBJ_JOINT,
        name1=joint,
        active=active,
    )
    lock.data[:] = [at, 0.0, 0.0, 0.0, 0.0, *lock.data[5:]]
    lock.solref, lock.solimp = [0.02, 1.0], [0.9, 0.95, 0.001, 0.5, 2.0]


def _weld(spec: mujoco.MjSpec, model: mujoco.MjModel, body: int) -> None:
    """Adds a constraint that holds a body in its initial pose on the body that carries it."""
    parent = model.body(int(model.body_parentid[body])).name
    weld = spec.add_equality(
        name=f"{OURS}weld_{model.body(body).name}",
        type=mujoco.mjtEq.mjEQ_WELD,
        objtype=mujoco.mjtObj.mjOBJ_BODY,
        name1=parent,
        name2=model.body(body).name,
        active=True,
    )
    weld.data[:] = 0.0  # the pose in the file
    weld.data[10] = 1.0  # as much torque as force
    weld.solref, weld.solimp = [0.02, 1.0], [0.9, 0.95, 0.001, 0.5, 2.0]


def _drive_leg(
    spec: mujoco.MjSpec,
    leg: str,
    names: list[str],
    standing: Standing,
    numbers: Numbers,
    servos: tuple[np.ndarray, np.ndarray],
) -> None:
    """Adds our servos. In a leg that bends the other way, our hip's acts on the vendor's hip and knee together."""
    pose = standing.legs[leg]
    for kind, named, sign in zip(KINDS, names, signs(pose.signs, pose.coupling), strict=True):
        ours = f"{leg}_{kind}"
        target, transmission, gear = named, mujoco.mjtTrn.mjTRN_JOINT, sign
        if kind == "hip" and pose.coupling:
            target, transmission, gear = f"{OURS}{ours}", mujoco.mjtTrn.mjTRN_TENDON, 1.0
            tendon = spec.add_tendon(name=target, limited=False, frictionloss=0.0, armature=0.0)
            tendon.stiffness[:] = tendon.damping[:] = 0.0
            tendon.wrap_joint(named, sign)
            tendon.wrap_joint(names[2], pose.coupling * pose.signs[2])
        servo = spec.add_actuator(
            name=ours,
            target=target,
            trntype=transmission,
            dyntype=mujoco.mjtDyn.mjDYN_NONE,
            gaintype=mujoco.mjtGain.mjGAIN_FIXED,
            biastype=mujoco.mjtBias.mjBIAS_AFFINE,
            ctrlrange=[-1, 1],
            ctrllimited=True,
            forcelimited=True,
            forcerange=[-numbers.torques[ours], numbers.torques[ours]],
            nsample=round(LONGEST_DELAY / spec.option.timestep) + 1,
        )
        place = JOINTS.index(ours)
        servo.gear = [gear, 0.0, 0.0, 0.0, 0.0, 0.0]
        servo.gainprm = [servos[0][place], *[0.0] * 9]
        servo.biasprm = [*servos[1][place], *[0.0] * 7]
        servo.delay, servo.actlimited = 0.0, False


def signs(signs: tuple[float, float, float], coupling: float) -> tuple[float, float, float]:
    """Signs of our joints in the vendor's; the knee of a leg that bends the other way turns against ours."""
    return (signs[0], signs[1], -signs[2] if coupling else signs[2])


def mixing(standing: Standing) -> np.ndarray:
    """Our joint angles by the vendor's, both from standing, ``[12, 12]``."""
    mixed = np.zeros((len(JOINTS), len(JOINTS)))
    for i, pose in enumerate(standing.legs.values()):
        at = 3 * i
        mixed[range(at, at + 3), range(at, at + 3)] = signs(pose.signs, pose.coupling)
        mixed[at + 1, at + 2] = pose.coupling * pose.signs[2]
    return mixed


def servo_gains(standing: Standing, numbers: Numbers) -> Callable[[float, float], tuple[np.ndarray, np.ndarray]]:
    """``(stiffness, damping) -> gains [12], biases [12, 3]`` of the servos, for relative gains.

    Force is ``gain * control + bias . (1, length, velocity)``, where length is our angle by the vendor's zeros.
    """
    angles = np.concatenate([pose.angles for pose in standing.legs.values()])
    zeros = mixing(standing) @ angles
    reach = np.array([REACH[joint.split("_")[1]] for joint in JOINTS])

    def gains(stiffness: float, damping: float) -> tuple[np.ndarray, np.ndarray]:
        kp = stiffness * numbers.stiffness
        bias = np.stack(
            [kp * zeros, np.full(len(JOINTS), -kp), np.full(len(JOINTS), -damping * numbers.natural_time * kp)]
        )
        return kp * reach, bias.T

    return gains

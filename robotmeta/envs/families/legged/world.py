"""The world of a legged robot, and the parts of its model: floor, links, joints, servos and faults."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import mujoco

from robotmeta.envs.edits import Row

TIMESTEP = 0.005  # seconds
GRAVITY = 9.81  # m/s^2
FRICTION = 0.8  # of the floor
LONGEST_DELAY = 0.06  # seconds
PAYLOAD_DENSITY = 1500.0  # kg/m^3

SHELL, LIMB, RUBBER, CRATE = (
    (0.93, 0.6, 0.16, 1.0),
    (0.2, 0.22, 0.26, 1.0),
    (0.08,) * 3 + (1.0,),
    (0.5, 0.36, 0.2, 1.0),
)
"""Colours."""

# -- model -------------------------------------------------------------------------------------------------------------


def empty() -> mujoco.MjSpec:
    """Ground alone, with the time step and the integrator of the legged families."""
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.option.timestep = TIMESTEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.memory = 1 << 18  # bytes of scratch for each world; a few contacts need far less than the default
    ground(spec)
    return spec


def ground(spec: mujoco.MjSpec, prefix: str = "") -> None:
    """Adds a floor, light and sky; their names begin with a prefix."""
    spec.visual.headlight.ambient = [0.35] * 3
    spec.worldbody.add_light(type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, dir=[0.3, 0.5, -1], diffuse=[0.7] * 3)
    two_d, sky = mujoco.mjtTexture.mjTEXTURE_2D, mujoco.mjtTexture.mjTEXTURE_SKYBOX
    checker, gradient = mujoco.mjtBuiltin.mjBUILTIN_CHECKER, mujoco.mjtBuiltin.mjBUILTIN_GRADIENT
    dark, light, blue, white = [0.33, 0.38, 0.42], [0.4, 0.45, 0.49], [0.45, 0.6, 0.75], [0.85, 0.9, 0.93]
    spec.add_texture(name=f"{prefix}ground", type=two_d, builtin=checker, rgb1=light, rgb2=dark, width=16, height=16)
    spec.add_texture(name=f"{prefix}sky", type=sky, builtin=gradient, rgb1=blue, rgb2=white, width=16, height=96)
    material = spec.add_material(name=f"{prefix}ground", texrepeat=[2, 2], texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = f"{prefix}ground"
    spec.worldbody.add_geom(
        name=f"{prefix}floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0, 0, 1],
        material=f"{prefix}ground",
        friction=[FRICTION, 0.005, 0.0001],
        priority=1,  # its friction applies to both surfaces
        contype=0,
        conaffinity=1,
    )


def shape(
    body: mujoco.MjsBody,
    name: str,
    kind: mujoco.mjtGeom,
    color: tuple[float, ...],
    mass: float = 0.0,
    **geometry: object,
) -> None:
    """Adds a geom that touches nothing.

    Args:
        body: Its body.
        name: Its name.
        kind: Its type.
        color: Red, green, blue and opacity.
        mass: kg.
        geometry: Size and place.
    """
    body.add_geom(name=name, type=kind, rgba=color, mass=mass, contype=0, conaffinity=0, **geometry)


def turned(angle: float) -> list[float]:
    """The quaternion of a turn about y, rad."""
    return [math.cos(angle / 2), 0.0, math.sin(angle / 2), 0.0]


def servo(spec: mujoco.MjSpec, joint: str) -> None:
    """Adds a position servo of a joint, with its name, and an inactive constraint that locks the joint at 0."""
    spec.add_actuator(
        name=joint,
        target=joint,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        ctrlrange=[-1, 1],
        nsample=round(LONGEST_DELAY / TIMESTEP) + 1,
    )
    spec.add_equality(
        name=joint, type=mujoco.mjtEq.mjEQ_JOINT, objtype=mujoco.mjtObj.mjOBJ_JOINT, name1=joint, active=False
    )


def hinge(
    body: mujoco.MjsBody, name: str, axis: tuple[int, int, int], limits: tuple[float, float], standing: float
) -> None:
    """Adds a joint that is at 0 when the robot stands; limits and standing angle are those from a straight leg, rad."""
    low, high = limits
    body.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_HINGE, axis=axis, range=[low - standing, high - standing])


# -- numbers and faults ------------------------------------------------------------------------------------------------


def masses_of(geoms: Iterable[str]) -> Callable[[mujoco.MjSpec, float], None]:
    """The edit that gives each of some geoms a mass, kg."""
    names = tuple(geoms)

    def change(spec: mujoco.MjSpec, mass: float) -> None:
        for name in names:
            spec.geom(name).mass = mass

    return change


def torques_of(joints: Iterable[str], rotor: float) -> Callable[[mujoco.MjSpec, float], None]:
    """The edit that limits the torque of some joints, N m, and gives them rotors, kg m^2 for each N m."""
    names = tuple(joints)

    def change(spec: mujoco.MjSpec, torque: float) -> None:
        for name in names:
            set_torque(spec, name, torque, rotor)

    return change


def set_torque(spec: mujoco.MjSpec, joint: str, torque: float, rotor: float) -> None:
    """Limits the torque of a joint's servo, N m, and gives it a rotor, kg m^2 for each N m."""
    spec.actuator(joint).forcerange = [-torque, torque]
    spec.joint(joint).armature = rotor * torque


def set_stiffness(spec: mujoco.MjSpec, joint: str, stiffness: float, reach: float) -> None:
    """Sets the gain of a servo on position, N m/rad; a control of 1 asks for ``reach``, rad."""
    actuator = spec.actuator(joint)
    actuator.biasprm[1] = -stiffness
    actuator.gainprm[0] = -actuator.biasprm[1] * reach


def set_damping(spec: mujoco.MjSpec, joint: str, time: float) -> None:
    """Sets the gain of a servo on velocity to that on position times a time, s."""
    actuator = spec.actuator(joint)
    actuator.biasprm[2] = time * actuator.biasprm[1]


def break_joint(model: mujoco.MjModel, joint: float, row: Row) -> None:
    """Removes the torque of a joint, counted from 1; 0 is none. With ``fault`` 1 the joint is locked as it stands."""
    index = round(joint) - 1
    if index >= 0:
        model.actuator_gainprm[index] = model.actuator_biasprm[index] = 0.0
        model.eq_active0[index] = row["fault"] == 1.0

"""The model of the family ``quadruped``: a robot with 12 joints, and the changes a task makes to it.

At joint angles of zero the robot stands, with hips turned back and knees bent forward. A control of 0 is a joint's
standing angle, a control of 1 is ``REACH`` more. Only the feet touch the ground.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

import mujoco
from torch import Tensor

from robotmeta.envs.edits import Row, fill_cube

Length = TypeVar("Length", float, Tensor)

TIMESTEP = 0.005  # seconds
GRAVITY = 9.81  # m/s^2
FRICTION = 0.8  # of the floor
LEGS: Mapping[str, tuple[int, int]] = {"fl": (1, 1), "fr": (1, -1), "hl": (-1, 1), "hr": (-1, -1)}  # forward, left
JOINTS = tuple(f"{leg}_{joint}" for leg in LEGS for joint in ("abduction", "hip", "knee"))
REACH: Mapping[str, float] = {"abduction": 0.3, "hip": 0.5, "knee": 0.6}  # radians

# Radians from a straight leg. The feet are a little behind the hips, because knees that yield push the trunk back.
STAND: Mapping[str, float] = {"abduction": 0.0, "hip": 0.9, "knee": -1.5}
LIMITS: Mapping[str, tuple[float, float]] = {  # radians from a straight leg, typical of real robots
    "abduction": (-0.8, 0.8),
    "hip": (-0.9, 2.8),
    "knee": (-2.7, -0.4),
}
FOOT_RADIUS = 0.1  # times the calf's length; real robots have 0.09 to 0.12
_ARMATURE = 3e-4  # kg m^2 of reflected rotor inertia for each N m of torque limit; published rotors have 1e-4 to 6e-4
LONGEST_DELAY = 0.06  # seconds
PAYLOAD_DENSITY = 1500.0  # kg/m^3

_SHELL, _LIMB, _RUBBER, _CRATE = (
    (0.93, 0.6, 0.16, 1.0),
    (0.2, 0.22, 0.26, 1.0),
    (0.08,) * 3 + (1.0,),
    (0.5, 0.36, 0.2, 1.0),
)

# -- model -------------------------------------------------------------------------------------------------------------


def quadruped(robot: Row) -> mujoco.MjSpec:
    """Builds a robot on flat ground.

    Args:
        robot: A value for every key of :data:`NUMBERS`.
    """
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.option.timestep = TIMESTEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.memory = 1 << 18  # bytes of scratch for each world; four contacts need far less than the default
    ground(spec)
    trunk = spec.worldbody.add_body(name="trunk")
    trunk.add_freejoint()
    _shape(trunk, "trunk", mujoco.mjtGeom.mjGEOM_BOX, _SHELL)
    _shape(trunk, "head", mujoco.mjtGeom.mjGEOM_BOX, _LIMB)
    trunk.add_camera(name="track", mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM, xyaxes=[6.6, -2, 0, 4.4, 14.5, 47.6])
    payload = trunk.add_body(name="payload")
    _shape(payload, "payload", mujoco.mjtGeom.mjGEOM_BOX, _CRATE, size=[0.005] * 3, mass=1e-6)
    for leg in LEGS:
        _leg(spec, trunk, leg)
    for name in JOINTS:
        _servo(spec, name)
    for name, change in NUMBERS.items():
        change(spec, robot[name])
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


def _shape(
    body: mujoco.MjsBody,
    name: str,
    kind: mujoco.mjtGeom,
    color: tuple[float, ...],
    mass: float = 0.0,
    **geometry: object,
) -> None:
    body.add_geom(name=name, type=kind, rgba=color, mass=mass, contype=0, conaffinity=0, **geometry)


def _leg(spec: mujoco.MjSpec, trunk: mujoco.MjsBody, leg: str) -> None:
    side, capsule = LEGS[leg][1], mujoco.mjtGeom.mjGEOM_CAPSULE
    hip = trunk.add_body(name=f"{leg}_hip")
    _joint(hip, f"{leg}_abduction", (side, 0, 0))  # outward on both sides
    _shape(hip, f"{leg}_hip", capsule, _LIMB)
    thigh = hip.add_body(name=f"{leg}_thigh", quat=_turned(STAND["hip"]))
    _joint(thigh, f"{leg}_hip", (0, 1, 0))
    _shape(thigh, f"{leg}_thigh", capsule, _SHELL)
    calf = thigh.add_body(name=f"{leg}_calf", quat=_turned(STAND["knee"]))
    _joint(calf, f"{leg}_knee", (0, 1, 0))
    _shape(calf, f"{leg}_calf", capsule, _LIMB)
    calf.add_geom(
        name=f"{leg}_foot", type=mujoco.mjtGeom.mjGEOM_SPHERE, mass=0.0, rgba=_RUBBER, contype=1, conaffinity=0
    )


def _turned(angle: float) -> list[float]:
    return [math.cos(angle / 2), 0.0, math.sin(angle / 2), 0.0]


def _joint(body: mujoco.MjsBody, name: str, axis: tuple[int, int, int]) -> None:
    kind = name.split("_")[1]
    low, high = LIMITS[kind]
    limits = [low - STAND[kind], high - STAND[kind]]
    body.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_HINGE, axis=axis, range=limits)


def _servo(spec: mujoco.MjSpec, joint: str) -> None:
    spec.add_actuator(
        name=joint,
        target=joint,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        ctrlrange=[-1, 1],
        nsample=round(LONGEST_DELAY / TIMESTEP) + 1,
    )
    # An active constraint locks the joint at its standing angle.
    spec.add_equality(
        name=joint, type=mujoco.mjtEq.mjEQ_JOINT, objtype=mujoco.mjtObj.mjOBJ_JOINT, name1=joint, active=False
    )


# -- numbers of a robot ------------------------------------------------------------------------------------------------


def _trunk_mass(spec: mujoco.MjSpec, mass: float) -> None:
    spec.geom("trunk").mass = mass


def _trunk_length(spec: mujoco.MjSpec, length: float) -> None:
    spec.geom("trunk").size[0] = spec.geom("head").pos[0] = length / 2
    for leg, (forward, _) in LEGS.items():
        spec.body(f"{leg}_hip").pos[0] = forward * length / 2


def _trunk_width(spec: mujoco.MjSpec, width: float) -> None:
    spec.geom("trunk").size[1] = width / 2
    spec.geom("head").size[1] = 0.35 * width
    for leg, (_, left) in LEGS.items():
        spec.body(f"{leg}_hip").pos[1] = left * width / 2


def _hip_offset(spec: mujoco.MjSpec, offset: float) -> None:
    for leg, (_, left) in LEGS.items():
        spec.body(f"{leg}_thigh").pos[1] = left * offset
        spec.geom(f"{leg}_hip").fromto = [0, 0, 0, 0, left * offset, 0]


def _thigh_length(spec: mujoco.MjSpec, length: float) -> None:
    for leg in LEGS:
        spec.body(f"{leg}_calf").pos[2] = -length
        spec.geom(f"{leg}_hip").size[0] = 0.16 * length
        spec.geom(f"{leg}_thigh").size[0] = 0.1 * length
        spec.geom(f"{leg}_thigh").fromto = [0, 0, 0, 0, 0, -length]
    spec.geom("trunk").size[2] = 0.27 * length
    head = spec.geom("head")
    head.size[0], head.size[2], head.pos[2] = 0.35 * length, 0.18 * length, 0.1 * length
    spec.camera("track").pos = [-2.0 * length, -6.6 * length, 2.2 * length]  # a robot of any size fills the picture
    _put_on_feet(spec)


def _calf_length(spec: mujoco.MjSpec, length: float) -> None:
    for leg in LEGS:
        foot = spec.geom(f"{leg}_foot")
        foot.pos[2], foot.size[0] = -length, FOOT_RADIUS * length
        spec.geom(f"{leg}_calf").size[0] = 0.07 * length
        spec.geom(f"{leg}_calf").fromto = [0, 0, 0, 0, 0, -length]
    _put_on_feet(spec)


def _put_on_feet(spec: mujoco.MjSpec) -> None:
    spec.body("trunk").pos[2] = standing_height(*_links(spec))


def _links(spec: mujoco.MjSpec) -> tuple[float, float]:
    """Lengths of thigh and calf, m."""
    return -spec.body("fl_calf").pos[2], -spec.geom("fl_foot").pos[2]


def _link_mass(link: str) -> Callable[[mujoco.MjSpec, float], None]:
    def change(spec: mujoco.MjSpec, mass: float) -> None:
        for leg in LEGS:
            spec.geom(f"{leg}_{link}").mass = mass

    return change


def _torque(*kinds: str) -> Callable[[mujoco.MjSpec, float], None]:
    def change(spec: mujoco.MjSpec, torque: float) -> None:
        for leg in LEGS:
            for kind in kinds:
                spec.actuator(f"{leg}_{kind}").forcerange = [-torque, torque]
                spec.joint(f"{leg}_{kind}").armature = _ARMATURE * torque

    return change


def _stiffness(spec: mujoco.MjSpec, gain: float) -> None:
    links = ("hip", "thigh", "calf")
    mass = spec.geom("trunk").mass + len(LEGS) * sum(spec.geom(f"fl_{link}").mass for link in links)
    for joint in JOINTS:
        servo = spec.actuator(joint)
        servo.biasprm[1] = -gain * mass * GRAVITY * sum(_links(spec))
        servo.gainprm[0] = -servo.biasprm[1] * REACH[joint.split("_")[1]]


def _damping(spec: mujoco.MjSpec, gain: float) -> None:
    natural_time = math.sqrt(sum(_links(spec)) / GRAVITY)
    for joint in JOINTS:
        servo = spec.actuator(joint)
        servo.biasprm[2] = gain * natural_time * servo.biasprm[1]


NUMBERS: Mapping[str, Callable[[mujoco.MjSpec, float], None]] = {
    "trunk_mass": _trunk_mass,
    "trunk_length": _trunk_length,
    "trunk_width": _trunk_width,
    "hip_offset": _hip_offset,
    "hip_mass": _link_mass("hip"),
    "thigh_length": _thigh_length,
    "thigh_mass": _link_mass("thigh"),
    "calf_length": _calf_length,
    "calf_mass": _link_mass("calf"),
    "hip_torque": _torque("abduction", "hip"),
    "knee_torque": _torque("knee"),
    "stiffness": _stiffness,
    "damping": _damping,
}
"""The edit that applies each number of a robot, by column name. The gains are last: they depend on mass and lengths."""


def standing_height(thigh: Length, calf: Length) -> Length:
    """Height of the hip axes above the ground when the robot stands, m."""
    return math.cos(STAND["hip"]) * thigh + math.cos(STAND["hip"] + STAND["knee"]) * calf + FOOT_RADIUS * calf


# -- load and faults ---------------------------------------------------------------------------------------------------


def carry(model: mujoco.MjModel, mass: float, row: Row) -> None:
    """Puts a crate on the trunk, kg, at ``payload_x`` of its length and ``payload_y`` of its width."""
    if mass == 0.0:
        return
    height = float(model.geom("trunk").size[2]) + fill_cube(model, "payload", mass, PAYLOAD_DENSITY)
    where = row["payload_x"] * row["trunk_length"], row["payload_y"] * row["trunk_width"], height
    model.body("payload").pos[:] = where


def break_joint(model: mujoco.MjModel, joint: float, row: Row) -> None:
    """Removes the torque of a joint, counted from 1; 0 is none. With ``fault`` 1 the joint is locked as it stands."""
    index = round(joint) - 1
    if index >= 0:
        model.actuator_gainprm[index] = model.actuator_biasprm[index] = 0.0
        model.eq_active0[index] = row["fault"] == 1.0

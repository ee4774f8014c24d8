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
from robotmeta.envs.families.legged.world import (
    CRATE,
    GRAVITY,
    LIMB,
    PAYLOAD_DENSITY,
    RUBBER,
    SHELL,
    empty,
    hinge,
    masses_of,
    servo,
    set_damping,
    set_stiffness,
    shape,
    torques_of,
    turned,
)

Length = TypeVar("Length", float, Tensor)

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
_ROTOR = 3e-4  # kg m^2 of reflected rotor inertia for each N m of torque limit; published rotors have 1e-4 to 6e-4

# -- model -------------------------------------------------------------------------------------------------------------


def quadruped(robot: Row) -> mujoco.MjSpec:
    """Builds a robot on flat ground.

    Args:
        robot: A value for every key of :data:`NUMBERS`.
    """
    spec = empty()
    trunk = spec.worldbody.add_body(name="trunk")
    trunk.add_freejoint()
    shape(trunk, "trunk", mujoco.mjtGeom.mjGEOM_BOX, SHELL)
    shape(trunk, "head", mujoco.mjtGeom.mjGEOM_BOX, LIMB)
    trunk.add_camera(name="track", mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM, xyaxes=[6.6, -2, 0, 4.4, 14.5, 47.6])
    payload = trunk.add_body(name="payload")
    shape(payload, "payload", mujoco.mjtGeom.mjGEOM_BOX, CRATE, size=[0.005] * 3, mass=1e-6)
    for leg in LEGS:
        _leg(spec, trunk, leg)
    for name in JOINTS:
        servo(spec, name)
    for name, change in NUMBERS.items():
        change(spec, robot[name])
    return spec


def _leg(spec: mujoco.MjSpec, trunk: mujoco.MjsBody, leg: str) -> None:
    side, capsule = LEGS[leg][1], mujoco.mjtGeom.mjGEOM_CAPSULE
    hip = trunk.add_body(name=f"{leg}_hip")
    _joint(hip, f"{leg}_abduction", (side, 0, 0))  # outward on both sides
    shape(hip, f"{leg}_hip", capsule, LIMB)
    thigh = hip.add_body(name=f"{leg}_thigh", quat=turned(STAND["hip"]))
    _joint(thigh, f"{leg}_hip", (0, 1, 0))
    shape(thigh, f"{leg}_thigh", capsule, SHELL)
    calf = thigh.add_body(name=f"{leg}_calf", quat=turned(STAND["knee"]))
    _joint(calf, f"{leg}_knee", (0, 1, 0))
    shape(calf, f"{leg}_calf", capsule, LIMB)
    calf.add_geom(
        name=f"{leg}_foot", type=mujoco.mjtGeom.mjGEOM_SPHERE, mass=0.0, rgba=RUBBER, contype=1, conaffinity=0
    )


def _joint(body: mujoco.MjsBody, name: str, axis: tuple[int, int, int]) -> None:
    kind = name.split("_")[1]
    hinge(body, name, axis, LIMITS[kind], STAND[kind])


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
    return masses_of(f"{leg}_{link}" for leg in LEGS)


def _torque(*kinds: str) -> Callable[[mujoco.MjSpec, float], None]:
    return torques_of((f"{leg}_{kind}" for leg in LEGS for kind in kinds), _ROTOR)


def _stiffness(spec: mujoco.MjSpec, gain: float) -> None:
    links = ("hip", "thigh", "calf")
    mass = spec.geom("trunk").mass + len(LEGS) * sum(spec.geom(f"fl_{link}").mass for link in links)
    for joint in JOINTS:
        stiffness = gain * mass * GRAVITY * sum(_links(spec))
        set_stiffness(spec, joint, stiffness, REACH[joint.split("_")[1]])


def _damping(spec: mujoco.MjSpec, gain: float) -> None:
    natural_time = math.sqrt(sum(_links(spec)) / GRAVITY)
    for joint in JOINTS:
        set_damping(spec, joint, gain * natural_time)


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


# -- load --------------------------------------------------------------------------------------------------------------


def carry(model: mujoco.MjModel, mass: float, row: Row) -> None:
    """Puts a crate on the trunk, kg, at ``payload_x`` of its length and ``payload_y`` of its width."""
    if mass == 0.0:
        return
    height = float(model.geom("trunk").size[2]) + fill_cube(model, "payload", mass, PAYLOAD_DENSITY)
    where = row["payload_x"] * row["trunk_length"], row["payload_y"] * row["trunk_width"], height
    model.body("payload").pos[:] = where

"""The model of the family ``biped``: a robot with 12 joints, and the changes a task makes to it.

At joint angles of zero the robot stands with bent knees and level feet. A control of 0 is a joint's standing angle, a
control of 1 is ``REACH`` more. Controls follow the actions with a lag. Only the feet touch anything: the ground and
each other.
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

LEGS: Mapping[str, int] = {"left": 1, "right": -1}  # left
KINDS = ("hip_yaw", "hip_roll", "hip_pitch", "knee", "ankle_pitch", "ankle_roll")
JOINTS = tuple(f"{leg}_{kind}" for leg in LEGS for kind in KINDS)
REACH: Mapping[str, float] = {  # radians
    "hip_yaw": 0.3,
    "hip_roll": 0.25,
    "hip_pitch": 0.5,
    "knee": 0.6,
    "ankle_pitch": 0.4,
    "ankle_roll": 0.25,
}

FOLLOWED = 0.3
"""Share of the way to the action that the servos' targets go in a control step, so that they move smoothly."""

# Radians from a straight leg with a level foot.
STAND: Mapping[str, float] = {
    "hip_yaw": 0.0,
    "hip_roll": 0.0,
    "hip_pitch": -0.23,
    "knee": 0.6,
    "ankle_pitch": -0.37,
    "ankle_roll": 0.0,
}
LIMITS: Mapping[str, tuple[float, float]] = {  # radians from a straight leg, typical of real robots
    "hip_yaw": (-0.6, 0.6),
    "hip_roll": (-0.3, 0.8),
    "hip_pitch": (-1.8, 0.8),
    "knee": (0.0, 2.2),
    "ankle_pitch": (-0.9, 0.6),
    "ankle_roll": (-0.35, 0.35),
}
EDGE = 0.1  # radius of the sole's edges, as a share of its width
SHOULDERS, DEPTH = 1.1, 0.65  # width and depth of the torso, in heights of its centre of mass
_ROTOR = 1e-3  # kg m^2 of reflected rotor inertia for each N m of torque limit; published rotors have 1e-4 to 9e-3

# -- model -------------------------------------------------------------------------------------------------------------


def biped(robot: Row) -> mujoco.MjSpec:
    """Builds a robot on flat ground.

    Args:
        robot: A value for every key of :data:`NUMBERS`.
    """
    spec = empty()
    torso = spec.worldbody.add_body(name="torso")
    torso.add_freejoint()
    shape(torso, "torso", mujoco.mjtGeom.mjGEOM_BOX, SHELL)
    shape(torso, "pelvis", mujoco.mjtGeom.mjGEOM_CAPSULE, LIMB)
    shape(torso, "head", mujoco.mjtGeom.mjGEOM_BOX, LIMB)
    torso.add_camera(name="track", mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM, xyaxes=[6.6, -2, 0, 0.4, 1.3, 6.6])
    payload = torso.add_body(name="payload")
    shape(payload, "payload", mujoco.mjtGeom.mjGEOM_BOX, CRATE, size=[0.005] * 3, mass=1e-6)
    for leg in LEGS:
        _leg(spec, torso, leg)
    for name in JOINTS:
        servo(spec, name)
    for name, change in NUMBERS.items():
        change(spec, robot[name])
    return spec


def kind_of(joint: str) -> str:
    """The kind of a joint, such as ``knee``."""
    return joint.split("_", 1)[1]


def _leg(spec: mujoco.MjSpec, torso: mujoco.MjsBody, leg: str) -> None:
    side, capsule = LEGS[leg], mujoco.mjtGeom.mjGEOM_CAPSULE
    hip = torso.add_body(name=f"{leg}_hip")
    _joint(hip, f"{leg}_hip_yaw", (0, 0, side))  # outward on both sides
    _joint(hip, f"{leg}_hip_roll", (side, 0, 0))
    shape(hip, f"{leg}_hip", mujoco.mjtGeom.mjGEOM_SPHERE, LIMB)
    thigh = hip.add_body(name=f"{leg}_thigh", quat=turned(STAND["hip_pitch"]))
    _joint(thigh, f"{leg}_hip_pitch", (0, 1, 0))
    shape(thigh, f"{leg}_thigh", capsule, SHELL)
    calf = thigh.add_body(name=f"{leg}_calf", quat=turned(STAND["knee"]))
    _joint(calf, f"{leg}_knee", (0, 1, 0))
    shape(calf, f"{leg}_calf", capsule, LIMB)
    foot = calf.add_body(name=f"{leg}_foot", quat=turned(STAND["ankle_pitch"]))
    _joint(foot, f"{leg}_ankle_pitch", (0, 1, 0))
    _joint(foot, f"{leg}_ankle_roll", (side, 0, 0))
    shape(foot, f"{leg}_foot", mujoco.mjtGeom.mjGEOM_BOX, RUBBER)
    sole = spec.geom(f"{leg}_foot")
    sole.contype, sole.conaffinity = (2, 0) if side > 0 else (0, 2)  # the left foot touches the right one
    for edge in ("outer", "inner"):
        foot.add_geom(name=f"{leg}_{edge}", type=capsule, mass=0.0, rgba=RUBBER, contype=1, conaffinity=0)
    for end in ("heel", "toe"):
        foot.add_site(name=f"{leg}_{end}", size=[0.005] * 3, group=4)


def _joint(body: mujoco.MjsBody, name: str, axis: tuple[int, int, int]) -> None:
    kind = kind_of(name)
    hinge(body, name, axis, LIMITS[kind], STAND[kind])


# -- numbers of a robot ------------------------------------------------------------------------------------------------


def _torso_mass(spec: mujoco.MjSpec, mass: float) -> None:
    spec.geom("torso").mass = mass


def _torso_height(spec: mujoco.MjSpec, height: float) -> None:
    torso, head = spec.geom("torso"), spec.geom("head")
    torso.size, torso.pos = [DEPTH * height / 2, SHOULDERS * height / 2, 0.9 * height], [0, 0, height]
    head.size, head.pos = [0.25 * height, 0.2 * height, 0.22 * height], [0.08 * height, 0, 2.15 * height]
    spec.geom("pelvis").size[0] = 0.22 * height


def _hip_width(spec: mujoco.MjSpec, width: float) -> None:
    for leg, left in LEGS.items():
        spec.body(f"{leg}_hip").pos[1] = left * width / 2
    spec.geom("pelvis").fromto = [0, -width / 2, 0, 0, width / 2, 0]


def _thigh_length(spec: mujoco.MjSpec, length: float) -> None:
    for leg in LEGS:
        spec.body(f"{leg}_calf").pos[2] = -length
        spec.geom(f"{leg}_hip").size[0] = 0.2 * length
        spec.geom(f"{leg}_thigh").size[0] = 0.15 * length
        spec.geom(f"{leg}_thigh").fromto = [0, 0, 0, 0, 0, -length]
    spec.camera("track").pos = [-2.2 * length, -7.3 * length, 1.2 * length]  # a robot of any size fills the picture
    _put_on_feet(spec)


def _calf_length(spec: mujoco.MjSpec, length: float) -> None:
    for leg in LEGS:
        spec.body(f"{leg}_foot").pos[2] = -length
        spec.geom(f"{leg}_calf").size[0] = 0.12 * length
        spec.geom(f"{leg}_calf").fromto = [0, 0, 0, 0, 0, -length]
    _put_on_feet(spec)


def _ankle_height(spec: mujoco.MjSpec, height: float) -> None:
    for leg in LEGS:
        for end in ("heel", "toe"):
            spec.site(f"{leg}_{end}").pos[2] = -height
        foot = spec.geom(f"{leg}_foot")
        foot.size[2], foot.pos[2] = 0.3 * height, -0.65 * height
    _lay_soles(spec)
    _put_on_feet(spec)


def _end_of_sole(end: str, ahead: int) -> Callable[[mujoco.MjSpec, float], None]:
    def change(spec: mujoco.MjSpec, length: float) -> None:
        for leg in LEGS:
            spec.site(f"{leg}_{end}").pos[0] = ahead * length
        _lay_soles(spec)

    return change


def _foot_width(spec: mujoco.MjSpec, width: float) -> None:
    for leg, left in LEGS.items():
        spec.geom(f"{leg}_foot").size[1] = width / 2
        for edge, outward in (("outer", 1), ("inner", -1)):
            capsule = spec.geom(f"{leg}_{edge}")
            capsule.size[0] = EDGE * width
            capsule.pos[1] = left * outward * (0.5 - EDGE) * width
    _lay_soles(spec)


def _lay_soles(spec: mujoco.MjSpec) -> None:
    """Lays the edges of the soles from heel to toe."""
    heel, toe = (spec.site(f"left_{end}").pos for end in ("heel", "toe"))
    length, middle = toe[0] - heel[0], (toe[0] + heel[0]) / 2
    for leg in LEGS:
        foot = spec.geom(f"{leg}_foot")
        foot.size[0], foot.pos[0] = length / 2, middle
        for edge in ("outer", "inner"):
            capsule = spec.geom(f"{leg}_{edge}")
            radius = capsule.size[0]
            capsule.quat = turned(math.pi / 2)
            capsule.size[1] = max(length / 2 - radius, 1e-4)
            capsule.pos[0], capsule.pos[2] = middle, heel[2] + radius


def _put_on_feet(spec: mujoco.MjSpec) -> None:
    spec.body("torso").pos[2] = standing_height(*_links(spec), -spec.site("left_heel").pos[2])


def _links(spec: mujoco.MjSpec) -> tuple[float, float]:
    """Lengths of thigh and calf, m."""
    return -spec.body("left_calf").pos[2], -spec.body("left_foot").pos[2]


def _link_mass(link: str) -> Callable[[mujoco.MjSpec, float], None]:
    return masses_of(f"{leg}_{link}" for leg in LEGS)


def _torque(*kinds: str) -> Callable[[mujoco.MjSpec, float], None]:
    return torques_of((f"{leg}_{kind}" for leg in LEGS for kind in kinds), _ROTOR)


def _stiffness(spec: mujoco.MjSpec, gain: float) -> None:
    links = ("hip", "thigh", "calf", "foot")
    mass = spec.geom("torso").mass + len(LEGS) * sum(spec.geom(f"left_{link}").mass for link in links)
    for joint in JOINTS:
        set_stiffness(spec, joint, gain * mass * GRAVITY * sum(_links(spec)), REACH[kind_of(joint)])


def _damping(spec: mujoco.MjSpec, gain: float) -> None:
    natural_time = math.sqrt(sum(_links(spec)) / GRAVITY)
    for joint in JOINTS:
        set_damping(spec, joint, gain * natural_time)


NUMBERS: Mapping[str, Callable[[mujoco.MjSpec, float], None]] = {
    "torso_mass": _torso_mass,
    "torso_height": _torso_height,
    "hip_width": _hip_width,
    "hip_mass": _link_mass("hip"),
    "thigh_length": _thigh_length,
    "thigh_mass": _link_mass("thigh"),
    "calf_length": _calf_length,
    "calf_mass": _link_mass("calf"),
    "ankle_height": _ankle_height,
    "heel_length": _end_of_sole("heel", -1),
    "toe_length": _end_of_sole("toe", 1),
    "foot_width": _foot_width,
    "foot_mass": _link_mass("foot"),
    "hip_torque": _torque("hip_yaw", "hip_roll", "hip_pitch"),
    "knee_torque": _torque("knee"),
    "ankle_torque": _torque("ankle_pitch", "ankle_roll"),
    "stiffness": _stiffness,
    "damping": _damping,
}
"""The edit that applies each number of a robot, by column name. The gains are last: they depend on mass and lengths."""


def standing_height(thigh: Length, calf: Length, ankle: Length) -> Length:
    """Height of the hips above the ground when the robot stands, m."""
    return math.cos(STAND["hip_pitch"]) * thigh + math.cos(STAND["hip_pitch"] + STAND["knee"]) * calf + ankle


# -- load --------------------------------------------------------------------------------------------------------------


def carry(model: mujoco.MjModel, mass: float, row: Row) -> None:
    """Straps a crate to the torso, kg, at ``payload_x`` of its depth and ``payload_y`` of its width."""
    if mass == 0.0:
        return
    fill_cube(model, "payload", mass, PAYLOAD_DENSITY)
    height = row["torso_height"]
    where = row["payload_x"] * DEPTH * height, row["payload_y"] * SHOULDERS * height, height
    model.body("payload").pos[:] = where

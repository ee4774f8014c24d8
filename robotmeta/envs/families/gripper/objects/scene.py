"""The scene: a hand that can also tilt, with two or three fingers, the object, its neighbour, and the table's edge."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np

from robotmeta.envs.edits import Row
from robotmeta.envs.families.gripper.hand import TABLE
from robotmeta.envs.families.gripper.model import TILTING, add_goal, gripper
from robotmeta.envs.families.gripper.objects.composed import Composition, add_object, resize
from robotmeta.envs.families.gripper.objects.kinds import SLOTS
from robotmeta.envs.families.objects import TABLE as TOP

GRIPPERS = ("parallel", "three-fingers")
PARALLEL, THREE_FINGERS = range(len(GRIPPERS))
NEIGHBOURS = ("none", "carton", "can")
NONE, CARTON, CAN = range(len(NEIGHBOURS))
NEIGHBOUR = "neighbour"
NEIGHBOUR_HALF = (0.016, 0.04)
"""Half the width and half the height of the neighbour, m."""
FRICTION = 0.6
"""Nominal coefficient of friction."""

_APART = 0.012  # metres from the middle of the hand to each of the two fingers on one side
_TIP = (0.006, 0.009, 0.0)  # metres, radius and straight half of the round tips of these two
_PALM = 0.106  # metres from the pads to the middle of the palm
_AWAY = (1.0, -1.0)  # where the neighbour stands if there is none
_NEIGHBOUR_MASS = 0.15  # kilograms
_PATCH = 0.005  # metres, the friction against spinning divided by that against sliding
_ROLLING = 0.0005  # metres, the friction against rolling divided by the normal force
_ON_TABLE = {"box": 3, "cylinder": 6, "capsule": 6}  # dimensions of friction of a contact
_IN_HAND = {"box": 3, "cylinder": 4, "capsule": 4}
_TABLE_PARTS = (TOP, "table_top")
_TIPS = ("right", "third")
_TOUCHING = ("left_pad", "right_pad", *(f"{finger}_tip" for finger in _TIPS))  # what touches objects
_LINKS = ("left_link", "right_link", "third_link")

# -- model -------------------------------------------------------------------------------------------------------------


def scene(row: Row) -> mujoco.MjSpec:
    """The model of the nominal task."""
    spec = gripper()
    spec.memory = 2**20
    spec.stat.center, spec.stat.extent = [0.0, 0.0, 0.05], 1.0  # a neighbour that stands away is no part of the view
    spec.option.impratio = 20.0  # as in `robotmeta.envs.families.objects`
    for name in _TABLE_PARTS:
        spec.geom(name).pos[1], spec.geom(name).size[1] = _table(row["edge"])
    _tilt(spec)
    _add_third_finger(spec)
    _add_neighbour(spec)
    add_object(spec, row)
    _add_contacts(spec)
    add_goal(spec, mujoco.mjtGeom.mjGEOM_CAPSULE, (0.003, TABLE, 0.0), [-0.14, 0.2, 0.1])
    spec.site("goal").quat = [0.707, -0.4, 0.583, 0.0]  # a bar across the picture at the goal height
    return spec


def _tilt(spec: mujoco.MjSpec) -> None:
    """Adds the joint and the servo with which the hand tilts from above (0) to the side (a quarter turn)."""
    spec.body("hand").add_joint(name="pitch", axis=[0, 1, 0], type=mujoco.mjtJoint.mjJNT_HINGE, armature=0.01)
    servo, like = spec.add_actuator(name="pitch", target="pitch"), spec.actuator("yaw")
    for what in ("trntype", "dyntype", "biastype", "gaintype", "nsample", "ctrlrange", "ctrllimited", "actlimited"):
        setattr(servo, what, getattr(like, what))
    servo.gainprm[0], servo.biasprm[1:3] = 15.0 * TILTING, [-15.0, -0.9]
    servo.forcelimited, servo.forcerange = like.forcelimited, [-4.0, 4.0]
    servo.actrange = [-0.3 / TILTING, 1.7 / TILTING]


def _add_third_finger(spec: mujoco.MjSpec) -> None:
    """Adds a finger beside the right one, inside the palm as that of a parallel gripper."""
    like = spec.body("right_finger")
    body = spec.body("hand").add_body(name="third_finger", pos=like.pos, gravcomp=1)
    joint = spec.joint("right_finger")
    body.add_joint(
        name="third_finger", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=joint.axis, range=joint.range, limited=joint.limited
    ).armature = joint.armature
    link, pad = spec.geom("right_link"), spec.geom("right_pad")
    body.add_geom(name="third_link", type=link.type, rgba=link.rgba, **_hidden(link.pos[1]))
    body.add_geom(name="third_mount", type=pad.type, rgba=pad.rgba, **_hidden(pad.pos[1]) | {"mass": pad.mass})
    for finger in _TIPS:
        tip = spec.body(f"{finger}_finger").add_geom(name=f"{finger}_tip", **_hidden(pad.pos[1]))
        tip.type, tip.rgba = mujoco.mjtGeom.mjGEOM_CAPSULE, pad.rgba
    site = spec.site("right_pad")
    body.add_site(name="third_pad", type=site.type, size=site.size, pos=site.pos, group=site.group)
    sensor = spec.add_sensor(name="third_touch", type=mujoco.mjtSensor.mjSENS_TOUCH)
    sensor.objtype, sensor.objname = mujoco.mjtObj.mjOBJ_SITE, "third_pad"
    equal = spec.add_equality(name="third_finger", type=mujoco.mjtEq.mjEQ_JOINT)
    equal.name1, equal.name2, equal.data[:2] = "right_finger", "third_finger", [0.0, 1.0]
    equal.objtype = mujoco.mjtObj.mjOBJ_JOINT
    equal.solimp, equal.solref = [0.9999, 0.9999, 0.001, 0.5, 2.0], [2.0 * spec.option.timestep, 1.0]


def _hidden(y: float) -> dict[str, Any]:
    """A speck inside the palm that touches nothing."""
    return {"size": [1e-4] * 3, "pos": [0.0, y, _PALM], "mass": 0.0, "contype": 0, "conaffinity": 0}


def _add_neighbour(spec: mujoco.MjSpec) -> None:
    width, height = NEIGHBOUR_HALF
    body = spec.worldbody.add_body(name=NEIGHBOUR, pos=[*_AWAY, height])
    body.add_freejoint(name=NEIGHBOUR)
    for name, kind in (("carton", mujoco.mjtGeom.mjGEOM_BOX), ("neighbour_can", mujoco.mjtGeom.mjGEOM_CYLINDER)):
        geom = body.add_geom(name=name, type=kind, contype=0, conaffinity=0, rgba=[0.55, 0.5, 0.42, 0.0])
        geom.size = [width, width, height] if name == "carton" else [1e-4, 1e-4, 0.0]
        geom.mass = _NEIGHBOUR_MASS * (name == "carton")


def _add_contacts(spec: mujoco.MjSpec) -> None:
    things = {"carton": "box", "neighbour_can": "cylinder"}
    slots = {slot: slot.split("_")[0] for slot in SLOTS}
    for name, kind in (slots | things).items():
        _pair(spec, TOP, name, _ON_TABLE[kind])
    for slot, kind in slots.items():
        for other in (*_TOUCHING, "palm", *things):
            _pair(spec, other, slot, _IN_HAND[kind])
    for name in things:
        for other in (*_TOUCHING, *_LINKS, "palm"):
            _pair(spec, other, name, 3)
    for name in (*_TOUCHING, "palm", "wrist"):
        _pair(spec, TOP, name, 3)


def _pair(spec: mujoco.MjSpec, one: str, other: str, dimensions: int) -> None:
    spec.add_pair(
        name=f"{one}_{other}",
        geomname1=one,
        geomname2=other,
        condim=dimensions,
        friction=[FRICTION, FRICTION, _PATCH * FRICTION, _ROLLING, _ROLLING],
        solref=[2.0 * spec.option.timestep, 1.0],  # as stiff as the step allows
        solimp=[0.99, 0.99, 0.001, 0.5, 2.0],
    )


# -- edits -------------------------------------------------------------------------------------------------------------

IN_HAND = tuple(f"{other}_{slot}" for slot in SLOTS for other in (*_TOUCHING, "palm"))
"""Names of the contacts of the object with the hand."""
ON_TABLE = tuple(f"{TOP}_{slot}" for slot in SLOTS)
"""Names of the contacts of the object with the table."""


def rub(model: mujoco.MjModel, value: float, row: Row) -> None:
    """Sets the friction of the object on everything, before its multipliers. An edit for :class:`ModelEdit`."""
    pairs = [model.pair(name).id for name in (*IN_HAND, *ON_TABLE)]
    model.pair_friction[pairs, :3] *= value / FRICTION


def rub_in_hand(model: mujoco.MjModel, value: float, row: Row) -> None:
    """Multiplies the friction of the object on the hand. An edit for :class:`ModelEdit`."""
    model.pair_friction[[model.pair(name).id for name in IN_HAND], :3] *= value


def rub_on_table(model: mujoco.MjModel, value: float, row: Row) -> None:
    """Multiplies the friction of the object on the table. An edit for :class:`ModelEdit`."""
    model.pair_friction[[model.pair(name).id for name in ON_TABLE], :3] *= value


def choose_gripper(model: mujoco.MjModel, value: float, row: Row) -> None:
    """Gives the hand two fingers, or three, of which two are on one side. An edit for :class:`ModelEdit`."""
    if round(value) != THREE_FINGERS:
        return
    pad, link = model.geom("right_pad").pos.copy(), model.geom("right_link").pos
    resize(model, "third_link", model.geom("right_link").size)
    model.geom("third_link").pos[:] = link
    resize(model, "right_pad", [1e-4] * 3)
    for finger, x in zip(_TIPS, (-_APART, _APART), strict=True):
        model.body(f"{finger}_finger").pos[0] = x
        resize(model, f"{finger}_tip", _TIP)
        model.geom(f"{finger}_tip").pos[:] = pad


def place_neighbour(model: mujoco.MjModel, value: float, row: Row) -> None:
    """Puts the neighbour beside the object, which lies in the middle of the table. An edit for :class:`ModelEdit`."""
    kind = round(value)
    if kind == NONE:
        return
    width, height = NEIGHBOUR_HALF
    resize(model, "carton", [width, width, height] if kind == CARTON else [1e-4] * 3)
    resize(model, "neighbour_can", [width, height, 0.0] if kind == CAN else [1e-4, 1e-4, 0.0])
    for name in ("carton", "neighbour_can"):
        model.geom(name).rgba[3] = 1.0
    angle = row["neighbour_side"]
    direction = np.array([math.cos(angle), math.sin(angle)])
    place = direction * (_extent(Composition.of(row), direction) + row["neighbour_gap"] + width)
    start = int(model.joint(NEIGHBOUR).qposadr[0])
    turn = np.array([math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)])  # a carton faces the object
    model.qpos0[start : start + 7] = [*place, height, *turn]
    model.body(NEIGHBOUR).pos[:2], model.body(NEIGHBOUR).quat[:] = place, turn


def _extent(shape: Composition, direction: np.ndarray) -> float:
    """How far an object reaches in a horizontal direction, m."""
    there = shape.masses > 0.0
    reach = shape.middles[there, :2] @ direction + shape.halves[there, :2] @ np.abs(direction)
    return float(reach.max())


def show_edge(model: mujoco.MjModel, value: float, row: Row) -> None:
    """Lets the picture of the table end at its front edge. An edit for :class:`ModelEdit`."""
    for name in _TABLE_PARTS:
        geom = model.geom(name)
        geom.pos[1], geom.size[1] = _table(value)


def _table(edge: float) -> tuple[float, float]:
    """Middle and half the length along y of a table with a front edge, m."""
    return (TABLE - edge) / 2, (TABLE + edge) / 2

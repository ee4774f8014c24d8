"""The object of a manipulation task: one of four shapes, of any size, mass and friction, free on a table.

Every model has all four shapes. The shapes that are not chosen are tiny and inside the chosen one, so that the models
of all shapes have the same layout and differ only in numbers. Only the contacts listed by :func:`add_object` exist.

The length of a box is along its x axis, its width across the fingers. A cylinder stands on its end. A capsule lies
along its x axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.distributions import Choice, LogUniform, Uniform, Union
from robotmeta.envs.edits import ModelEdit, Row, SpecEdit
from robotmeta.envs.family import Columns, State
from robotmeta.envs.parameters import Parameter, numbered
from robotmeta.envs.rewards import tolerance

SHAPES = ("box", "cylinder", "sphere", "capsule")
BODY = "object"
TABLE = "table"
"""Name of the geom that the object lies on, a plane at height 0."""

_BOX, _CYLINDER, _SPHERE, _CAPSULE = range(len(SHAPES))
_KINDS = ("mjGEOM_BOX", "mjGEOM_CYLINDER", "mjGEOM_SPHERE", "mjGEOM_CAPSULE")
_SPECK = 1e-4  # metres, half the size of a shape that is not chosen
_COLORS = ((0.85, 0.33, 0.22, 1.0), (0.2, 0.45, 0.75, 1.0), (0.35, 0.6, 0.3, 1.0), (0.85, 0.62, 0.15, 1.0))

# Dimensions of friction of a contact: 3 resists sliding, 4 also spinning about its normal, 6 also rolling. An object
# with several contact points cannot spin without sliding. Without rolling friction, a round object would never stop.
_ON_TABLE = (3, 6, 6, 6)
_IN_HAND = (3, 3, 4, 3)
_PATCH = 0.005  # metres, the friction against spinning divided by that against sliding
_ROLLING = 0.0005  # metres, the friction against rolling divided by the normal force

# -- model -------------------------------------------------------------------------------------------------------------


def add_object(spec: mujoco.MjSpec, touching: Sequence[str]) -> None:
    """Adds the object as the last body, and the contacts it can make.

    The parameters below set its size, mass and friction. Its pose is the last 7 entries of ``qpos`` and its velocity
    the last 6 of ``qvel``.

    With Euler's method a held object does not slip. Implicit integration changes the velocities of damped servos again
    after the contacts are solved, and the object slips.

    Args:
        spec: A scene with its time step and a geom called :data:`TABLE`.
        touching: Names of the geoms that the object can touch, without the table.
    """
    spec.option.impratio = (
        20.0  # friction is much stiffer than contacts: a held object creeps by less than a millimetre
    )
    body = spec.worldbody.add_body(name=BODY)
    body.simple = False  # the centre of mass may be anywhere
    body.add_freejoint()
    for index, shape in enumerate(SHAPES):
        kind = getattr(mujoco.mjtGeom, _KINDS[index])
        body.add_geom(name=shape, type=kind, contype=0, conaffinity=0, rgba=_COLORS[index])
        for other in (TABLE, *touching):
            spec.add_pair(
                name=f"{other}_{shape}",
                geomname1=other,
                geomname2=shape,
                condim=(_ON_TABLE if other == TABLE else _IN_HAND)[index],
                solref=[2.0 * spec.option.timestep, 1.0],  # as stiff as the step allows
                solimp=[0.99, 0.99, 0.001, 0.5, 2.0],
            )
    spec.geom("capsule").quat = [math.sqrt(0.5), 0.0, math.sqrt(0.5), 0.0]


def _chosen(spec: mujoco.MjSpec) -> tuple[str, mujoco.MjsGeom]:
    """The chosen shape: the only one with a mass."""
    return next((shape, spec.geom(shape)) for shape in SHAPES if spec.geom(shape).mass > 0.0)


def _set_shape(spec: mujoco.MjSpec, value: float) -> None:
    for index, shape in enumerate(SHAPES):
        geom = spec.geom(shape)
        geom.mass = float(index == round(value))
        geom.size = [_SPECK] * 3


def _set_half_width(spec: mujoco.MjSpec, value: float) -> None:
    _chosen(spec)[1].size = [value] * 3
    spec.body(BODY).pos = [0.0, 0.0, value]


def _set_aspect(spec: mujoco.MjSpec, value: float) -> None:
    shape, geom = _chosen(spec)
    if shape == "box":
        geom.size[0] *= value
    elif shape == "cylinder":
        geom.size[1] *= value
        spec.body(BODY).pos[2] *= value
    elif shape == "capsule":
        geom.size[1] *= value - 1.0


def _set_mass(spec: mujoco.MjSpec, value: float) -> None:
    _chosen(spec)[1].mass = value


def _set_offset(model: mujoco.MjModel, value: float, row: Row) -> None:
    kind, half_width, position = round(row["shape"]), row["half_width"], model.body(BODY).ipos
    if kind == _SPHERE:
        position[2] = -abs(value) * half_width  # at any other place it would roll
    else:
        # MuJoCo supports a cylinder at three points of its rim. Within half a radius it does not tip over.
        base = {_BOX: row["aspect"], _CYLINDER: 0.6, _CAPSULE: row["aspect"] - 1.0}[kind]
        position[0] = value * half_width * base


def _set_friction(spec: mujoco.MjSpec, value: float) -> None:
    for pair in spec.pairs:
        pair.friction = [value, value, _PATCH * value, _ROLLING, _ROLLING]


def _scale_friction(on_table: bool) -> SpecEdit:
    def change(spec: mujoco.MjSpec, value: float) -> None:
        for pair in spec.pairs:
            if (pair.geomname1 == TABLE) == on_table:
                pair.friction[:3] *= value

    return SpecEdit(change)


# -- what varies -------------------------------------------------------------------------------------------------------

# Families use the columns they need, in this order, and change ranges with `dataclasses.replace`.
SHAPE = Parameter(
    "shape",
    "shape of the object",
    train=Choice((_BOX, _CYLINDER, _SPHERE)),
    nominal=_BOX,
    bounds=(0.0, len(SHAPES) - 1.0),
    ood=Choice((_CAPSULE,)),
    edits=(SpecEdit(_set_shape),),
    labels=numbered(SHAPES),
)
HALF_WIDTH = Parameter(
    "half_width",
    "half the object's width; the radius of a round object",
    train=Uniform(0.016, 0.028),
    nominal=0.02,
    bounds=(0.005, 0.038),
    ood=Uniform(0.028, 0.034),
    edits=(SpecEdit(_set_half_width),),
    unit="m",
)
ASPECT = Parameter(
    "aspect",
    "length over width of a box or capsule, height over width of a cylinder",
    train=Uniform(1.1, 1.5),
    nominal=1.25,
    bounds=(1.05, 2.0),
    ood=Uniform(1.5, 1.8),
    edits=(SpecEdit(_set_aspect),),
)
MASS = Parameter(
    "mass",
    "mass of the object",
    train=LogUniform(0.1, 0.5),
    nominal=0.2,
    bounds=(0.01, 5.0),
    ood=Uniform(0.5, 0.6),
    edits=(SpecEdit(_set_mass),),
    unit="kg",
)
OFFSET = Parameter(
    "offset",
    "offset of the centre of mass along the object, divided by half its base; for a sphere, downwards, divided by its "
    "radius",
    train=Uniform(-0.5, 0.5),
    nominal=0.0,
    bounds=(-0.8, 0.8),
    ood=Union(((-0.7, -0.5), (0.5, 0.7))),
    edits=(ModelEdit(_set_offset),),
)
FRICTION = Parameter(
    "friction",
    "coefficient of friction of the object on a plain surface",
    train=Uniform(0.35, 0.9),
    nominal=0.6,
    bounds=(0.0, 3.0),
    ood=Uniform(0.28, 0.35),
    edits=(SpecEdit(_set_friction),),
)
FINGER_FRICTION = Parameter(
    "finger_friction",
    "multiplier of the object's friction on the fingers: new or worn rubber",
    train=LogUniform(0.7, 1.4),
    nominal=1.0,
    bounds=(0.0, 5.0),
    edits=(_scale_friction(on_table=False),),
)
TABLE_FRICTION = Parameter(
    "table_friction",
    "multiplier of the object's friction on the table",
    train=LogUniform(0.5, 1.5),
    nominal=1.0,
    bounds=(0.0, 5.0),
    edits=(_scale_friction(on_table=True),),
)

# -- measurements ------------------------------------------------------------------------------------------------------


def position(state: State) -> Tensor:
    """Position of the object's middle, m ``[..., 3]``."""
    return state["qpos"][..., -7:-4]


def velocity(state: State) -> Tensor:
    """Velocity of the object's middle, m/s ``[..., 3]``."""
    return state["qvel"][..., -6:-3]


def spin(state: State) -> Tensor:
    """Angular velocity in the object's frame, rad/s ``[..., 3]``."""
    return state["qvel"][..., -3:]


def along(state: State) -> Tensor:
    """Direction of the object's own x axis, ``[..., 3]``."""
    return _turned_by(state["qpos"][..., -4:], _X_AXIS)


def up(state: State) -> Tensor:
    """Direction of the object's own z axis, ``[..., 3]``."""
    return _turned_by(state["qpos"][..., -4:], _Z_AXIS)


def _summed(*components: dict[str, float]) -> Tensor:
    """Weight of each product of two entries of a quaternion, such as ``"wz"``, in each component, ``[16, 3]``."""
    weights = torch.zeros(4, 4, 3, dtype=torch.float64)
    for axis, products in enumerate(components):
        for (one, other), weight in products.items():
            weights["wxyz".index(one), "wxyz".index(other), axis] = weight
    return weights.flatten(0, 1)


_X_AXIS = per_device(_summed({"ww": 1, "xx": 1, "yy": -1, "zz": -1}, {"xy": 2, "wz": 2}, {"xz": 2, "wy": -2}))
_Z_AXIS = per_device(_summed({"xz": 2, "wy": 2}, {"yz": 2, "wx": -2}, {"ww": 1, "xx": -1, "yy": -1, "zz": 1}))


def _turned_by(quaternion: Tensor, axis: Callable[[torch.device], Tensor]) -> Tensor:
    """Rotates an axis by unit quaternions ``[..., 4]``; returns ``[..., 3]``."""
    return (quaternion.unsqueeze(-1) * quaternion.unsqueeze(-2)).flatten(-2) @ axis(quaternion.device)


_SQUARE = per_device(torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))


def seen_along(direction: Tensor, task: Columns) -> Tensor:
    """Observed direction of the object's x axis in the hand's frame, ``[task, episode, 3]``.

    The rotation of a cylinder or a sphere is not visible. Its direction is that of the hand's x axis, as if it lay
    squarely between the pads.

    Args:
        direction: The true direction in the hand's frame, ``[task, episode, 3]``.
        task: The task row.
    """
    shows = (task["shape"] == _BOX) | (task["shape"] == _CAPSULE)
    return torch.where(shows.unsqueeze(-1), direction, _SQUARE(direction.device))


def half_extents(task: Columns) -> Tensor:
    """Half the object's length, width and height in its initial orientation, m ``[task, 1, 3]``."""
    width, kind = task["half_width"], task["shape"]
    length = torch.where((kind == _BOX) | (kind == _CAPSULE), width * task["aspect"], width)
    return torch.stack([length, width, _half_height(task)], dim=-1)


def _half_height(task: Columns) -> Tensor:
    width = task["half_width"]
    return torch.where(task["shape"] == _CYLINDER, width * task["aspect"], width)


def rise(state: State, task: Columns) -> Tensor:
    """Height of the object's middle above its height on the table, m ``[task, episode]``."""
    return position(state)[..., 2] - _half_height(task)


def tilt(state: State, task: Columns) -> Tensor:
    """Sine of the object's tilt, ``[task, episode]``.

    For a cylinder, the tilt is the angle between its axis and the vertical. For a box or a capsule, it is the angle
    between its x axis and the table, negative where that end is lower. For a sphere it is 0.
    """
    kind = task["shape"]
    return torch.where(kind == _CYLINDER, up(state)[..., :2].norm(dim=-1), along(state)[..., 2] * (kind != _SPHERE))


def at_rest(xy: Tensor, yaw: Tensor, task: Columns) -> Tensor:
    """Pose of an object that lies on the table.

    Args:
        xy: Position on the table, m ``[task, episode, 2]``.
        yaw: Direction of its x axis, rad ``[task, episode]``.
        task: The task row.

    Returns:
        Position and quaternion, ``[task, episode, 7]``.
    """
    height, none = _half_height(task).expand_as(yaw), torch.zeros_like(yaw)
    return torch.stack([*xy.unbind(dim=-1), height, (yaw / 2).cos(), none, none, (yaw / 2).sin()], dim=-1)


def off_table(state: State, half_side: float) -> Tensor:
    """Whether the object fell off a square table of that half side (m) or through it, bool ``[task, episode]``."""
    middle = position(state)
    return (middle[..., :2].abs().amax(dim=-1) > half_side) | (middle[..., 2] < 0.0)


# -- lifting: tasks with a column ``goal_z``, the height to lift the object to, m --------------------------------------

HEIGHT_ERROR = 0.02
"""Metres to the goal, within which a lifted object is at its height."""

_TOUCH = 0.2  # newtons, the smallest force that counts as a touch
_LEVEL = 0.25  # sine of the largest tilt of a level object
_AROUND = 0.03  # metres between the middle of the pads and the object's; within half of it the hand is around it
_SOFT = 0.005  # metres by which a soft contact lets the fingers close further than the object's width
_OFF = 0.01  # metres of height from which an object is off the table


def lifted(state: State, task: Columns, force: Tensor) -> Tensor:
    """Whether the object is at its height, touched on both sides and level within 15 degrees, bool ``[task, episode]``.

    Args:
        state: The worlds.
        task: The task row.
        force: Force on each pad, N ``[task, episode, 2]``.
    """
    there = (rise(state, task) - task["goal_z"]).abs() < HEIGHT_ERROR
    return there & (force.amin(dim=-1) > 0.0) & (tilt(state, task).abs() < _LEVEL)


OBSERVED = (
    "Sizes are observed as by a camera. The rotation of a cylinder or a sphere, the shape and the hidden parameters "
    "are not observed."
)
"""What policies observe of the object, for a family's source."""

LIFTING_REWARD = (
    "In [0, 1]: 0.15 for reaching the object and turning to its sides, 0.15 for closing around it and, while both pads "
    "touch it, 0.1 for taking it off the table and 0.6 for lifting it: the share of the height, times the reward for "
    "keeping it level, times 1 minus half of (force / {grip:g} N). Success is a height within "
    f"{100 * HEIGHT_ERROR:g} cm of the goal, touched on both sides and level within 15 degrees, for the last half "
    "second."
)
""":func:`lifting_reward` and :func:`lifted` in words; ``grip`` is the largest force, N."""


def lifting_reward(
    state: State, task: Columns, distance: Tensor, seen: Tensor, gap: Tensor, force: Tensor, grip: float
) -> Tensor:
    """Reward in [0, 1] for lifting the object, as a sum of stages, ``[task, episode]``.

    - 0.05 for a hand near the object, 0.05 for one turned to its sides there, 0.05 for one around it.
    - While the hand is around the object, 0.075 for closing and 0.075 for touching it on both sides.
    - While both pads touch it, 0.1 for the first centimetre of height, and 0.6 for the share of the goal height times
      the reward for a level object times 1 minus half of (force / ``grip``).

    Args:
        state: The worlds.
        task: The task row.
        distance: Between the middle of the pads and the object's, m ``[task, episode]``.
        seen: Observed direction of the object's x axis, :func:`seen_along`, ``[task, episode, 3]``.
        gap: Distance between the pads, m ``[task, episode]``.
        force: Force on each pad, N ``[task, episode, 2]``.
        grip: The force from which the last factor is 1/2, N.
    """
    beyond = distance - _AROUND / 2
    near = tolerance(beyond, (-math.inf, 0.0), 0.25, sigmoid="linear", value_at_margin=0.0)
    turned = tolerance(seen[..., 1], (-0.1, 0.1), 0.7, sigmoid="linear", value_at_margin=0.0)
    around = tolerance(beyond, (-math.inf, 0.0), _AROUND)
    reached = (near + near * turned + around) / 3.0

    width = 2.0 * task["half_width"]
    # Fingers closer together than the object's width have missed it.
    closed = tolerance(gap - width, (-_SOFT, 0.0), 0.04, sigmoid="linear", value_at_margin=0.0)
    held = tolerance(force.amin(dim=-1), (_TOUCH, math.inf), _TOUCH, sigmoid="linear", value_at_margin=0.0)
    gripped = around * (closed + held) / 2.0

    height, goal = rise(state, task), task["goal_z"]
    off = tolerance(height, (_OFF, math.inf), _OFF, sigmoid="linear", value_at_margin=0.0)
    lift = tolerance(height - goal, (-0.01, 0.01), goal - 0.01, sigmoid="linear", value_at_margin=0.0)
    level = tolerance(tilt(state, task), (-0.1, 0.1), 0.25)
    gently = 1.0 - 0.5 * (force.mean(dim=-1) / grip).clamp(max=1.0)
    return 0.15 * reached + 0.15 * gripped + held * (0.1 * off + 0.6 * lift * level * gently)

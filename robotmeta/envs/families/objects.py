"""The object of a manipulation task: one of four shapes, of any size, mass and friction, free on a table.

Every model has all four shapes. The shapes that are not chosen are tiny and inside the chosen one, so that the models
of all shapes have the same layout and differ only in numbers. Only the contacts listed by :func:`add_object` exist.

The length of a box is along its x axis, its width across the fingers. A cylinder stands on its end. A capsule lies
along its x axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import mujoco

from robotmeta.envs.distributions import Choice, LogUniform, Uniform, Union
from robotmeta.envs.edits import ModelEdit, Row, SpecEdit
from robotmeta.envs.parameters import Parameter, numbered

SHAPES = ("box", "cylinder", "sphere", "capsule")
BODY = "object"
TABLE = "table"
"""Name of the geom that the object lies on, a plane at height 0."""

BOX, CYLINDER, SPHERE, CAPSULE = range(len(SHAPES))
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
    if kind == SPHERE:
        position[2] = -abs(value) * half_width  # at any other place it would roll
    else:
        # MuJoCo supports a cylinder at three points of its rim. Within half a radius it does not tip over.
        base = {BOX: row["aspect"], CYLINDER: 0.6, CAPSULE: row["aspect"] - 1.0}[kind]
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
    train=Choice((BOX, CYLINDER, SPHERE)),
    nominal=BOX,
    bounds=(0.0, len(SHAPES) - 1.0),
    ood=Choice((CAPSULE,)),
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

"""What can vary in a robot's model, by name: from ``"torso.mass"`` to the fields of ``MjModel``.

A target is ``NAME.PROPERTY``, or ``KIND:NAME.PROPERTY`` if objects of several kinds have this name and property. The
name may be a pattern: ``"*.friction"`` is the friction of every geom and explicit pair. Patterns leave out bodies
without mass, and the joints that move the robot as a whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Literal

import mujoco
import numpy as np

from robotmeta.envs.edits import Field, Mass, WrittenEdit, object_rows
from robotmeta.envs.friction import KINDS, check_friction, check_pair_friction, pairs_with
from robotmeta.envs.own_robot.strength import check_gear, strength_edits
from robotmeta.envs.signals import FloatingBase
from robotmeta.errors import UserError, unknown

Mode = Literal["scale", "add", "set"]


@dataclass(frozen=True)
class Property:
    """A named quantity of one kind of object.

    Attributes:
        unit: Its unit.
        fields: Its fields in ``MjModel``.
        along: Fields that are scaled with them, such as the coefficients of higher order.
        least: The smallest allowed fraction of the nominal value; None if any value of either sign is allowed.
        scaled_only: Whether it can only be scaled, because it is not a single value.
    """

    unit: str
    fields: tuple[Field, ...]
    along: tuple[Field, ...] = ()
    least: float | None = 0.0
    scaled_only: bool = False


_OTHER_AXES = tuple(Field("actuator_gear", column=axis) for axis in range(1, 6))  # of a force or torque in space

PROPERTIES: dict[str, dict[str, Property]] = {
    "body": {
        "mass": Property("kg", (Field("body_mass"),), (Field("body_inertia"),), least=0.01),
        "com_x": Property("m", (Field("body_ipos", column=0),), least=None),
        "com_y": Property("m", (Field("body_ipos", column=1),), least=None),
        "com_z": Property("m", (Field("body_ipos", column=2),), least=None),
    },
    "geom": {
        "friction": Property("1", (Field("geom_friction", column=0),)),
        "torsional_friction": Property("m", (Field("geom_friction", column=1),)),
        "rolling_friction": Property("m", (Field("geom_friction", column=2),)),
    },
    "pair": {
        "friction": Property("1", (Field("pair_friction", column=0), Field("pair_friction", column=1))),
        "torsional_friction": Property("m", (Field("pair_friction", column=2),)),
        "rolling_friction": Property("m", (Field("pair_friction", column=3), Field("pair_friction", column=4))),
    },
    "joint": {
        "damping": Property("N m s/rad", (Field("dof_damping"),), (Field("dof_dampingpoly"),)),
        "stiffness": Property("N m/rad", (Field("jnt_stiffness"),), (Field("jnt_stiffnesspoly"),)),
        "frictionloss": Property("N m", (Field("dof_frictionloss"),)),
        "armature": Property("kg m^2", (Field("dof_armature"),)),
    },
    "tendon": {
        "damping": Property("N s/m", (Field("tendon_damping"),), (Field("tendon_dampingpoly"),)),
        "stiffness": Property("N/m", (Field("tendon_stiffness"),), (Field("tendon_stiffnesspoly"),)),
        "frictionloss": Property("N", (Field("tendon_frictionloss"),)),
    },
    "actuator": {
        "gear": Property("1", (Field("actuator_gear", column=0),), _OTHER_AXES, least=None),
        "strength": Property("1", (Field("actuator_gainprm"),), scaled_only=True),
    },
    "option": {"gravity": Property("m/s^2", (Field("opt.gravity"),), least=None, scaled_only=True)},
}
"""What can vary, by kind of object. The centre of mass is in the body's frame.

Strength scales the force of an actuator (:mod:`robotmeta.envs.own_robot.strength`).
"""

_OF_SLIDES = {"N m s/rad": "N s/m", "N m/rad": "N/m", "N m": "N", "kg m^2": "kg"}  # units of slides, by those of hinges


@dataclass(frozen=True)
class Target:
    """A property of some objects of a model.

    Attributes:
        text: The target as the user wrote it.
        kind: Kind of object.
        name: Name or pattern.
        quantity: Name of the property.
        objects: Names of the objects.
        offered: The property.
        values: Nominal values of the property's first field.
        unit: Their unit.
        pairs: Names of explicit pairs that a pattern covers beside the geoms.
    """

    text: str
    kind: str
    name: str
    quantity: str
    objects: tuple[str, ...]
    offered: Property
    values: np.ndarray
    unit: str
    pairs: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """Name of its parameter, before characters other than letters and digits are replaced."""
        return self.quantity if self.kind == "option" else f"{self.name}_{self.quantity}"

    def __str__(self) -> str:
        quantity, whose = self.quantity.replace("_", " "), f"every {self.kind}" if self.name == "*" else self.name
        return quantity if self.kind == "option" else f"{quantity} of {whose}"

    def edits(self, mode: Mode, model: mujoco.MjModel, robot: str) -> tuple[WrittenEdit, ...]:
        """Returns how a value changes the model. A body's inertia scales with its mass.

        Raises:
            UserError: For a strength that cannot be scaled.
        """
        if self.quantity == "strength":
            return strength_edits(self.objects, self.text, model, robot)
        if self.quantity == "mass" and mode != "scale":
            return (Mass(mode, self.objects),)
        rows = None if self.kind == "option" else self.objects
        along = self.offered.along if mode == "scale" else ()
        fields = [(field, rows) for field in (*self.offered.fields, *along)]
        if self.pairs:
            fields += [(field, self.pairs) for field in PROPERTIES["pair"][self.quantity].fields]
        return tuple(dataclasses.replace(field, mode=mode, rows=names) for field, names in fields)

    def lowest(self, mode: Mode) -> float | None:
        """Returns the lowest physical value of a parameter; None if any sign is physical."""
        if self.offered.least is None:
            return None
        least, smallest = self.offered.least, float(self.values.min())
        return {"scale": least, "add": (least - 1.0) * smallest, "set": least * smallest}[mode]


# -- looking up --------------------------------------------------------------------------------------------------------


def find(text: str, model: mujoco.MjModel, robot: str) -> Target:
    """Looks up a target in a model.

    Args:
        text: ``NAME.PROPERTY`` or ``KIND:NAME.PROPERTY``.
        model: The nominal model, with all objects named.
        robot: Name of the model in errors, such as its file.

    Raises:
        UserError: For an unknown name or property, or a target that several kinds of object have.
    """
    head, dot, quantity = text.rpartition(".")
    if not dot:
        raise UserError(f"'{text}' names no property: write NAME.PROPERTY, such as torso.mass, or give an edit")
    prefix, colon, name = head.partition(":")
    if not colon or prefix not in PROPERTIES:
        prefix, name = "", head
    asked = [prefix] if prefix else list(PROPERTIES)
    kinds = [kind for kind in asked if quantity in PROPERTIES[kind]]
    if not kinds:
        raise unknown("property", quantity, dict.fromkeys(q for kind in asked for q in PROPERTIES[kind]))
    existing = {kind: _names(kind, model) for kind in kinds}
    found = {kind: objects for kind in kinds if (objects := _matching(name, kind, existing[kind], model))}
    pairs: tuple[str, ...] = ()
    if set(found) == {"geom", "pair"} and not any(name in names for names in existing.values()):
        pairs = found.pop("pair")  # a pattern stands for all friction
    if len(found) > 1:
        raise UserError(f"'{text}' is ambiguous: write {' or '.join(f'{kind}:{name}.{quantity}' for kind in found)}")
    if not found:
        raise unknown(" or ".join(kinds), name, dict.fromkeys(n for kind in kinds for n in existing[kind]), where=robot)
    ((kind, objects),) = found.items()
    offered = PROPERTIES[kind][quantity]
    slides = [kind == "joint" and model.joint(o).type[0] == int(mujoco.mjtJoint.mjJNT_SLIDE) for o in objects]
    unit = _OF_SLIDES[offered.unit] if all(slides) else offered.unit
    return Target(text, kind, name, quantity, objects, offered, _values(model, offered.fields[0], objects), unit, pairs)


def _names(kind: str, model: mujoco.MjModel) -> list[str]:
    if kind == "body":
        return [model.body(i).name for i in range(model.nbody) if model.body_mass[i] > 0.0]
    if kind == "option":
        return [kind]
    count = {
        "geom": model.ngeom,
        "pair": model.npair,
        "joint": model.njnt,
        "tendon": model.ntendon,
        "actuator": model.nactuator,
    }[kind]
    return [getattr(model, kind)(i).name for i in range(count)]


def _matching(name: str, kind: str, existing: Sequence[str], model: mujoco.MjModel) -> tuple[str, ...]:
    if name in existing:
        return (name,)
    floating = [model.joint(joint).name for joint in FloatingBase(model).floating] if kind == "joint" else []
    return tuple(other for other in existing if fnmatchcase(other, name) and other not in floating)


def _values(model: mujoco.MjModel, field: Field, objects: Sequence[str]) -> np.ndarray:
    array = attrgetter(field.name)(model)
    if not field.name.startswith("opt."):
        array = array[[row for name in objects for row in object_rows(model, field.name, name)]]
    return array if field.column is None else array[:, field.column]


# -- checks ------------------------------------------------------------------------------------------------------------


def check(
    target: Target,
    mode: Mode,
    low: float,
    high: float,
    model: mujoco.MjModel,
    robot: str,
    varied_pairs: Collection[str] = (),
) -> None:
    """Checks that a target can vary in a way, and that the model then changes.

    Args:
        target: What varies.
        mode: In which way.
        low: The lowest value, in training or out of distribution.
        high: The highest.
        model: The nominal model, with the largest friction of what varies beside the target.
        robot: Name of the model in errors.
        varied_pairs: Names of explicit pairs whose friction varies beside the target.

    Raises:
        UserError: If it cannot, or if the simulation would stay the same.
    """
    smallest, largest = target.values.min(), target.values.max()
    if mode != "scale" and target.offered.scaled_only:
        raise UserError(f"{target.text} can only be scaled: write scale(low, high)")
    along = [_values(model, field, target.objects) for field in target.offered.along]
    if mode != "scale" and target.quantity != "mass" and any(map(np.any, along)):
        raise UserError(
            f"{target.text} has further coefficients in {robot}: write scale(low, high), which scales them all"
        )
    none = smallest == largest == 0.0 and not any(map(np.any, along))
    if mode == "scale" and none and not target.offered.scaled_only:
        raise UserError(f"{target.text} is 0 in {robot} and stays 0 when it is scaled: use add or set_to")
    if mode == "set" and smallest < largest:
        raise UserError(f"{target.text} has several values in {robot}, {smallest:g} to {largest:g}: use scale or add")
    if target.quantity == "gear":
        first = np.array([model.actuator_gear[object_rows(model, "actuator_gear", n)[0], 0] for n in target.objects])
        ends = np.abs([_changed(first, mode, low), _changed(first, mode, high)])
        check_gear(target.objects, ends.max(axis=0), target.text, model, robot)
    if target.kind == "geom" and target.quantity in KINDS:
        lowest = _changed(target.values, mode, low)
        check_friction(
            target.objects,
            target.quantity,
            lowest,
            target.text,
            model,
            robot,
            (*varied_pairs, *target.pairs),
            alone=not pairs_with(target.quantity, target.pairs, model),
        )
    if target.kind == "pair":
        check_pair_friction(target.objects, target.quantity, target.text, model, robot)


def _changed(values: np.ndarray, mode: Mode, value: float) -> np.ndarray:
    return {"scale": values * value, "add": values + value, "set": np.full_like(values, value)}[mode]

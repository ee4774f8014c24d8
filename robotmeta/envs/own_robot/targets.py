"""What can vary in a robot's model, by name: from ``"torso.mass"`` to the fields of ``MjModel``.

A target is ``NAME.PROPERTY``, or ``KIND:NAME.PROPERTY`` if objects of several kinds have this name and property. The
name may be a pattern: ``"*.friction"`` is the friction of every geom. Patterns leave out bodies without mass, and the
joints that move the robot as a whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Literal

import mujoco
import numpy as np

from robotmeta.envs.edits import Edit, Field, ModelEdit, Row, object_rows
from robotmeta.envs.signals import FloatingBase
from robotmeta.errors import UserError, unknown

Mode = Literal["scale", "add", "set"]


@dataclass(frozen=True)
class Property:
    """A named quantity of one kind of object.

    Attributes:
        unit: Its unit.
        fields: Its fields in ``MjModel``. If there are several, they are scaled together.
        least: The smallest allowed fraction of the nominal value; None if any value of either sign is allowed.
        scaled_only: Whether it can only be scaled, because it is not a single value.
    """

    unit: str
    fields: tuple[Field, ...]
    least: float | None = 0.0
    scaled_only: bool = False


# A servo's force is linear in these fields. Scaling all of them scales its force and keeps its target.
_FORCE = (Field("actuator_gainprm"), Field("actuator_biasprm"), Field("actuator_forcerange"))

PROPERTIES: dict[str, dict[str, Property]] = {
    "body": {
        "mass": Property("kg", (Field("body_mass"), Field("body_inertia")), least=0.01),
        "com_x": Property("m", (Field("body_ipos", column=0),), least=None),
        "com_y": Property("m", (Field("body_ipos", column=1),), least=None),
        "com_z": Property("m", (Field("body_ipos", column=2),), least=None),
    },
    "geom": {
        "friction": Property("1", (Field("geom_friction", column=0),)),
        "torsional_friction": Property("m", (Field("geom_friction", column=1),)),
        "rolling_friction": Property("m", (Field("geom_friction", column=2),)),
    },
    "joint": {
        "damping": Property("N m s/rad", (Field("dof_damping"),)),
        "stiffness": Property("N m/rad", (Field("jnt_stiffness"),)),
        "frictionloss": Property("N m", (Field("dof_frictionloss"),)),
        "armature": Property("kg m^2", (Field("dof_armature"),)),
    },
    "tendon": {
        "damping": Property("N s/m", (Field("tendon_damping"),)),
        "stiffness": Property("N/m", (Field("tendon_stiffness"),)),
        "frictionloss": Property("N", (Field("tendon_frictionloss"),)),
    },
    "actuator": {
        "gear": Property("1", (Field("actuator_gear", column=0),), least=None),
        "strength": Property("1", _FORCE, scaled_only=True),
    },
    "option": {"gravity": Property("m/s^2", (Field("opt.gravity"),), least=None, scaled_only=True)},
}
"""What can vary, by kind of object. The centre of mass is in the body's frame. Strength scales an actuator's force."""

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
    """

    text: str
    kind: str
    name: str
    quantity: str
    objects: tuple[str, ...]
    offered: Property
    values: np.ndarray
    unit: str

    @property
    def column(self) -> str:
        """Name of its parameter, before characters other than letters and digits are replaced."""
        return self.quantity if self.kind == "option" else f"{self.name}_{self.quantity}"

    def __str__(self) -> str:
        quantity, whose = self.quantity.replace("_", " "), f"every {self.kind}" if self.name == "*" else self.name
        return quantity if self.kind == "option" else f"{quantity} of {whose}"

    def edits(self, mode: Mode) -> tuple[Edit, ...]:
        """Returns how a value changes the model. A body's inertia scales with its mass."""
        rows = None if self.kind == "option" else self.objects
        fields = tuple(dataclasses.replace(field, mode=mode, rows=rows) for field in self.offered.fields)
        if self.quantity != "mass" or mode == "scale":
            return fields

        def change_mass(model: mujoco.MjModel, value: float, row: Row) -> None:
            before = model.body_mass.copy()
            fields[0].apply(model, value, row)
            changed = model.body_mass != before
            model.body_inertia[changed] *= (model.body_mass[changed] / before[changed])[:, None]

        return (ModelEdit(change_mass),)

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
    if len(found) > 1:
        raise UserError(f"'{text}' is ambiguous: write {' or '.join(f'{kind}:{name}.{quantity}' for kind in found)}")
    if not found:
        raise unknown(" or ".join(kinds), name, dict.fromkeys(n for kind in kinds for n in existing[kind]), where=robot)
    ((kind, objects),) = found.items()
    offered = PROPERTIES[kind][quantity]
    slides = [kind == "joint" and model.joint(o).type[0] == int(mujoco.mjtJoint.mjJNT_SLIDE) for o in objects]
    unit = _OF_SLIDES[offered.unit] if all(slides) else offered.unit
    return Target(text, kind, name, quantity, objects, offered, _values(model, offered.fields[0], objects), unit)


def _names(kind: str, model: mujoco.MjModel) -> list[str]:
    if kind == "body":
        return [model.body(i).name for i in range(model.nbody) if model.body_mass[i] > 0.0]
    if kind == "option":
        return [kind]
    count = {"geom": model.ngeom, "joint": model.njnt, "tendon": model.ntendon, "actuator": model.nu}[kind]
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

_LINEAR_GAINS = (int(mujoco.mjtGain.mjGAIN_FIXED), int(mujoco.mjtGain.mjGAIN_AFFINE))
_LINEAR_BIASES = (int(mujoco.mjtBias.mjBIAS_NONE), int(mujoco.mjtBias.mjBIAS_AFFINE))


def check(target: Target, mode: Mode, low: float, model: mujoco.MjModel, robot: str) -> None:
    """Checks that a target can vary in a way, and that the model then changes.

    Args:
        target: What varies.
        mode: In which way.
        low: The lowest training value.
        model: The nominal model.
        robot: Name of the model in errors.

    Raises:
        UserError: If it cannot, or if the simulation would stay the same.
    """
    smallest, largest = target.values.min(), target.values.max()
    if mode != "scale" and target.offered.scaled_only:
        raise UserError(f"{target.text} can only be scaled: write scale(low, high)")
    if mode == "scale" and smallest == largest == 0.0:
        raise UserError(f"{target.text} is 0 in {robot} and stays 0 when it is scaled: use add or set_to")
    if mode == "set" and smallest < largest:
        raise UserError(f"{target.text} has several values in {robot}, {smallest:g} to {largest:g}: use scale or add")
    if target.quantity == "strength":
        for name in target.objects:
            actuator = model.actuator(name)
            if actuator.gaintype[0] not in _LINEAR_GAINS or actuator.biastype[0] not in _LINEAR_BIASES:
                raise UserError(f"{target.text}: the force of '{name}' is not linear in its gains; vary its gear")
    if target.quantity == "friction":
        values = target.values
        lowest = {"scale": values * low, "add": values + low, "set": np.full_like(values, low)}[mode]
        _check_friction(target, lowest, model, robot)


def _check_friction(target: Target, lowest: np.ndarray, model: mujoco.MjModel, robot: str) -> None:
    # MuJoCo takes the larger friction of two geoms in contact. A friction below the other one would have no effect.
    mine = [model.geom(name).id for name in target.objects]
    for geom, friction in zip(mine, lowest, strict=True):
        for other in sorted(set(range(model.ngeom)) - set(mine)):
            behind = model.geom_priority[other] - model.geom_priority[geom]
            hidden = behind > 0 or (behind == 0 and friction < model.geom_friction[other, 0])
            if hidden and _touch(model, geom, other):
                raise UserError(
                    f"{target.text} may have no effect: MuJoCo takes the larger friction of two geoms in contact, and "
                    f"'{model.geom(other).name}' has {model.geom_friction[other, 0]:g}; vary '*.friction', or give "
                    f"'{model.geom(geom).name}' priority=\"{model.geom_priority[other] + 1}\" in {robot}"
                )


def _touch(model: mujoco.MjModel, geom: int, other: int) -> bool:
    """Whether two geoms can collide, one of them fixed to the world and the other not."""
    fixed = [model.body_weldid[model.geom_bodyid[g]] == 0 for g in (geom, other)]
    seen = [model.geom_contype[a] & model.geom_conaffinity[b] for a, b in ((geom, other), (other, geom))]
    return fixed[0] != fixed[1] and any(seen)

"""How a task value changes a MuJoCo model: writes to fields, and edits of structure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

import mujoco
import numpy as np

Row = Mapping[str, float]


@dataclass(frozen=True)
class Field:
    """Writes an array of the compiled model. Every write starts from the values that the structural edits made.

    Attributes:
        name: An array of ``MjModel``, such as ``"body_mass"`` or ``"opt.gravity"``.
        mode: Whether the value scales the entry, divides it, is added to it, or replaces it. Of several parameters that
            write the same entry, factors come first, then what is added, then what replaces.
        rows: Names of the objects to change; None for all.
        column: Column within each object's entry, such as 0 for sliding friction; None for all.
    """

    name: str
    mode: Literal["scale", "divide", "add", "set"] = "scale"
    rows: tuple[str, ...] | None = None
    column: int | None = None

    def apply(self, model: mujoco.MjModel, value: float, row: Row) -> None:
        array = attrgetter(self.name)(model)
        index = slice(None) if self.rows is None else [i for r in self.rows for i in object_rows(model, self.name, r)]
        target = (index,) if self.column is None else (index, self.column)
        array[target] = _CHANGES[self.mode](array[target], value)


_CHANGES: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "scale": lambda entry, value: entry * value,
    "divide": lambda entry, value: entry / max(value, 1e-12),
    "add": lambda entry, value: entry + value,
    "set": np.full_like,
}


@dataclass(frozen=True)
class Mass:
    """Adds to the masses of bodies, or replaces them. The inertia of each is scaled with its mass.

    Attributes:
        mode: Whether the value is added or replaces the mass, kg.
        rows: Names of the bodies.
    """

    mode: Literal["add", "set"]
    rows: tuple[str, ...]

    def apply(self, model: mujoco.MjModel, value: float, row: Row) -> None:
        bodies = [model.body(name).id for name in self.rows]
        before = model.body_mass[bodies]
        model.body_mass[bodies] = _CHANGES[self.mode](before, value)
        model.body_inertia[bodies] *= (model.body_mass[bodies] / before)[:, None]


@dataclass(frozen=True)
class ModelEdit:
    """Any other change of the compiled model: ``apply_edit(model, value, row)``, where ``row`` is the whole task.

    It is not called for a task in which all parameters that change the compiled model are nominal. For a value that
    replaces what an edit of the structure made, use :class:`Field` or :class:`Mass`.
    """

    apply_edit: Callable[[mujoco.MjModel, float, Row], None]

    def apply(self, model: mujoco.MjModel, value: float, row: Row) -> None:
        self.apply_edit(model, value, row)


@dataclass(frozen=True)
class SpecEdit:
    """A change of the ``MjSpec`` before it is compiled, such as of link lengths, terrain or attached bodies."""

    apply_edit: Callable[[mujoco.MjSpec, float], None]

    def apply(self, spec: mujoco.MjSpec, value: float) -> None:
        self.apply_edit(spec, value)


WrittenEdit = Field | Mass | ModelEdit
"""A change of the compiled model."""

Edit = WrittenEdit | SpecEdit


def order(edit: WrittenEdit) -> int:
    """Returns the place of an edit among others: factors first, then what is added, then what replaces."""
    mode = edit.mode if isinstance(edit, Field | Mass) else ""
    return {"add": 1, "set": 2}.get(mode, 0)


_OBJECT_OF_PREFIX = {
    "body": mujoco.mjtObj.mjOBJ_BODY,
    "geom": mujoco.mjtObj.mjOBJ_GEOM,
    "pair": mujoco.mjtObj.mjOBJ_PAIR,
    "jnt": mujoco.mjtObj.mjOBJ_JOINT,
    "dof": mujoco.mjtObj.mjOBJ_JOINT,
    "actuator": mujoco.mjtObj.mjOBJ_ACTUATOR,
    "tendon": mujoco.mjtObj.mjOBJ_TENDON,
}
_OF_OUTPUTS = ("actuator_gear", "actuator_acc0", "actuator_length0", "actuator_lengthrange")
_OF_CONTROLS = ("actuator_ctrllimited", "actuator_ctrlrange")


def object_rows(model: mujoco.MjModel, field: str, name: str) -> list[int]:
    """Returns the rows of an object in an array of the model.

    A ball or free joint has several degrees of freedom. An actuator may have several outputs and controls.
    """
    prefix = field.split("_")[0]
    index = mujoco.mj_name2id(model, int(_OBJECT_OF_PREFIX[prefix]), name)
    if index < 0:
        raise ValueError(f"the model has no {prefix} named '{name}'")
    if prefix == "dof":
        return np.flatnonzero(model.dof_jntid == index).tolist()
    for fields, first, number in (
        (_OF_OUTPUTS, model.actuator_outadr, model.actuator_outnum),
        (_OF_CONTROLS, model.actuator_ctrladr, model.actuator_ctrlnum),
    ):
        if field in fields:
            return list(range(int(first[index]), int(first[index] + number[index])))
    return [index]


def delay(model: mujoco.MjModel, milliseconds: float, row: Row) -> None:
    """Delays the controls of all actuators. An edit for :class:`ModelEdit`.

    The delay is rounded up to whole substeps. The actuators' ``nsample`` must leave room for the longest delay.
    """
    step = model.opt.timestep
    substeps = math.ceil(1e-3 * milliseconds / step - 1e-9)
    # MuJoCo uses the newest control that is at least this old. Half a substep less guards against rounding of the time.
    model.actuator_delay[:] = max(substeps - 0.5, 0.0) * step


def fill_cube(model: mujoco.MjModel, name: str, mass: float, density: float) -> float:
    """Turns the body and the geom of a name into a solid cube.

    Args:
        model: The model to change.
        name: Name of the body and of its geom.
        mass: Mass, kg.
        density: Density, kg/m^3.

    Returns:
        Half the edge of the cube, m.
    """
    half = (mass / density) ** (1 / 3) / 2
    body = model.body(name)
    body.mass[0], body.inertia[:] = mass, mass * (2 * half) ** 2 / 6
    model.geom(name).size[:] = half
    return half

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
    """Writes an array of the compiled model. Every write starts from the nominal values.

    Attributes:
        name: An array of ``MjModel``, such as ``"body_mass"`` or ``"opt.gravity"``.
        mode: Whether the value scales the nominal entry, is added to it, or replaces it.
        rows: Names of the objects to change; None for all.
        column: Column within each object's entry, such as 0 for sliding friction; None for all.
    """

    name: str
    mode: Literal["scale", "add", "set"] = "scale"
    rows: tuple[str, ...] | None = None
    column: int | None = None

    def apply(self, model: mujoco.MjModel, value: float, row: Row) -> None:
        array = attrgetter(self.name)(model)
        index = slice(None) if self.rows is None else [i for r in self.rows for i in object_rows(model, self.name, r)]
        target = (index,) if self.column is None else (index, self.column)
        nominal = array[target]
        array[target] = {"scale": nominal * value, "add": nominal + value, "set": np.full_like(nominal, value)}[
            self.mode
        ]


@dataclass(frozen=True)
class ModelEdit:
    """Any other change of the compiled model: ``apply_edit(model, value, row)``, where ``row`` is the whole task."""

    apply_edit: Callable[[mujoco.MjModel, float, Row], None]

    def apply(self, model: mujoco.MjModel, value: float, row: Row) -> None:
        self.apply_edit(model, value, row)


@dataclass(frozen=True)
class SpecEdit:
    """A change of the ``MjSpec`` before it is compiled, such as of link lengths, terrain or attached bodies."""

    apply_edit: Callable[[mujoco.MjSpec, float], None]

    def apply(self, spec: mujoco.MjSpec, value: float) -> None:
        self.apply_edit(spec, value)


Edit = Field | ModelEdit | SpecEdit

_OBJECT_OF_PREFIX = {
    "body": mujoco.mjtObj.mjOBJ_BODY,
    "geom": mujoco.mjtObj.mjOBJ_GEOM,
    "jnt": mujoco.mjtObj.mjOBJ_JOINT,
    "dof": mujoco.mjtObj.mjOBJ_JOINT,
    "actuator": mujoco.mjtObj.mjOBJ_ACTUATOR,
    "tendon": mujoco.mjtObj.mjOBJ_TENDON,
}


def object_rows(model: mujoco.MjModel, field: str, name: str) -> list[int]:
    """Returns the rows of an object in an array of the model. A ball or free joint has several degrees of freedom."""
    prefix = field.split("_")[0]
    index = mujoco.mj_name2id(model, int(_OBJECT_OF_PREFIX[prefix]), name)
    if index < 0:
        raise ValueError(f"the model has no {prefix} named '{name}'")
    return np.flatnonzero(model.dof_jntid == index).tolist() if prefix == "dof" else [index]


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

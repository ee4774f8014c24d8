"""How a task value changes a MuJoCo model: a table of field writes, and edits of structure."""

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
    """Writes a field of the compiled model, always starting from its nominal values.

    Attributes:
        name: An array of ``MjModel``, such as ``"body_mass"`` or ``"opt.gravity"``.
        mode: How the value combines with the nominal entry.
        rows: Names of the objects it applies to; None for all.
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
    """Any other write to the compiled model; ``apply_edit(model, value, row)`` may read the whole task row."""

    apply_edit: Callable[[mujoco.MjModel, float, Row], None]

    def apply(self, model: mujoco.MjModel, value: float, row: Row) -> None:
        self.apply_edit(model, value, row)


@dataclass(frozen=True)
class SpecEdit:
    """An edit of structure, made on the ``MjSpec`` before it is compiled: link lengths, terrain, attached bodies."""

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
    """Rows of a named object in an array of the model; a ball or free joint has several degrees of freedom."""
    prefix = field.split("_")[0]
    index = mujoco.mj_name2id(model, int(_OBJECT_OF_PREFIX[prefix]), name)
    if index < 0:
        raise ValueError(f"the model has no {prefix} named '{name}'")
    return np.flatnonzero(model.dof_jntid == index).tolist() if prefix == "dof" else [index]


def delay(model: mujoco.MjModel, milliseconds: float, row: Row) -> None:
    """Delays the controls of all actuators, by whole substeps, rounded up: an edit for :class:`ModelEdit`.

    Their ``nsample`` must leave room for the longest delay.
    """
    step = model.opt.timestep
    substeps = math.ceil(1e-3 * milliseconds / step - 1e-9)
    # The newest control that is at least this old counts: half a substep less keeps clear of rounding in the clock.
    model.actuator_delay[:] = max(substeps - 0.5, 0.0) * step


def fill_cube(model: mujoco.MjModel, name: str, mass: float, density: float) -> float:
    """Makes the body and the geom of that name a solid cube, kg and kg/m^3; returns half its edge, m."""
    half = (mass / density) ** (1 / 3) / 2
    body = model.body(name)
    body.mass[0], body.inertia[:] = mass, mass * (2 * half) ** 2 / 6
    model.geom(name).size[:] = half
    return half

"""Mass and inertia of a composition, and the object's body, whose numbers follow from a task row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from robotmeta.envs.edits import Row
from robotmeta.envs.families.gripper.objects.kinds import HALVES, MIDDLES, SECOND, SLOTS, THERE

BODY = "object"
_SPECK = 1e-4  # metres, half the size of a primitive that a kind does not have
_TYPES = {"cylinder": "mjGEOM_CYLINDER", "box": "mjGEOM_BOX", "capsule": "mjGEOM_CAPSULE"}
_COLORS = {"cylinder": (0.2, 0.45, 0.75, 1.0), "box": (0.85, 0.33, 0.22, 1.0), "capsule": (0.62, 0.65, 0.68, 1.0)}
_OWN_FRAME = 0  # mjSAMEFRAME_NONE: the pose of a geom or of an inertia is read, and not that of the body
_ALONG_X = (math.sqrt(0.5), 0.0, math.sqrt(0.5), 0.0)


@dataclass(frozen=True)
class Composition:
    """An object as numbers.

    Attributes:
        halves: Half the lengths of each primitive along x, y and z, m ``[slot, 3]``. The smallest for one that is not
            there.
        middles: Where each is, m ``[slot, 3]``.
        masses: Mass of each, kg ``[slot]``.
    """

    halves: np.ndarray
    middles: np.ndarray
    masses: np.ndarray

    @classmethod
    def of(cls, row: Row) -> Composition:
        """The composition of a task."""
        kind, width = round(row["object"]), row["half_width"]
        lengths = np.array([width, width * row["aspect"], width * row["part"]])
        there = THERE[kind]
        halves = np.where(there[:, None], HALVES[kind] @ lengths, _SPECK)
        densities = row["density"] * np.where(SECOND[kind], row["part_density"], 1.0)
        volumes = np.array([_volume(_kind(slot), half) for slot, half in zip(SLOTS, halves, strict=True)])
        return cls(halves, MIDDLES[kind] @ lengths, np.where(there, densities * volumes, 0.0))

    @property
    def mass(self) -> float:
        """Mass, kg."""
        return float(self.masses.sum())

    @property
    def centre(self) -> np.ndarray:
        """Centre of mass, m ``[3]``."""
        return self.masses @ self.middles / self.mass

    @property
    def inertia(self) -> np.ndarray:
        """Inertia about the centre of mass, kg m^2 ``[3, 3]``."""
        total = np.zeros((3, 3))
        for slot, half, middle, mass in zip(SLOTS, self.halves, self.middles, self.masses, strict=True):
            away = middle - self.centre
            total += mass * (np.diag(_squares(_kind(slot), half)) + away @ away * np.eye(3) - np.outer(away, away))
        return total

    @property
    def height(self) -> float:
        """Height of its origin above the table at rest, m."""
        there = self.masses > 0.0
        return float(np.max(self.halves[there, 2] - self.middles[there, 2]))

    def sizes(self) -> np.ndarray:
        """Sizes of the geoms as MuJoCo has them, m ``[slot, 3]``."""
        return np.array([_size(_kind(slot), half) for slot, half in zip(SLOTS, self.halves, strict=True)])


def _kind(slot: str) -> str:
    return slot.split("_")[0]


def _size(kind: str, half: np.ndarray) -> Sequence[float] | np.ndarray:
    x, _, z = half
    if kind == "capsule":  # along its own z axis, which is the object's x axis
        return z, max(x - z, _SPECK), 0.0
    return (x, z, 0.0) if kind == "cylinder" else half


def _volume(kind: str, half: np.ndarray) -> float:
    x, _, z = half
    if kind == "capsule":
        return math.pi * z**2 * (2.0 * max(x - z, _SPECK) + 4.0 / 3.0 * z)
    return math.pi * x**2 * 2.0 * z if kind == "cylinder" else 8.0 * float(np.prod(half))


def _squares(kind: str, half: np.ndarray) -> np.ndarray:
    """Inertia of a primitive about its middle, divided by its mass, m^2 ``[3]``."""
    if kind == "box":
        return (half @ half - half**2) / 3.0
    if kind == "cylinder":
        radius, height = half[0], half[2]
        across = radius**2 / 4.0 + height**2 / 3.0
        return np.array([across, across, radius**2 / 2.0])
    radius, straight = half[2], max(half[0] - half[2], _SPECK)
    ball = 4.0 / 3.0 * radius / (2.0 * straight + 4.0 / 3.0 * radius)  # share of the two caps
    across = (1.0 - ball) * (radius**2 / 4.0 + straight**2 / 3.0)
    across += ball * (0.4 * radius**2 + straight**2 + 0.75 * straight * radius)
    along = (1.0 - ball) * radius**2 / 2.0 + ball * 0.4 * radius**2
    return np.array([along, across, across])


# -- the body ----------------------------------------------------------------------------------------------------------


def add_object(spec: mujoco.MjSpec, row: Row) -> None:
    """Adds the object as the last body, without contacts."""
    shape = Composition.of(row)
    body = spec.worldbody.add_body(name=BODY, pos=[0.0, 0.0, shape.height])
    body.simple = False
    body.add_freejoint(name=BODY)
    for slot, size, middle, mass in zip(SLOTS, shape.sizes(), shape.middles, shape.masses, strict=True):
        kind = _kind(slot)
        geom = body.add_geom(name=slot, type=getattr(mujoco.mjtGeom, _TYPES[kind]), contype=0, conaffinity=0)
        geom.size, geom.pos, geom.mass, geom.rgba = size, middle, mass, _COLORS[kind]
        if kind == "capsule":
            geom.quat = _ALONG_X


def compose(model: mujoco.MjModel, value: float, row: Row) -> None:
    """Gives the object the geoms, the mass and the inertia of a task. An edit for :class:`ModelEdit`."""
    shape = Composition.of(row)
    body = model.body(BODY)
    for slot, size, middle in zip(SLOTS, shape.sizes(), shape.middles, strict=True):
        resize(model, slot, size)
        model.geom(slot).pos[:] = middle
    moments, axes = np.linalg.eigh(shape.inertia)
    moments, axes = moments[::-1], axes[:, ::-1]
    axes = axes * np.sign(np.linalg.det(axes))
    body.mass[0], body.ipos[:], body.inertia[:] = shape.mass, shape.centre, moments
    mujoco.mju_mat2Quat(body.iquat, axes.flatten())
    model.body_sameframe[body.id] = _OWN_FRAME
    body.pos[2] = model.qpos0[model.joint(BODY).qposadr[0] + 2] = shape.height


def read_by_compose(model: mujoco.MjModel, value: float, row: Row) -> None:
    """Changes nothing: :func:`compose`, the edit of another parameter, reads the value from the row."""


def resize(model: mujoco.MjModel, name: str, size: Sequence[float] | np.ndarray) -> None:
    """Sets the size of a box, cylinder or capsule, and what the compiler derives from it."""
    geom, number = model.geom(name), model.geom(name).id
    kind = int(model.geom_type[number])
    x, y, z = size
    if kind == int(mujoco.mjtGeom.mjGEOM_BOX):
        half, radius = np.array([x, y, z]), math.hypot(x, y, z)
    elif kind == int(mujoco.mjtGeom.mjGEOM_CYLINDER):
        half, radius = np.array([x, x, y]), math.hypot(x, y)
    else:
        half, radius = np.array([x, x, x + y]), x + y
    geom.size[:], geom.rbound[:] = size, radius
    model.geom_aabb[number] = [0.0, 0.0, 0.0, *half]
    model.geom_sameframe[number] = _OWN_FRAME

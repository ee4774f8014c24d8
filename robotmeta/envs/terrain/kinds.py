"""Uneven ground: kinds of terrain as heights in metres, and as the floor of a MuJoCo model.

Every kind has a flat area around the spawn point, the apron. Beyond it, the height depends on the distance from the
apron, so that a robot meets the same ground in every direction. On a planar patch, the height depends on x alone.
Difficulty runs from 0, which is flat, to 1. For a robot whose legs are ``scale`` metres long, difficulty 1 means:

======  ================================================================================================================
slope   35 cm per metre (19 degrees) at any scale; up for even seeds, down for odd seeds
rough   bumps of up to 0.15 scale up or down, 0.5 scale apart
waves   crests 0.25 scale above the start and troughs as far below it, 3 to 6 scale from crest to crest
stairs  risers of 0.4 scale, treads of 0.8 to 1.5 scale; five steps up, five down, and so on; odd seeds start downward
gaps    trenches 0.8 scale wide, 1.5 to 3 scale apart; 0.5 scale deep at any difficulty
======  ================================================================================================================

A half-cheetah's legs are 0.6 m long, a small quadruped's 0.3 m. Edges are one cell wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.errors import UserError, unknown

_FLIGHT = 5  # steps up, then as many down
_PLANAR_SIDE = 1.0  # metres of ground on each side of a planar robot
_DEPTH = 1.0  # metres of solid ground below the lowest point, so that nothing falls through
_HFIELD = "terrain"

# -- shapes ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Patch:
    """The ground a terrain covers: a square around the spawn point at the origin, or a strip along x.

    Attributes:
        reach: Metres of ground in each direction from the spawn point.
        cell: Metres between neighbouring heights. A contact costs time for each cell that a robot overlaps.
        planar: Whether heights vary along x alone, for robots that move in the x-z plane.
    """

    reach: float
    cell: float = 0.05
    planar: bool = False

    @property
    def side(self) -> float:
        """Metres of ground on each side along y."""
        return _PLANAR_SIDE if self.planar else self.reach

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows (along y) and columns (along x) of the heights."""
        columns = round(2 * self.reach / self.cell) + 1
        return (2 if self.planar else columns), columns


def check_extent(patch: Patch, distance: float) -> None:
    """Checks that a robot cannot leave the ground in an episode.

    Args:
        patch: The ground.
        distance: Metres the robot can cover in an episode: its top speed times the episode's duration.

    Raises:
        UserError: If the patch is smaller.
    """
    if patch.reach < distance:
        raise UserError(
            f"the terrain ends {patch.reach:g} m from the start and the robot can cover {distance:g} m: "
            "increase the reach of the patch, or shorten the episode"
        )


def _slope(ring: np.ndarray, difficulty: float, side: int, rng: np.random.Generator) -> np.ndarray:
    return side * 0.35 * difficulty * ring


def _waves(ring: np.ndarray, difficulty: float, side: int, rng: np.random.Generator) -> np.ndarray:
    return side * 0.25 * difficulty * np.sin(2 * np.pi * ring / rng.uniform(3.0, 6.0))


def _stairs(ring: np.ndarray, difficulty: float, side: int, rng: np.random.Generator) -> np.ndarray:
    step = np.ceil(ring / rng.uniform(0.8, 1.5))
    return side * 0.4 * difficulty * (_FLIGHT - np.abs(step % (2 * _FLIGHT) - _FLIGHT))


def _gaps(ring: np.ndarray, difficulty: float, side: int, rng: np.random.Generator) -> np.ndarray:
    width = 0.8 * difficulty
    platforms = rng.uniform(1.5, 3.0, int(ring.max() / 1.5) + 1)
    starts = np.cumsum(platforms) + width * np.arange(len(platforms))
    nearest = np.searchsorted(starts, ring, side="right") - 1
    return np.where((nearest >= 0) & (ring < starts[nearest] + width), -0.5, 0.0)


def _rough(x: np.ndarray, y: np.ndarray, difficulty: float, rng: np.random.Generator) -> np.ndarray:
    """Interpolates bilinearly between knots that are half a leg apart; ``x [column]`` and ``y [row]`` in legs."""
    across, along = (2 * (a - a[0]) for a in (y, x))
    knots = rng.uniform(-0.15, 0.15, (int(across[-1]) + 2, int(along[-1]) + 2))
    return difficulty * _between(_between(knots, along).T, across).T


def _between(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Interpolates linearly along the last axis, at fractional indices ``at``."""
    left = np.floor(at).astype(int)
    return values[..., left] + (at - left) * (values[..., left + 1] - values[..., left])


_RINGS = {"slope": _slope, "waves": _waves, "stairs": _stairs, "gaps": _gaps}

KINDS = ("flat", "slope", "rough", "waves", "stairs", "gaps")
"""Kinds of terrain. A task stores the index of a kind in this list."""


def kind_number(kind: str) -> float:
    """Returns the index of a kind in :data:`KINDS`.

    Raises:
        UserError: For an unknown kind.
    """
    if kind not in KINDS:
        raise unknown("terrain", kind, KINDS)
    return float(KINDS.index(kind))


def heights(
    kind: str, difficulty: float, seed: int, patch: Patch, *, scale: float = 1.0, apron: float = 1.0
) -> np.ndarray:
    """Makes a terrain. The same arguments give the same ground.

    Args:
        kind: One of :data:`KINDS`.
        difficulty: From 0, flat, to 1; see the table of this module.
        seed: Which terrain of this kind.
        patch: The ground to cover.
        scale: Leg length of the robot, m. Lengths and heights are multiples of it.
        apron: Metres of flat ground around the spawn point in each direction, at height 0.

    Returns:
        Heights in metres, float64 ``[row, column]``: rows from -y to y, columns from -x to x.

    Raises:
        UserError: For an unknown kind, or a difficulty outside [0, 1].
    """
    number = int(kind_number(kind))
    if not 0.0 <= difficulty <= 1.0:
        raise UserError(f"difficulty must be between 0 and 1, not {difficulty:g}")
    rows, columns = patch.shape
    x = np.linspace(-patch.reach, patch.reach, columns)
    y = np.zeros(1) if patch.planar else np.linspace(-patch.side, patch.side, rows)
    outside = np.maximum(np.maximum(np.abs(x), np.abs(y)[:, None]) - apron, 0.0) / scale  # [row, column], in legs
    rng = np.random.default_rng([seed, number])
    if kind == "rough":
        relative = np.minimum(2 * outside, 1.0) * _rough(x / scale, y / scale, difficulty, rng)
    elif kind == "flat":
        relative = np.zeros_like(outside)
    else:
        relative = _RINGS[kind](outside, difficulty, 1 - 2 * (seed % 2), rng)
    return np.broadcast_to(scale * relative, (rows, columns)).copy()


def height_at(
    heights: np.ndarray | Tensor,
    patch: Patch,
    x: float | Tensor,
    y: float | Tensor = 0.0,
    *,
    terrain: Tensor | None = None,
) -> Tensor:
    """Returns the height of the ground at a point, on the triangles that MuJoCo collides with.

    Beyond the edge of the patch, it is the height of the edge.

    Args:
        heights: ``[row, column]`` in metres; with ``terrain``, ``[terrain, row, column]``.
        patch: The ground they cover.
        x: Metres, any shape.
        y: Metres, of the same shape or one for all.
        terrain: Index of the terrain at each point, int64 of a shape that broadcasts with ``x``.
    """
    table = torch.as_tensor(heights)
    here = table.device
    if terrain is None:
        table, terrain = table[None], torch.zeros((), dtype=torch.long, device=here)
    rows, columns = patch.shape
    column, u = _cell(torch.as_tensor(x, device=here), patch.reach, columns)
    row, v = _cell(torch.as_tensor(y, device=here), patch.side, rows)
    near, right = table[terrain, row, column], table[terrain, row, column + 1]
    left, far = table[terrain, row + 1, column], table[terrain, row + 1, column + 1]
    # MuJoCo splits a cell along the diagonal from `near` to `far`.
    below = near + u * (right - near) + v * (far - right)
    above = near + v * (left - near) + u * (far - left)
    return torch.where(u > v, below, above)


def _cell(position: Tensor, half: float, count: int) -> tuple[Tensor, Tensor]:
    """Returns the index of the cell that a coordinate lies in, and the fraction of the cell before it."""
    place = ((position + half) * ((count - 1) / (2 * half))).clamp(0, count - 1)
    cell = place.long().clamp(max=count - 2)
    return cell, place - cell


# -- MuJoCo ------------------------------------------------------------------------------------------------------------


def replace_floor(
    spec: mujoco.MjSpec, heights: np.ndarray, patch: Patch, lowest: float, highest: float, *, floor: str = "floor"
) -> None:
    """Turns the floor of a model into a heightfield that keeps the plane's name, friction, material and position.

    Args:
        spec: The model, edited in place.
        heights: ``[row, column]`` in metres.
        patch: The ground they cover.
        lowest: Lower bound of these heights and of those that :func:`reshape_floor` writes later, m.
        highest: Upper bound, m.
        floor: Name of the plane.

    Raises:
        UserError: If the model has no plane of that name.
    """
    geom = spec.geom(floor)
    if geom is None or geom.type != mujoco.mjtGeom.mjGEOM_PLANE:
        planes = [g.name for g in spec.geoms if g.type == mujoco.mjtGeom.mjGEOM_PLANE]
        raise unknown("plane", floor, planes, where="the model")
    # The size of the model places the cameras and their near plane. A long terrain must not change it.
    level = spec.copy().compile()
    spec.stat.extent, spec.stat.center = level.stat.extent, level.stat.center
    highest = max(highest, lowest + 1e-3)  # level ground has no range to divide by
    elevation = _elevation(heights, lowest, highest)
    # The compiler normalizes heights to [0, 1]. Corners at 0 and 1 keep the others as they are.
    elevation[0], elevation[-1] = 0.0, 1.0
    rows, columns = patch.shape
    size = [patch.reach, patch.side, highest - lowest, _DEPTH]
    spec.add_hfield(name=_HFIELD, nrow=rows, ncol=columns, size=size, userdata=elevation.tolist())
    geom.type, geom.hfieldname = mujoco.mjtGeom.mjGEOM_HFIELD, _HFIELD
    geom.pos[2] += lowest
    material = spec.material(geom.material)
    if material is not None and not material.texuniform:
        # The number of repeats was meant for a plane of another size. Now the pattern repeats every two metres.
        material.texuniform, material.texrepeat = True, [1.0, 1.0]


def reshape_floor(
    model: mujoco.MjModel, heights: np.ndarray, lowest: float, highest: float, *, stretch: float = 1.0
) -> None:
    """Changes the shape of a floor that was made by :func:`replace_floor`.

    Args:
        model: The compiled model, written in place.
        heights: ``[row, column]`` in metres.
        lowest: As in :func:`replace_floor`.
        highest: As in :func:`replace_floor`.
        stretch: Factor on all lengths and heights, at most 1, so that the bounds that the compiler derived still hold.
    """
    field = model.hfield(_HFIELD)
    start, elevation = int(field.adr[0]), _elevation(heights, lowest, highest)
    model.hfield_data[start : start + len(elevation)] = elevation
    field.size[:] *= stretch
    floor = (model.geom_type == int(mujoco.mjtGeom.mjGEOM_HFIELD)) & (model.geom_dataid == field.id)
    model.geom_pos[floor, 2] += (stretch - 1.0) * lowest


def _elevation(heights: np.ndarray, lowest: float, highest: float) -> np.ndarray:
    """Returns heights as MuJoCo stores them: fractions of the range, flattened."""
    return ((heights - lowest) / (highest - lowest)).ravel()

"""Surfaces of MuJoCo's shapes as triangles, in the frame of the shape.

Neighbouring faces that share vertices are shaded as one smooth surface. At an edge, each side has vertices of its own.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import mujoco
import numpy as np

_SEGMENTS = 24  # around an axis
_RINGS = 9  # from the equator to a pole
_QUARTER = np.linspace(0.0, np.pi / 2, _RINGS)


class Surface(NamedTuple):
    """Triangles."""

    vertices: np.ndarray
    """float32 ``[vertex, 3]``, m."""
    faces: np.ndarray
    """int32 ``[face, 3]``, vertices counterclockwise as seen from outside."""


def primitive(kind: int, size: np.ndarray) -> Surface | None:
    """The surface of a sphere, capsule, ellipsoid, cylinder or box.

    Args:
        kind: A ``mjtGeom``.
        size: Its size as in ``geom_size``, ``[3]``.

    Returns:
        The surface; None for any other kind.
    """
    radius, half = float(size[0]), float(size[1])
    if kind == int(mujoco.mjtGeom.mjGEOM_SPHERE):
        return ellipsoid(np.full(3, radius))
    if kind == int(mujoco.mjtGeom.mjGEOM_ELLIPSOID):
        return ellipsoid(size)
    if kind == int(mujoco.mjtGeom.mjGEOM_CAPSULE):
        return capsule(radius, half)
    if kind == int(mujoco.mjtGeom.mjGEOM_CYLINDER):
        return cylinder(radius, half)
    if kind == int(mujoco.mjtGeom.mjGEOM_BOX):
        return box(size)
    return None


def ellipsoid(radii: np.ndarray) -> Surface:
    """An ellipsoid with three radii, m."""
    ball = capsule(1.0, 0.0)
    return Surface((ball.vertices * radii).astype(np.float32), ball.faces)


def capsule(radius: float, half: float) -> Surface:
    """A capsule along z, whose caps are ``2 * half`` apart, m."""
    cap = np.stack([np.cos(_QUARTER), np.sin(_QUARTER)], axis=1) * radius
    end = np.array([0.0, half])
    below, above = cap[::-1] * [1.0, -1.0] - end, cap + end
    return revolved(np.concatenate([below, above] if half > 0.0 else [below, above[1:]]))


def cylinder(radius: float, half: float) -> Surface:
    """A cylinder along z, ``2 * half`` long, m."""
    bottom, top = [radius, -half], [radius, half]
    return revolved(np.array([[0.0, -half], bottom, bottom, top, top, [0.0, half]]))


def revolved(profile: np.ndarray) -> Surface:
    """The surface that a line makes as it turns about z.

    Args:
        profile: Its points from below, distance from z and height, ``[point, 2]``. A point that is there twice is an
            edge.
    """
    angles = np.linspace(0.0, 2 * np.pi, _SEGMENTS, endpoint=False)
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rings = np.concatenate(
        [profile[:, None, :1] * around, np.broadcast_to(profile[:, None, 1:], (len(profile), _SEGMENTS, 1))], axis=-1
    )
    here = np.arange(_SEGMENTS)
    beside = (here + 1) % _SEGMENTS
    faces = []
    for lower, (one, other) in enumerate(itertools.pairwise(profile)):
        at, above = lower * _SEGMENTS, (lower + 1) * _SEGMENTS
        if np.array_equal(one, other):
            continue
        if one[0] > 0.0:
            faces.append(np.stack([at + here, at + beside, above + beside], axis=1))
        if other[0] > 0.0 or one[0] == 0.0:
            faces.append(np.stack([at + here, above + beside, above + here], axis=1))
    return Surface(rings.reshape(-1, 3).astype(np.float32), np.concatenate(faces).astype(np.int32))


def box(half: np.ndarray) -> Surface:
    """A box with half lengths of its edges, m."""
    square = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    sides = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            side = np.full((4, 3), sign)
            side[:, [(axis + 1) % 3, (axis + 2) % 3]] = square if sign > 0 else square[::-1]
            sides.append(side)
    first = 4 * np.arange(6)[:, None, None]
    faces = (first + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3)
    return Surface((np.concatenate(sides) * half).astype(np.float32), faces.astype(np.int32))


def mesh(model: mujoco.MjModel, number: int) -> Surface:
    """A mesh of the model. Vertices with several normals lie on an edge."""
    start, first = int(model.mesh_faceadr[number]), int(model.mesh_vertadr[number])
    rows = slice(start, start + int(model.mesh_facenum[number]))
    corners, normals = (array[rows].astype(np.int64) for array in (model.mesh_face, model.mesh_facenormal))
    count = int(normals.max(initial=0)) + 1
    pairs, faces = np.unique(corners * count + normals, return_inverse=True)
    return Surface(model.mesh_vert[first + pairs // count].astype(np.float32), faces.reshape(-1, 3).astype(np.int32))

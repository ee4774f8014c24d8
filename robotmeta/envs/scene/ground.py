"""Uneven ground as triangles, in two colours like a chessboard, on which one sees a robot move."""

from __future__ import annotations

import mujoco
import numpy as np

from robotmeta.envs.scene.shapes import Surface

_TILE = 0.5  # metres


def tiles(model: mujoco.MjModel, number: int) -> tuple[Surface, Surface]:
    """The light and the dark tiles of a heightfield, in its frame.

    Args:
        model: The model.
        number: Number of the heightfield.
    """
    rows, columns = int(model.hfield_nrow[number]), int(model.hfield_ncol[number])
    reach, side, top, _ = model.hfield_size[number]
    start = int(model.hfield_adr[number])
    heights = top * model.hfield_data[start : start + rows * columns].reshape(rows, columns)
    x, y = np.meshgrid(np.linspace(-reach, reach, columns), np.linspace(-side, side, rows))
    vertices = np.stack([x, y, heights], axis=-1).reshape(-1, 3).astype(np.float32)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
    near, right, left, far = corner, corner + 1, corner + columns, corner + columns + 1
    # MuJoCo splits a cell along the diagonal from `near` to `far`.
    faces = np.stack([near, right, far, near, far, left], axis=1).reshape(-1, 2, 3)
    middle = (vertices[near, :2] + vertices[far, :2]) / 2
    dark = (np.floor(middle / _TILE).sum(axis=1) % 2).astype(bool)
    light, dark = faces[~dark].reshape(-1, 3), faces[dark].reshape(-1, 3)
    return _used(vertices, light), _used(vertices, dark)


def _used(vertices: np.ndarray, faces: np.ndarray) -> Surface:
    """Some faces, and the vertices that they have."""
    used = np.zeros(len(vertices), dtype=bool)
    used[faces] = True
    renumbered = (np.cumsum(used) - 1).astype(np.int32)
    return Surface(vertices[used], renumbered[faces])

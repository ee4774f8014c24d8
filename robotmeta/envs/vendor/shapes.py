"""How far the geoms of a model reach."""

from __future__ import annotations

import mujoco
import numpy as np

_SPHERE, _CAPSULE, _CYLINDER, _BOX, _MESH, _ELLIPSOID = (
    int(getattr(mujoco.mjtGeom, f"mjGEOM_{kind}"))
    for kind in ("SPHERE", "CAPSULE", "CYLINDER", "BOX", "MESH", "ELLIPSOID")
)


def touches(model: mujoco.MjModel, geom: int) -> bool:
    """Whether a geom can touch others."""
    return bool(model.geom_contype[geom] or model.geom_conaffinity[geom])


def farthest(model: mujoco.MjModel, data: mujoco.MjData, geom: int, direction: np.ndarray) -> np.ndarray:
    """The point of a geom that is farthest in a direction, in the world's frame, ``[3]``; for a flat end, its middle.

    Args:
        model: The model.
        data: Its state, with poses of geoms.
        geom: Index of the geom.
        direction: A unit vector in the world's frame, ``[3]``.
    """
    kind, size = int(model.geom_type[geom]), model.geom_size[geom]
    centre, turn = data.geom_xpos[geom], data.geom_xmat[geom].reshape(3, 3)
    local = turn.T @ direction
    if kind == _SPHERE:
        return centre + size[0] * direction
    if kind == _CAPSULE:
        return centre + turn @ [0.0, 0.0, np.sign(local[2]) * size[1]] + size[0] * direction
    if kind == _CYLINDER:
        radial = np.array([local[0], local[1], 0.0])
        length = np.linalg.norm(radial)
        radial = radial / length * size[0] if length > 1e-3 else np.zeros(3)
        return centre + turn @ (radial + np.array([0.0, 0.0, _sign(local[2]) * size[1]]))
    if kind == _BOX:
        return centre + turn @ (np.array([_sign(v) for v in local]) * size)
    if kind == _ELLIPSOID:
        scaled = size * local
        return centre + turn @ (size * scaled / max(np.linalg.norm(scaled), 1e-9))
    if kind == _MESH:
        mesh = int(model.geom_dataid[geom])
        first = int(model.mesh_vertadr[mesh])
        points = model.mesh_vert[first : first + int(model.mesh_vertnum[mesh])]
        reach = points @ local
        near_the_end = reach >= reach.max() - 0.03 * np.ptp(reach)
        middle = points[near_the_end].mean(axis=0)
        return centre + turn @ (middle + (reach.max() - middle @ local) * local)
    return centre.copy()


def _sign(value: float) -> float:
    """The sign of a coordinate; 0 for one that is close to 0, so that a flat side counts by its middle."""
    return 0.0 if abs(value) < 0.05 else float(np.sign(value))


def round_end(model: mujoco.MjModel, data: mujoco.MjData, geom: int, point: np.ndarray) -> np.ndarray | None:
    """The centre of the sphere at the end of a sphere or capsule, near a point; None for other shapes."""
    kind, centre = int(model.geom_type[geom]), data.geom_xpos[geom]
    if kind == _SPHERE:
        return centre.copy()
    if kind != _CAPSULE:
        return None
    axis = data.geom_xmat[geom].reshape(3, 3)[:, 2]
    return centre + np.sign((point - centre) @ axis) * model.geom_size[geom, 1] * axis

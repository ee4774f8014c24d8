"""The visible parts of a model as plain data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np

from robotmeta.envs.scene.colours import colour
from robotmeta.envs.scene.ground import tiles
from robotmeta.envs.scene.shapes import Surface, mesh, primitive

_GROUPS = 3  # of six: those that MuJoCo's viewer shows by default
_LIGHT, _DARK = 1.08, 0.85  # of the tiles of uneven ground
_PLANE, _HFIELD, _MESH = (
    int(kind) for kind in (mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_HFIELD, mujoco.mjtGeom.mjGEOM_MESH)
)


@dataclass(frozen=True, eq=False)
class SceneNode:
    """A visible part of a world.

    Attributes:
        name: Name of the part, which no other one has.
        kind: ``"plane"``, ``"ground"`` for uneven ground, ``"geom"`` or ``"site"``.
        body: Number of the body that moves it; 0 for the world.
        position: Its position in the frame of the body, m, ``[3]``.
        rotation: Its rotation there, a quaternion with w first, ``[4]``.
        rgba: Red, green, blue and opacity from 0 to 1, ``[4]``.
        surface: Its triangles, in its own frame; None for a plane.
        size: Of a plane, half its lengths along x and y, m, ``[2]``; 0 without an end.
    """

    name: str
    kind: str
    body: int
    position: np.ndarray
    rotation: np.ndarray
    rgba: np.ndarray
    surface: Surface | None = None
    size: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def digest(self) -> bytes:
        """Equal digests mean that the nodes look alike."""
        hashed = hashlib.blake2b(repr((self.name, self.kind, self.body, self.size)).encode(), digest_size=16)
        for array in (self.position, self.rotation, self.rgba, *(self.surface or ())):
            hashed.update(np.ascontiguousarray(array).tobytes())
        return hashed.digest()


def scene_nodes(model: mujoco.MjModel) -> list[SceneNode]:
    """The visible geoms and sites of a model. Tendons, skins and flexible bodies are not among them."""
    return [*_geoms(model), *_sites(model)]


def _geoms(model: mujoco.MjModel) -> Iterator[SceneNode]:
    for geom in range(model.ngeom):
        rgba = colour(model, model.geom_rgba[geom], int(model.geom_matid[geom]))
        if int(model.geom_group[geom]) >= _GROUPS or rgba[3] == 0.0:
            continue
        name = f"geom {geom} {model.geom(geom).name}".rstrip()
        body, kind, data = int(model.geom_bodyid[geom]), int(model.geom_type[geom]), int(model.geom_dataid[geom])
        pose = model.geom_pos[geom].copy(), model.geom_quat[geom].copy()
        if kind == _PLANE:
            x, y, _ = model.geom_size[geom]
            yield SceneNode(name, "plane", body, *pose, rgba, size=(float(x), float(y)))
        elif kind == _HFIELD:
            for shade, factor, surface in zip(("light", "dark"), (_LIGHT, _DARK), tiles(model, data), strict=True):
                shaded = np.append((rgba[:3] * factor).clip(0.0, 1.0), rgba[3])
                yield SceneNode(f"{name} {shade}", "ground", body, *pose, shaded, surface)
        else:
            surface = mesh(model, data) if kind == _MESH else primitive(kind, model.geom_size[geom])
            if surface is not None:
                yield SceneNode(name, "geom", body, *pose, rgba, surface)


def _sites(model: mujoco.MjModel) -> Iterator[SceneNode]:
    for site in range(model.nsite):
        rgba = colour(model, model.site_rgba[site], int(model.site_matid[site]))
        surface = primitive(int(model.site_type[site]), model.site_size[site])
        if int(model.site_group[site]) < _GROUPS and rgba[3] > 0.0 and surface is not None:
            name = f"site {site} {model.site(site).name}".rstrip()
            pose = model.site_pos[site].copy(), model.site_quat[site].copy()
            yield SceneNode(name, "site", int(model.site_bodyid[site]), *pose, rgba, surface)

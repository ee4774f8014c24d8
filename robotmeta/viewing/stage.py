"""The parts of a world as nodes of viser's scene, and their movement."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from robotmeta.envs.live_world import LiveWorld
from robotmeta.envs.scene.nodes import SceneNode

_FLOOR = 5.0  # metres from the middle of a plane to its end, above which it is drawn without an end
_ENDLESS = 80.0  # metres of such a plane that can be seen
_FARTHER = 1.1  # than the camera of videos, whose pictures are not as high as the page
_BEHIND = 0.1  # seconds that the view is behind the robot, so that it does not shake with it
_JUMP = 1.0  # metres
_BRIGHT = 0.5  # mean of red, green and blue, from where lines on a floor are darker than the floor


class Stage:
    """Draws a world in viser's scene. If the view follows a body, the world moves instead of the camera.

    Args:
        server: The server of the page, a ``viser.ViserServer``.
        world: The world.

    Attributes:
        follows: Whether the view follows the robot.
        on_click: Called with the number of a body that is clicked, and the direction of view in the world's frame, in
            another thread.
    """

    def __init__(self, server: Any, world: LiveWorld) -> None:
        self._server, self._world = server, world
        self.on_click: Callable[[int, np.ndarray], None] = lambda body, direction: None
        self._drawn: dict[str, tuple[bytes, Any]] = {}
        self._bodies: dict[int, Any] = {}
        self._nodes: list[SceneNode] = []
        self.follows, self._last = True, time.monotonic()
        self._view = world.viewpoint()
        self._start = self._centre = world.poses(self._view).centre
        camera, target = server.initial_camera, self._view.target
        camera.position, camera.look_at = target + _FARTHER * (self._view.position - target), target
        camera.fov = self._view.angle
        server.scene.configure_environment_map("warehouse", environment_intensity=0.6)
        self._root = server.scene.add_frame("/world", show_axes=False)

    @property
    def can_follow(self) -> bool:
        """Whether there is a body that the view can follow."""
        return self._view.body is not None

    def update(self) -> None:
        """Shows the world as it is now."""
        nodes = self._world.nodes()
        if nodes is not self._nodes:
            self._draw(nodes)
            self._nodes = nodes
        poses = self._world.poses(self._view)
        self._follow(poses.centre, time.monotonic())
        with self._server.atomic():
            self._root.position = self._start - self._centre
            for body, handle in self._bodies.items():
                handle.position, handle.wxyz = poses.positions[body], poses.rotations[body]

    def _follow(self, centre: np.ndarray, now: float) -> None:
        passed, self._last = now - self._last, now
        if self.follows:
            away = self._centre - centre
            kept = math.exp(-passed / _BEHIND) if float(np.linalg.norm(away)) < _JUMP else 0.0
            self._centre = centre + kept * away

    def _draw(self, nodes: list[SceneNode]) -> None:
        """Replaces the nodes that look another way than before."""
        named = {node.name: node for node in nodes}
        for name, (digest, handle) in list(self._drawn.items()):
            if name not in named or named[name].digest != digest:
                handle.remove()
                del self._drawn[name]
        for name, node in named.items():
            if name not in self._drawn:
                self._drawn[name] = node.digest, self._add(node)

    def _add(self, node: SceneNode) -> Any:
        if node.body not in self._bodies:
            self._bodies[node.body] = self._server.scene.add_frame(f"/world/{node.body}", show_axes=False)
        path = f"/world/{node.body}/{node.name.replace('/', '_')}"
        pose = {"position": node.position, "wxyz": node.rotation}
        if node.surface is None:
            return self._server.scene.add_grid(path, **_plane(node), **pose)
        handle = self._server.scene.add_mesh_simple(
            path,
            node.surface.vertices,
            node.surface.faces,
            color=_bytes(node.rgba[:3]),
            opacity=None if node.rgba[3] >= 1.0 else float(node.rgba[3]),
            cast_shadow=node.kind == "geom",
            receive_shadow=node.kind != "site",
            **pose,
        )
        if node.body > 0 and node.kind == "geom":
            body = node.body
            handle.on_click(lambda event: self.on_click(body, np.array(event.ray_direction)))
        return handle


def _plane(node: SceneNode) -> dict[str, Any]:
    """How viser draws a plane."""
    x, y = node.size
    endless = min(x, y) == 0.0 or max(x, y) > _FLOOR
    cell = 0.5 if endless else 0.1
    color = node.rgba[:3]
    lines = _bytes(0.75 * color if float(color.mean()) > _BRIGHT else 0.7 * color + 0.3)
    return {
        "width": _ENDLESS if endless else 2.0 * x,
        "height": _ENDLESS if endless else 2.0 * y,
        "infinite_grid": endless,
        "cell_size": cell,
        "section_size": 2.0 * cell,
        "cell_color": lines,
        "section_color": lines,
        "plane_color": _bytes(color),
        "plane_opacity": float(node.rgba[3]),
        "shadow_opacity": 0.3,
        "fade_distance": _ENDLESS / 2,
    }


def _bytes(rgb: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = (round(255 * float(value)) for value in rgb.clip(0.0, 1.0))
    return red, green, blue

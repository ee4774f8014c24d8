"""A world in closed form on the page: its picture."""

from __future__ import annotations

from typing import Any

from robotmeta.envs.live_world import LiveWorld

_PIXELS = 480
_UPRIGHT = (0.5**0.5, -(0.5**0.5), 0.0, 0.0)  # a quaternion that turns the picture to the eye
_DISTANCE = 1.3  # of the eye, in heights of the picture


class PictureStage:
    """Shows the picture of a world in front of the eye.

    Args:
        server: The server of the page, a ``viser.ViserServer``.
        world: The world.
    """

    def __init__(self, server: Any, world: LiveWorld) -> None:
        self._world = world
        server.initial_camera.position, server.initial_camera.look_at = (0.0, -_DISTANCE, 0.0), (0.0, 0.0, 0.0)
        picture = world.picture(_PIXELS, _PIXELS)
        self._image = server.scene.add_image("/picture", picture, 1.0, 1.0, wxyz=_UPRIGHT)

    def update(self) -> None:
        """Shows the world as it is now."""
        self._image.image = self._world.picture(_PIXELS, _PIXELS)

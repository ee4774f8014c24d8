"""From where a world is seen at first, and what the view follows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from robotmeta.envs.rendering import Camera

_TRACKING = tuple(int(mode) for mode in (mujoco.mjtCamLight.mjCAMLIGHT_TRACK, mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM))


@dataclass(frozen=True)
class Viewpoint:
    """A place to look from.

    Attributes:
        position: Where the eye is, m, ``[3]``.
        target: The point in the middle of the picture, m, ``[3]``.
        angle: Vertical angle of view, radians.
        body: The body that the view follows; None for one that stays where it is.
    """

    position: np.ndarray
    target: np.ndarray
    angle: float
    body: int | None

    def centre(self, data: mujoco.MjData) -> np.ndarray:
        """The point that the view follows, m, ``[3]``; zero if it follows none."""
        return np.zeros(3) if self.body is None else data.subtree_com[self.body].copy()


def viewpoint(model: mujoco.MjModel, data: mujoco.MjData, camera: Camera) -> Viewpoint:
    """The viewpoint of a camera.

    Args:
        model: The model.
        data: The state at which the view begins.
        camera: The camera of the family.
    """
    if camera.name is None:
        return _free(model, camera.place(model, data), None if camera.body is None else model.body(camera.body).id)
    number = model.camera(camera.name).id
    body = _moving(model, int(model.cam_bodyid[number]) if int(model.cam_mode[number]) in _TRACKING else 0)
    position, forward = data.cam_xpos[number].copy(), -data.cam_xmat[number].reshape(3, 3)[:, 2]
    angle = math.radians(model.cam_fovy[number])
    if body is not None:
        return Viewpoint(position, data.subtree_com[body].copy(), angle, body)
    distance = max(float(forward @ (model.stat.center - position)), 0.1 * model.stat.extent)
    return Viewpoint(position, position + distance * forward, angle, None)


def _free(model: mujoco.MjModel, camera: mujoco.MjvCamera, body: int | None) -> Viewpoint:
    azimuth, elevation = math.radians(camera.azimuth), math.radians(camera.elevation)
    level = math.cos(elevation)
    forward = np.array([level * math.cos(azimuth), level * math.sin(azimuth), math.sin(elevation)])
    target = np.array(camera.lookat)
    angle = math.radians(model.vis.global_.fovy)
    return Viewpoint(target - camera.distance * forward, target, angle, _moving(model, body or 0))


def _moving(model: mujoco.MjModel, body: int) -> int | None:
    """The body; None if it is fixed to the world."""
    return body if int(model.body_weldid[body]) != 0 else None

"""Pictures of MuJoCo worlds, drawn off screen."""

from __future__ import annotations

import atexit
import warnings
from dataclasses import dataclass

import mujoco
import numpy as np

from robotmeta.errors import UserError

NO_GL = (
    "pictures need a GL library and none works here; on Debian or Ubuntu: "
    "apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri, then set MUJOCO_GL=egl"
)


@dataclass(frozen=True)
class Camera:
    """A camera of the model, or a free camera that follows a body.

    Attributes:
        name: Name of a camera of the model.
        body: Body that a free camera follows.
        distance: Distance of a free camera from the body, m.
        azimuth: Azimuth of a free camera, degrees.
        elevation: Elevation of a free camera, degrees.
    """

    name: str | None = None
    body: str | None = None
    distance: float = 3.0
    azimuth: float = 90.0
    elevation: float = -15.0

    def place(self, model: mujoco.MjModel, data: mujoco.MjData) -> mujoco.MjvCamera:
        """Returns MuJoCo's camera for the current state."""
        camera = mujoco.MjvCamera()
        mujoco.mjv_defaultFreeCamera(model, camera)
        if self.name is not None:
            camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
            camera.fixedcamid = mujoco.mj_name2id(model, int(mujoco.mjtObj.mjOBJ_CAMERA), self.name)
        elif self.body is not None:
            camera.lookat[:] = data.body(self.body).xpos
            camera.distance, camera.azimuth, camera.elevation = self.distance, self.azimuth, self.elevation
        return camera


# A renderer holds a GL context and the model's textures. Building one takes far longer than drawing a frame.
_SMALL = 16  # pixels, of a picture that any GL library draws
_KEPT = 3  # a recording alternates between up to three worlds
_renderers: dict[tuple[int, int, int], tuple[mujoco.MjModel, mujoco.Renderer]] = {}


def render(model: mujoco.MjModel, data: mujoco.MjData, camera: Camera, width: int, height: int) -> np.ndarray:
    """Draws one world, uint8 ``[height, width, 3]``.

    Raises:
        UserError: If no GL library works. The error has the command that installs one.
    """
    key = id(model), width, height
    if key not in _renderers:
        _renderers[key] = model, _open(model, width, height)  # while the model is alive, no other has its id
    _renderers[key] = _renderers.pop(key)  # most recently used last
    while len(_renderers) > _KEPT:
        _close(next(iter(_renderers)))
    renderer = _renderers[key][1]
    mujoco.mj_forward(model, data)
    renderer.update_scene(data, camera.place(model, data))
    # Without a GPU, shadows and reflections take six sevenths of the time of a frame.
    renderer.scene.flags[int(mujoco.mjtRndFlag.mjRND_SHADOW)] = False
    renderer.scene.flags[int(mujoco.mjtRndFlag.mjRND_REFLECTION)] = False
    return renderer.render()


def _open(model: mujoco.MjModel, width: int, height: int) -> mujoco.Renderer:
    model.vis.global_.offwidth = max(width, model.vis.global_.offwidth)
    model.vis.global_.offheight = max(height, model.vis.global_.offheight)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error below says what is wrong
            renderer = mujoco.Renderer(model, height, width)
    except Exception as error:  # PyOpenGL raises many types for a missing library
        if max(width, height) > _SMALL and _opens(model):
            raise UserError(f"this GL library draws no pictures of {width} x {height} pixels; ask for fewer") from None
        raise UserError(f"{NO_GL} ({type(error).__name__}: {error})") from None
    close_at_exit()
    return renderer


def _opens(model: mujoco.MjModel) -> bool:
    """Whether a small picture can be drawn."""
    try:
        mujoco.Renderer(model, _SMALL, _SMALL).close()
    except Exception:
        return False
    return True


def close_at_exit() -> None:
    """Closes all renderers at exit, before the functions that are registered so far.

    MuJoCo, with its first context, and dm_control, when it is imported, register functions that end EGL for all.
    """
    atexit.unregister(_close_all)
    atexit.register(_close_all)


def _close(key: tuple[int, int, int]) -> None:
    renderer = _renderers.pop(key)[1]
    if renderer._gl_context is not None:  # otherwise closing would free resources of another renderer's context
        renderer._gl_context.make_current()
    renderer.close()


def _close_all() -> None:
    for key in list(_renderers):
        _close(key)

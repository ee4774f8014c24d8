"""MuJoCo's own window on a world whose physics runs elsewhere."""

from __future__ import annotations

import copy
import math
import sys
import threading
from collections.abc import Callable, Sequence

import mujoco
import numpy as np

from robotmeta.envs.live_world import LiveWorld
from robotmeta.envs.scene.viewpoint import Viewpoint
from robotmeta.errors import UserError

_PATIENCE = 5.0  # seconds
_HEADING, _TABLE = mujoco.mjtGridPos.mjGRID_TOPLEFT, mujoco.mjtGridPos.mjGRID_BOTTOMLEFT


class Window:
    """A window of MuJoCo's viewer.

    Args:
        world: The world.
        on_key: Called with the number of a key of GLFW, from another thread.

    Raises:
        UserError: If no window can be opened.
    """

    def __init__(self, world: LiveWorld, on_key: Callable[[int], None]) -> None:
        _check_screen()
        import mujoco.viewer  # loads GLFW

        self._world = world
        self._shown, data = world.state()
        self._model = copy.copy(self._shown)  # the viewer reads it from another thread
        self._data = mujoco.MjData(self._model)
        _copy_state(self._model, data, self._data)
        before = set(threading.enumerate())
        try:
            self._handle = mujoco.viewer.launch_passive(
                self._model, self._data, key_callback=on_key, show_left_ui=False, show_right_ui=False
            )
        except RuntimeError as error:  # on macOS without mjpython
            raise UserError(f"no window opens: {error}") from None
        self._threads = set(threading.enumerate()) - before
        _aim(self._handle.cam, world.viewpoint())
        self._handle.opt.flags[int(mujoco.mjtVisFlag.mjVIS_PERTFORCE)] = True

    @property
    def running(self) -> bool:
        """Whether it is still open."""
        return bool(self._handle.is_running())

    def show(self, heading: str, table: Sequence[tuple[str, str]]) -> None:
        """Shows the world as it is now.

        Args:
            heading: Text above.
            table: Two columns of text below, row by row.
        """
        model, data = self._world.state()
        with self._handle.lock():
            if model is not self._shown:
                _copy_model(model, self._model)
            _copy_state(self._model, data, self._data)
        if model is not self._shown:
            for field in range(model.nhfield):
                self._handle.update_hfield(field)
            self._shown = model
        names, values = ("\n".join(column) for column in zip(*table, strict=True)) if table else ("", "")
        font = mujoco.mjtFontScale.mjFONTSCALE_100
        self._handle.set_texts([(font, _HEADING, heading, ""), (font, _TABLE, names, values)])
        self._handle.sync()

    def pull(self) -> None:
        """Applies the force with which the mouse pulls at a body."""
        model, data = self._world.state()
        self._world.apply(pulled(model, data, self._handle.perturb))

    def close(self) -> None:
        """Closes the window."""
        self._handle.close()
        for thread in self._threads:  # which draws, and would crash a process that ends meanwhile
            thread.join(_PATIENCE)


def pulled(model: mujoco.MjModel, data: mujoco.MjData, perturb: mujoco.MjvPerturb) -> np.ndarray:
    """Forces and torques at all bodies by a perturbation with the mouse, ``[body, 6]``."""
    data.xfrc_applied[:] = 0.0
    mujoco.mj_fwdVelocity(model, data)
    mujoco.mjv_applyPerturbForce(model, data, perturb)
    return data.xfrc_applied.copy()


def _aim(camera: mujoco.MjvCamera, view: Viewpoint) -> None:
    """Makes a camera look from a viewpoint, and follow its body if it has one."""
    forward = view.target - view.position
    camera.distance = float(np.linalg.norm(forward))
    camera.azimuth = math.degrees(math.atan2(forward[1], forward[0]))
    camera.elevation = math.degrees(math.asin(forward[2] / camera.distance))
    camera.lookat[:] = view.target
    if view.body is not None:
        camera.type, camera.trackbodyid = mujoco.mjtCamera.mjCAMERA_TRACKING, view.body


def _copy_model(source: mujoco.MjModel, target: mujoco.MjModel) -> None:
    """Writes the values of one model into another one of the same sizes."""
    for name in mujoco.MjModel._all_fields:
        value = getattr(source, name)
        if isinstance(value, np.ndarray):
            np.copyto(getattr(target, name), value)


def _copy_state(model: mujoco.MjModel, source: mujoco.MjData, target: mujoco.MjData) -> None:
    for name in ("qpos", "qvel", "act", "ctrl", "mocap_pos", "mocap_quat"):
        np.copyto(getattr(target, name), getattr(source, name))
    target.time = source.time
    mujoco.mj_forward(model, target)


def _check_screen() -> None:
    """Raises UserError if there is no screen: MuJoCo's viewer would wait for it forever."""
    if sys.platform == "linux":
        import glfw

        if not glfw.init():
            raise UserError("no window opens on the screen that DISPLAY or WAYLAND_DISPLAY names: use --browser")

"""Pictures of a robot with arrows that show what was understood."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np
from PIL import Image

from robotmeta.envs.rendering import NO_GL
from robotmeta.errors import UserError
from robotmeta.files import check_target, replaced


class Arrow(NamedTuple):
    """An arrow in the world's frame.

    Attributes:
        start: Where it starts, m, ``[3]``.
        along: From there to its tip, m, ``[3]``.
        color: Red, green, blue and opacity.
        label: Text at its tip.
    """

    start: np.ndarray
    along: np.ndarray
    color: tuple[float, float, float, float]
    label: str = ""


def drawn(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    arrows: Sequence[Arrow],
    *,
    lookat: np.ndarray,
    distance: float,
    width: int,
    height: int,
) -> np.ndarray:
    """Draws a robot and arrows over it, uint8 ``[height, width, 3]``.

    Raises:
        UserError: If no GL library works.
    """
    mujoco.mj_forward(model, data)
    model.vis.global_.offwidth = max(width, model.vis.global_.offwidth)
    model.vis.global_.offheight = max(height, model.vis.global_.offheight)
    camera = mujoco.MjvCamera()
    camera.lookat[:], camera.distance, camera.azimuth, camera.elevation = lookat, distance, 125.0, -18.0
    try:
        renderer = mujoco.Renderer(model, height, width)
    except Exception as error:  # PyOpenGL raises many types for a missing library
        raise UserError(f"{NO_GL} ({type(error).__name__}: {error})") from None
    with renderer:
        option = mujoco.MjvOption()
        option.flags[int(mujoco.mjtVisFlag.mjVIS_TRANSPARENT)] = True  # axes are inside the robot
        renderer.update_scene(data, camera, option)
        renderer.scene.flags[int(mujoco.mjtRndFlag.mjRND_SHADOW)] = False
        renderer.scene.flags[int(mujoco.mjtRndFlag.mjRND_REFLECTION)] = False
        for arrow in arrows:
            _add(renderer.scene, arrow, 0.006 * distance)
        return renderer.render()


def _add(scene: mujoco.MjvScene, arrow: Arrow, thickness: float) -> None:
    geom = scene.geoms[scene.ngeom]
    kind = mujoco.mjtGeom.mjGEOM_ARROW
    color = np.array(arrow.color, np.float32)
    mujoco.mjv_initGeom(geom, kind, np.zeros(3), np.zeros(3), np.zeros(9), color)
    mujoco.mjv_connector(geom, kind, thickness, arrow.start, arrow.start + arrow.along)
    geom.label = arrow.label
    scene.ngeom += 1


def write(picture: np.ndarray, file: Path) -> None:
    """Writes a picture, in full or not at all.

    Raises:
        UserError: For a file that is no ``.png`` or cannot be written.
    """
    check(file)
    with replaced(file) as partial:
        Image.fromarray(picture).save(partial, format="png")


def check(file: Path) -> None:
    """Raises UserError for a file that is no ``.png`` or cannot be written."""
    if file.suffix.lower() != ".png":
        raise UserError(f"a picture of the robot is a .png file, not {file.name}")
    check_target(file)

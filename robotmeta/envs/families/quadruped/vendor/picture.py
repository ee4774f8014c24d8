"""A picture of the standing robot, to confirm what was understood."""

from __future__ import annotations

import mujoco
import numpy as np

from robotmeta.envs.families.quadruped.vendor.chains import KINDS
from robotmeta.envs.families.quadruped.vendor.legs import Legs
from robotmeta.envs.families.quadruped.vendor.standing import Standing
from robotmeta.envs.families.quadruped.vendor.world import signs
from robotmeta.envs.vendor.picture import Arrow, drawn

_COLORS = dict(zip(KINDS, ((0.85, 0.15, 0.15, 1.0), (0.1, 0.55, 0.2, 1.0), (0.1, 0.3, 0.8, 1.0)), strict=True))
_BLACK = (0.05, 0.05, 0.05, 1.0)


def draw(model: mujoco.MjModel, legs: Legs, standing: Standing, width: int, height: int) -> np.ndarray:
    """Draws the robot with an arrow along each joint's axis, our names of the legs, and the forward direction.

    Abduction is red, hip green and knee blue. An arrow points along the axis about which our angle grows by the
    right-hand rule.
    """
    data = mujoco.MjData(model)
    data.qpos[:] = standing.qpos
    mujoco.mj_kinematics(model, data)
    size = standing.height
    arrows = []
    for leg, chain in legs.chains.items():
        pose = standing.legs[leg]
        for kind, joint, sign in zip(KINDS, chain.joints, signs(pose.signs, pose.coupling), strict=True):
            axis = sign * data.xaxis[joint]
            label = f"{leg}" if kind == "hip" else ""
            arrows.append(Arrow(data.xanchor[joint].copy(), 0.45 * size * axis, _COLORS[kind], label))
    middle = data.xpos[legs.root] + data.xmat[legs.root].reshape(3, 3) @ standing.centre
    arrows.append(Arrow(middle + np.array([0.0, 0.0, 0.5 * size]), np.array([1.5 * size, 0.0, 0.0]), _BLACK, "forward"))
    return drawn(
        model, data, arrows, lookat=middle - [0.0, 0.0, 0.3 * size], distance=4.2 * size, width=width, height=height
    )

"""A picture of the arm at the table, to confirm what was understood."""

from __future__ import annotations

import mujoco
import numpy as np

from robotmeta.envs.families.gripper.vendor.view import View
from robotmeta.envs.vendor.picture import Arrow, drawn

_JOINT, _CLOSES, _APPROACH = (0.1, 0.3, 0.8, 1.0), (0.85, 0.15, 0.15, 1.0), (0.05, 0.05, 0.05, 1.0)


def draw(model: mujoco.MjModel, view: View, reach: float, width: int, height: int) -> np.ndarray:
    """Draws the arm at home with an arrow along each joint's axis, numbered from the base.

    Joints are blue. A black arrow shows the direction of approach. Red ones show how the fingers close.
    """
    data = mujoco.MjData(model)
    data.qpos[:] = view.at_home(model.qpos0)
    place, axes, _ = view.chain.hand(view.home)
    anchors = view.chain.anchors_at(view.home).numpy()
    mujoco.mj_kinematics(model, data)
    joints = [int(np.flatnonzero(model.jnt_qposadr == at)[0]) for at in view.joints[0].tolist()]
    arrows = [
        Arrow(anchor, 0.15 * reach * data.xaxis[joint], _JOINT, str(number + 1))
        for number, (joint, anchor) in enumerate(zip(joints, anchors, strict=True))
    ]
    hand, left, back = place.numpy(), axes[:, 1].numpy(), axes[:, 2].numpy()
    arrows.append(Arrow(hand + 0.25 * reach * back, -0.2 * reach * back, _APPROACH, "down"))
    if view.fingers is not None:
        arrows += [Arrow(hand + side * 0.14 * left, -side * 0.08 * left, _CLOSES) for side in (1.0, -1.0)]
    middle = (anchors[0] + hand) / 2.0 + np.array([0.0, 0.0, 0.25 * reach])
    return drawn(model, data, arrows, lookat=middle, distance=1.9 * reach, width=width, height=height)

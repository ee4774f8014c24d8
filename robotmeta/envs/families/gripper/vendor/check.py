"""Whether a vendor's arm holds its home pose on our servos."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import torch

from robotmeta.envs.families.gripper.vendor.view import View
from robotmeta.errors import UserError

_HOLDS = 1.0  # seconds that it must hold
_SINKS = 0.02  # metres that the hand may move


def check_holds(world: mujoco.MjModel, view: View, understood: str) -> None:
    """Raises UserError unless the arm holds its home pose for a while on our servos.

    Args:
        world: The family's world with the arm.
        view: The arm as the family sees it.
        understood: What is understood so far.
    """
    data = mujoco.MjData(world)
    data.qpos[:] = view.at_home(world.qpos0)
    data.act[len(view.axes) :] = view.home
    if "fingers" in view.axes:
        data.act[view.axes.index("fingers")] = view.opened_activation
    start = view.chain.hand(view.home)[0].numpy()
    for _ in range(math.ceil(_HOLDS / world.opt.timestep)):
        mujoco.mj_step(world, data)
    end = view.chain.hand(torch.tensor(data.qpos[view.joints[0].numpy()]))[0].numpy()
    moved = float(np.linalg.norm(end - start)) if np.isfinite(data.qpos).all() else math.inf
    if not moved < _SINKS:
        how = f"moves by {moved:.2f} m" if math.isfinite(moved) else "shakes itself apart"
        raise UserError(f"{understood}, but it cannot hold still above the table: within {_HOLDS:g} s its hand {how}")

"""The reward of quadrupeds that follow commands."""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.family import Transition
from robotmeta.envs.rewards import tolerance

_ASIDE = 0.25  # sqrt(g L), speed across the command at which a tenth is left
_WOBBLE = 0.4  # rad/sqrt(L/g), likewise for the yaw rate where no turning is asked
_ASTRAY = 0.5  # rad, error of the heading at which a tenth of its half of the reward is left
_SLOW = 0.1  # least command that counts for the width of the reward
_STANDING = 1.0 / 3.0  # share of the reward for tracking that standing as told brings
_COSTS = 0.05  # most that slipping, haste and restlessness cost in a step


def reward(step: Transition) -> Tensor:
    """Upright times (0.1 + 0.9 tracking), minus small costs, ``[task, episode]``; never negative.

    Tracking is the product of four factors in [0, 1]: speed along the command, speed across it, yaw rate and heading.
    Standing as told brings a third of it, because it is easy: if rewards jumped with each command that says to stand,
    these jumps, which no critic can foresee, would hide what better walking brings.
    """
    command, now = step.before["command"], step.after
    moving, size, turn = now["motion"][..., :2], command[..., 3], command[..., 2]
    along = (moving * command[..., :2]).sum(dim=-1) / size.clamp(min=1e-9)
    across = (moving.square().sum(dim=-1) - along.square()).clamp(min=0.0).sqrt()
    still = (size == 0.0) & (turn == 0.0)
    slack = torch.where(turn == 0.0, _WOBBLE, turn.abs().clamp(min=_SLOW))
    tracking = (
        tolerance(along - size, (0.0, 0.0), size.clamp(min=_SLOW), sigmoid="linear", value_at_margin=0.0)
        * tolerance(across, (0.0, 0.0), _ASIDE)
        * tolerance(now["motion"][..., 2] - turn, (0.0, 0.0), slack)
        * (0.5 + 0.5 * tolerance(now["heading_error"], (0.0, 0.0), _ASTRAY))
    )
    tracking = torch.where(still, _STANDING * tracking, tracking)
    change = (step.action - step.before["ctrl"]).square().mean(dim=-1)
    restless = still * (now["qvel"][..., 6:].abs().mean(dim=-1) * now["units"][..., 2])
    costs = (0.05 * change + 0.02 * now["slip"] + 0.05 * restless).clamp(max=_COSTS)
    return now["up"][..., 2].clamp(min=0.0) * (0.1 + 0.9 * tracking) - costs

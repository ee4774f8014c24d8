"""The reward of legged robots that follow commands."""

from __future__ import annotations

from torch import Tensor, where

from robotmeta.envs.family import State, Transition
from robotmeta.envs.rewards import tolerance

_ASIDE = 0.25  # sqrt(g L), speed across the command at which a tenth is left
_WOBBLE = 0.4  # rad/sqrt(L/g), likewise for the yaw rate where no turning is asked
_ASTRAY = 0.5  # rad, error of the heading at which a tenth of its half of the reward is left
_SLOW = 0.1  # least command by which an error is divided
_STANDING = 1.0 / 3.0  # share of the reward for tracking that standing as told brings
_SLIPPING = 0.2  # sqrt(g L), mean slip of the feet that touch the ground at which half of the tracking counts
_COSTS = 0.05  # most that haste and restlessness cost in a step


def reward(step: Transition) -> Tensor:
    """Upright times (0.1 + 0.9 tracking grip), minus small costs, ``[task, episode]``; never negative."""
    return step.after["up"][..., 2].clamp(min=0.0) * (0.1 + 0.9 * tracking(step) * grip(step.after)) - costs(step)


def tracking(step: Transition, *, aside: float = _ASIDE, wobble: float = _WOBBLE) -> Tensor:
    """How well a robot does as told: progress times precision, both in [0, 1], ``[task, episode]``.

    Progress is the mean over what is asked, speed and turning: it rises linearly from standstill, and each of the two
    shows how to get better before the other one is right. Precision is the product of what is not asked: to move aside,
    to turn, and to lose the heading. Standing as told brings a third of it, because it is easy.

    Args:
        step: What happened.
        aside: Speed across the command at which a tenth is left, sqrt(g L).
        wobble: Likewise for the yaw rate where no turning is asked, rad/sqrt(L/g).
    """
    command, now = step.before["command"], step.after
    moving, size, turn = now["motion"][..., :2], command[..., 3], command[..., 2]
    along = (moving * command[..., :2]).sum(dim=-1) / size.clamp(min=1e-9)
    across = (moving.square().sum(dim=-1) - along.square()).clamp(min=0.0).sqrt()
    turning = now["motion"][..., 2]
    goes, turns = (size > 0.0).to(size), (turn != 0.0).to(size)
    progress = (goes * _share(along, size) + turns * _share(turning, turn)) / (goes + turns).clamp(min=1.0)
    precision = (
        tolerance(across, (0.0, 0.0), aside)
        * where(turns > 0.0, 1.0, tolerance(turning, (0.0, 0.0), wobble))
        * (0.5 + 0.5 * tolerance(now["heading_error"], (0.0, 0.0), _ASTRAY))
    )
    return where(still(step.before), _STANDING, progress) * precision


def grip(state: State) -> Tensor:
    """1 for feet that do not slip, falling linearly to a half, ``[task, episode]``.

    Half of the reward is left to feet that slip as they will, because a robot slips before it learns to step.
    """
    return 1.0 - 0.5 * (state["slip"] / _SLIPPING).clamp(max=1.0)


def still(state: State) -> Tensor:
    """Whether a robot is told to stand, bool ``[task, episode]``."""
    command = state["command"]
    return (command[..., 3] == 0.0) & (command[..., 2] == 0.0)


def costs(step: Transition) -> Tensor:
    """What haste, and restlessness while told to stand, cost in a step, ``[task, episode]``."""
    now = step.after
    change = (step.action - step.before["ctrl"]).square().mean(dim=-1)
    restless = still(step.before) * (now["qvel"][..., 6:].abs().mean(dim=-1) * now["units"][..., 2])
    return (0.05 * change + 0.05 * restless).clamp(max=_COSTS)


def _share(achieved: Tensor, asked: Tensor) -> Tensor:
    """1 where a speed is the one that is asked, falling linearly to 0 at standstill and at twice the speed."""
    return (1.0 - (achieved - asked).abs() / asked.abs().clamp(min=_SLOW)).clamp(min=0.0)

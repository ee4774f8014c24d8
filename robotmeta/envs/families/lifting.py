"""Lifting an object: success and reward of tasks with a column ``goal_z``, the height to lift it to, m."""

from __future__ import annotations

import math

from torch import Tensor

from robotmeta.envs.families.object_state import rise, tilt
from robotmeta.envs.family import Columns, State
from robotmeta.envs.rewards import tolerance

HEIGHT_ERROR = 0.02
"""Metres to the goal, within which a lifted object is at its height."""

_TOUCH = 0.2  # newtons, the smallest force that counts as a touch
_EXACT = 0.3  # largest shaping reward for the exact height
_LEVEL = 0.25  # sine of the largest tilt of a level object
_AROUND = 0.03  # metres between the middle of the pads and the object's; within half of it the hand is around it
_SOFT = 0.005  # metres by which a soft contact lets the fingers close further than the object's width
_OFF = 0.01  # metres of height from which an object is off the table


def lifted(state: State, task: Columns, force: Tensor) -> Tensor:
    """Whether the object is at its height, touched on both sides and level within 15 degrees, bool ``[task, episode]``.

    Args:
        state: The worlds.
        task: The task row.
        force: Force on each pad, N ``[task, episode, 2]``.
    """
    return held_at_goal(rise(state, task), task["goal_z"], force, tilt(state, task))


def held_at_goal(height: Tensor, goal: Tensor, force: Tensor, tilted: Tensor) -> Tensor:
    """As :func:`lifted`, of the quantities of :func:`staged`."""
    return ((height - goal).abs() < HEIGHT_ERROR) & (force.amin(dim=-1) > 0.0) & (tilted.abs() < _LEVEL)


def exactness(state: State, task: Columns, force: Tensor) -> Tensor:
    """Shaping reward in [0, 0.3] for a held and level object that is exactly at its height, ``[task, episode]``.

    :func:`reward` is flat within a centimetre of the height, and falls slowly beyond. A policy that lifts as little as
    that asks for stops at the lower edge, and a load or a weak motor then takes it out of the range of success.

    Args:
        state: The worlds.
        task: The task row.
        force: Force on each pad, N ``[task, episode, 2]``.
    """
    near = tolerance(rise(state, task) - task["goal_z"], (0.0, 0.0), HEIGHT_ERROR)
    return _EXACT * _held(force) * tolerance(tilt(state, task), (-0.1, 0.1), 0.25) * near


def _held(force: Tensor) -> Tensor:
    """How surely both pads touch the object, in [0, 1], ``[task, episode]``."""
    return tolerance(force.amin(dim=-1), (_TOUCH, math.inf), _TOUCH, sigmoid="linear", value_at_margin=0.0)


IN_WORDS = (
    "In [0, 1]: 0.15 for reaching the object and turning to its sides, 0.15 for closing around it and, while both pads "
    "touch it, 0.1 for taking it off the table and 0.6 for lifting it: the share of the height, times the reward for "
    "keeping it level, times 1 minus half of (force / {grip:g} N). Success is a height within "
    f"{100 * HEIGHT_ERROR:g} cm of the goal, touched on both sides and level within 15 degrees, for the last half "
    "second."
)
""":func:`reward` and :func:`lifted` in words; ``grip`` is the largest force, N."""


def reward(
    state: State, task: Columns, distance: Tensor, seen: Tensor, gap: Tensor, force: Tensor, grip: float
) -> Tensor:
    """Reward in [0, 1] for lifting the object, as :func:`staged`, ``[task, episode]``.

    Args:
        state: The worlds.
        task: The task row.
        distance: Between the middle of the pads and the object's, m ``[task, episode]``.
        seen: Observed direction of the object's x axis, :func:`observed_along`, ``[task, episode, 3]``.
        gap: Distance between the pads, m ``[task, episode]``.
        force: Force on each pad, N ``[task, episode, 2]``.
        grip: The force from which the last factor is 1/2, N.
    """
    height, width = rise(state, task), 2.0 * task["half_width"]
    return staged(distance, seen[..., 1], gap - width, force, height, task["goal_z"], tilt(state, task), grip)


def staged(
    distance: Tensor,
    askew: Tensor,
    slack: Tensor,
    force: Tensor,
    height: Tensor,
    goal: Tensor,
    tilted: Tensor,
    grip: float,
) -> Tensor:
    """Reward in [0, 1] for lifting an object, as a sum of stages, ``[task, episode]``.

    - 0.05 for a hand near the object, 0.05 for one turned to its sides there, 0.05 for one around it.
    - While the hand is around the object, 0.075 for closing and 0.075 for touching it on both sides.
    - While both pads touch it, 0.1 for the first centimetre of height, and 0.6 for the share of the goal height times
      the reward for a level object times 1 minus half of (force / ``grip``).

    Args:
        distance: Between the middle of the pads and where the object is held, m ``[task, episode]``.
        askew: Sine of the angle by which the hand is not turned to the object's sides, ``[task, episode]``.
        slack: Distance between the pads minus the object's width, m ``[task, episode]``.
        force: Force on each side, N ``[task, episode, side]``.
        height: Height of the object above its height at rest, m ``[task, episode]``.
        goal: The height to lift it to, m ``[task, 1]``.
        tilted: Sine of the object's tilt, ``[task, episode]``.
        grip: The force from which the last factor is 1/2, N.
    """
    beyond = distance - _AROUND / 2
    near = tolerance(beyond, (-math.inf, 0.0), 0.25, sigmoid="linear", value_at_margin=0.0)
    turned = tolerance(askew, (-0.1, 0.1), 0.7, sigmoid="linear", value_at_margin=0.0)
    around = tolerance(beyond, (-math.inf, 0.0), _AROUND)
    reached = (near + near * turned + around) / 3.0

    # Fingers closer together than the object's width have missed it.
    closed = tolerance(slack, (-_SOFT, 0.0), 0.04, sigmoid="linear", value_at_margin=0.0)
    held = _held(force)
    gripped = around * (closed + held) / 2.0

    off = tolerance(height, (_OFF, math.inf), _OFF, sigmoid="linear", value_at_margin=0.0)
    lift = tolerance(height - goal, (-0.01, 0.01), goal - 0.01, sigmoid="linear", value_at_margin=0.0)
    level = tolerance(tilted, (-0.1, 0.1), 0.25)
    gently = 1.0 - 0.5 * (force.mean(dim=-1) / grip).clamp(max=1.0)
    return 0.15 * reached + 0.15 * gripped + held * (0.1 * off + 0.6 * lift * level * gently)

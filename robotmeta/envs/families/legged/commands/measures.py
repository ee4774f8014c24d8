"""How an episode with commands went: tracking errors, drift, slip, energy, smoothness, and success."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from robotmeta.envs.episode_memory import Measure
from robotmeta.envs.families.legged.commands.motion import SUMS
from robotmeta.envs.families.legged.commands.schedule import AXES
from robotmeta.envs.families.legged.measurements import DT, natural_speed
from robotmeta.envs.families.legged.world import GRAVITY
from robotmeta.envs.family import Columns, State

SHARE = 0.25  # of the mean size of a command, largest mean tracking error of a success
BOUNDS = (0.05, 0.05, 0.04)
"""Tracking errors that are allowed in addition."""
SLIP = 0.1  # sqrt(g L), largest mean slip of a success
_SLOWEST = 0.05  # sqrt(g L), mean speed from which a cost of transport has a meaning


def _mean(state: State, name: str) -> Tensor:
    """Mean over the steps of an episode."""
    sums = state["sums"]
    return sums[..., SUMS.index(name)] / sums[..., SUMS.index("steps")].clamp(min=1.0)


def _error(name: str) -> Callable[[State, Columns], Tensor]:
    return lambda state, task: _mean(state, name)


def foot_slip(state: State) -> Tensor:
    """Mean speed of the feet that touch the ground, sqrt(g L)."""
    contact = state["sums"][..., SUMS.index("contact")]
    return state["sums"][..., SUMS.index("slip")] / contact.clamp(min=1.0)


def _cost_of_transport(mass: Callable[[Columns], Tensor], state: State, task: Columns) -> Tensor:
    speed = _mean(state, "speed")
    cost = _mean(state, "power") / (mass(task) * GRAVITY * speed.clamp(min=1e-9))
    return torch.where(speed < _SLOWEST * natural_speed(task), torch.nan, cost)


def _action_rate(state: State, task: Columns) -> Tensor:
    return _mean(state, "change").sqrt() / DT


def _jerk(state: State, task: Columns) -> Tensor:
    return _mean(state, "jerk").sqrt() / DT**2


def _drift(state: State, task: Columns) -> Tensor:
    return state["aside"].norm(dim=-1)


def followed(state: State) -> Tensor:
    """Whether the robot followed its commands: errors and slip within their bounds."""
    errors, sizes = (torch.stack([_mean(state, name) for name in part], dim=-1) for part in (SUMS[:3], SUMS[3:6]))
    close = (errors <= SHARE * sizes + errors.new_tensor(BOUNDS)).all(dim=-1)
    return close & (foot_slip(state) <= SLIP)


_ERROR = "mean tracking error; each is averaged over about a gait cycle first"


def measures(mass: Callable[[Columns], Tensor]) -> tuple[Measure, ...]:
    """What evaluations show beside return and success, for robots of a mass, kg ``[task, 1]``."""
    errors = (Measure(name, unit, _error(name), _ERROR) for name, (_, _, unit) in zip(SUMS[:3], AXES, strict=True))
    cost = partial(_cost_of_transport, mass)
    return (
        *errors,
        Measure("drift", "m", _drift, "distance across the way that was told, at the end"),
        Measure("foot_slip", "sqrt(g L)", lambda state, task: foot_slip(state), "mean speed of feet on the ground"),
        Measure("cost_of_transport", "1", cost, "positive mechanical power / (weight x mean speed)"),
        Measure("action_rate", "1/s", _action_rate, "root mean square rate of change of the actions"),
        Measure("jerk", "rad/s^3", _jerk, "root mean square jerk of the joints, from their velocities"),
    )

"""Point navigation: a point in the plane moves to a hidden goal. The world is a formula, so results are exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.distributions import Uniform, Union
from robotmeta.envs.family import ClosedFormWorld, Columns, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import Parameter, ParameterSpace

_REACH = 0.1  # metres, the motion in a control step at full action
_ARRIVED = 0.01  # metres to the goal along each axis, within which the point has arrived

# -- model -------------------------------------------------------------------------------------------------------------


def _move(state: State, action: Tensor, task: Columns) -> State:
    return {"position": state["position"] + _REACH * action}


def _draw(trace: Sequence[Mapping[str, np.ndarray]], task: Mapping[str, float], size: int) -> np.ndarray:
    image = np.full((size, size, 3), 245, dtype=np.uint8)

    def dot(point: np.ndarray, radius: int, colour: tuple[int, int, int]) -> None:
        x, y = ((np.asarray(point) / 2.0 + 0.5) * size).astype(int)
        rows, columns = np.ogrid[:size, :size]
        image[(rows - (size - y)) ** 2 + (columns - x) ** 2 <= radius**2] = colour

    for state in trace:
        dot(state["position"], max(1, size // 160), (150, 170, 200))
    dot(np.array([task["goal_x"], task["goal_y"]]), size // 50, (210, 60, 50))
    dot(trace[-1]["position"], size // 60, (30, 80, 160))
    return image


# -- what varies -------------------------------------------------------------------------------------------------------

_FARTHER = Union(((-0.8, -0.5), (0.5, 0.8)))
_GOAL = tuple(
    Parameter(
        f"goal_{axis}",
        f"{axis} of the goal",
        train=Uniform(-0.5, 0.5),
        nominal=0.0,
        bounds=(-2.0, 2.0),
        ood=_FARTHER,
        unit="m",
    )
    for axis in "xy"
)

# -- measurements ------------------------------------------------------------------------------------------------------


def _start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    return nominal


def _observe(state: State, task: Columns) -> Tensor:
    return state["position"]


def _offset(state: State, task: Columns) -> Tensor:
    """From the goal to the point, m ``[task, episode, 2]``."""
    return state["position"] - torch.stack([task["goal_x"], task["goal_y"]], dim=-1)


def _distance(state: State, task: Columns) -> Tensor:
    return _offset(state, task).norm(dim=-1)


def _arrived(state: State, task: Columns) -> Tensor:
    return (_offset(state, task).abs() < _ARRIVED).all(dim=-1)


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    return -_distance(step.after, step.task)


# -- families ----------------------------------------------------------------------------------------------------------


def navigation() -> TaskFamily:
    """The family ``point-navigation``."""
    return TaskFamily(
        name="point-navigation",
        summary="A point walks to a hidden goal; only the reward depends on the goal.",
        source=Source(
            "2D navigation of Finn et al. 2017 (MAML). An action moves the point by at most 0.1 along each axis.",
            "Minus the distance to the goal. An episode ends within 0.01 of the goal along both axes.",
        ),
        space=ParameterSpace(_GOAL),
        world=ClosedFormWorld(initial={"position": (0.0, 0.0)}, dynamics=_move, draw=_draw),
        observations=(("x", "m"), ("y", "m")),
        actions=(("dx", "0.1 m"), ("dy", "0.1 m")),
        horizon=100,
        dt=0.1,
        reset=_start,
        observe=_observe,
        reward=_reward,
        terminated=_arrived,
        success=_arrived,
        distance=_distance,
    )

"""Quadrupeds: a task is a robot, its load, the floor, and the faults of its motors.

One policy controls robots of 3 to 70 kg, because observations and actions are in units of the robot. With leg length L
(thigh plus calf) and gravity g, the natural time of a robot is sqrt(L / g) and its natural speed sqrt(g L): 0.21 s and
2.0 m/s for a Go2. Speeds in this unit are Froude speeds. Animals and robots of all sizes change gaits at the same ones.

A policy observes what a real robot measures: an inertial measurement unit and joint encoders. No sensor measures the
robot's speed. A policy with a memory can estimate it from the motion of the legs and from the reward.
"""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.families.legged.measurements import (
    DT,
    FRAME_SKIP,
    HORIZON,
    natural_speed,
    natural_time,
    sensed,
    stand,
    upright,
    velocity,
)
from robotmeta.envs.families.legged.sensors import sensors
from robotmeta.envs.families.quadruped.interface import interface
from robotmeta.envs.families.quadruped.measurements import ACTIONS, SENSED, fallen
from robotmeta.envs.families.quadruped.model import JOINTS, quadruped
from robotmeta.envs.families.quadruped.parameters import BODY, CHANGING, CONDITIONS, NOMINAL, SPEED
from robotmeta.envs.families.quadruped.robots import ROBOTS
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import ParameterSpace
from robotmeta.envs.rewards import tolerance

# -- measurements ------------------------------------------------------------------------------------------------------


def _observe(state: State, task: Columns) -> Tensor:
    parts = sensed(state, task)
    speed = task["speed"].unsqueeze(-1).expand(*parts[0].shape[:2], 1)
    return torch.cat([*parts, speed], dim=-1)


def slack(task: Columns) -> Tensor:
    """Error of the speed from which the reward for it is 0, in natural speeds."""
    return task["speed"].abs().clamp(min=0.1)


def _on_time(state: State, task: Columns) -> Tensor:
    """Whether the robot stands and its mean speed over a whole episode is within a quarter of the command."""
    speed = state["qpos"][..., 0] / (HORIZON * DT * natural_speed(task))
    return ((speed - task["speed"]).abs() < 0.25 * slack(task)) & ~fallen(state, task)


# -- rewards -----------------------------------------------------------------------------------------------------------


def reward(step: Transition, gait: Tensor | float = 1.0) -> Tensor:
    """Upright times (0.1 + 0.9 tracking gait), less a cost of haste, ``[task, episode]``.

    Args:
        step: What happened.
        gait: How well the robot steps, in [0, 1].
    """
    moving, goal = velocity(step.after, step.task), step.task["speed"]
    forward = tolerance(moving[..., 0], (goal, goal), slack(step.task), sigmoid="linear", value_at_margin=0.0)
    sideways = tolerance(moving[..., 1], (0.0, 0.0), 0.3)
    turning = tolerance(step.after["qvel"][..., 5] * natural_time(step.task), (0.0, 0.0), 0.4)
    level = upright(step.after).clamp(min=0.0)
    change = (step.action - step.before["ctrl"]).square().mean(dim=-1)
    return level * (0.1 + 0.9 * forward * sideways * turning * gait) - 0.05 * change


# -- families ----------------------------------------------------------------------------------------------------------


def walk() -> TaskFamily:
    """The family ``quadruped``."""
    return TaskFamily(
        name="quadruped",
        summary="A quadruped walks at a commanded speed and does not observe its own speed; robot, load, floor, faults "
        "and latency are hidden.",
        source=Source(
            "Our own: 12 position servos, 4 substeps of 5 ms, implicit integration. Only the feet touch the floor. In "
            "units, L is the length of thigh and calf.",
            "Upright times (0.1 + 0.9 forward sideways turning) minus 0.05 times the mean squared change of action. "
            "The factors are in [0, 1]. Forward falls linearly from 1 at the commanded speed to 0 at standstill. An "
            "episode ends at a tilt of 60 degrees or half the standing height.",
        ),
        space=ParameterSpace((*BODY, *CONDITIONS, SPEED)),
        world=MujocoWorld(lambda: quadruped(NOMINAL), frame_skip=FRAME_SKIP, fields=("ctrl",), camera="track"),
        observations=(*SENSED, ("speed", "sqrt(g L)")),
        actions=ACTIONS,
        horizon=HORIZON,
        dt=DT,
        reset=stand,
        observe=_observe,
        reward=reward,
        terminated=fallen,
        success=_on_time,
        interface=interface(),
        robots={name: robot.row for name, robot in ROBOTS.items()},
        privileged_state=tuple((f"velocity_{axis}", "sqrt(g L), in the trunk's frame") for axis in "xy"),
        observe_privileged_state=lambda state, task: velocity(state, task)[..., :2],
        changing=CHANGING,
        performance="velocity_x",
        sensors=sensors(JOINTS),
        init_std=0.15,  # with more noise on the servos, policies learn a gait that needs the noise
    )

"""What a policy and a critic observe where robots follow commands."""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.families.legged.commands.motion import upcoming
from robotmeta.envs.families.legged.commands.schedule import AXES
from robotmeta.envs.families.legged.measurements import natural_time
from robotmeta.envs.family import Columns, State

TOLD = (*((name, unit) for name, _, unit in AXES), ("heading_error_sin", "1"), ("heading_error_cos", "1"))
"""Name and unit of the last observations: commands and heading."""

PRIVILEGED = (
    *((f"velocity_{axis}", "sqrt(g L), in the heading frame") for axis in "xy"),
    ("next_command_in", "s, until the next command"),
    *((f"next_{name}", unit) for name, _, unit in AXES),
)
"""Name and unit of what the critic alone observes."""

FIELDS = ("ctrl", "sensordata", "actuator_force", "actuator_velocity")
"""What memory, rewards and measures read, besides positions and velocities."""


def sensed(state: State, task: Columns) -> list[Tensor]:
    """What sensors and the last action tell, each ``[task, episode, ...]``."""
    qvel, time = state["qvel"], natural_time(task).unsqueeze(-1)
    return [-state["up"], qvel[..., 3:6] * time, state["qpos"][..., 7:], qvel[..., 6:] * time, state["ctrl"]]


def told(state: State) -> list[Tensor]:
    """Commands and heading, in the order of :data:`TOLD`."""
    error = state["heading_error"]
    return [state["command"][..., :3], torch.stack([error.sin(), error.cos()], dim=-1)]


def privileged(state: State, task: Columns) -> Tensor:
    """What the critic alone observes, in the order of :data:`PRIVILEGED`."""
    return torch.cat([state["motion"][..., :2], upcoming(state)], dim=-1)

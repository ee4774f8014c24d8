"""How legged robots move, in natural units, and what their sensors read.

Each robot has the columns ``thigh_length`` and ``calf_length``, and its free joint comes first. With leg length L
(thigh plus calf) and gravity g, the natural time is sqrt(L / g) and the natural speed sqrt(g L).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from robotmeta.envs.draws import uniform_like
from robotmeta.envs.families.legged.world import GRAVITY, TIMESTEP
from robotmeta.envs.family import Columns, State

FRAME_SKIP = 4
DT = FRAME_SKIP * TIMESTEP  # 50 control steps a second
HORIZON = 250  # 5 seconds


def sensed_names(joints: Sequence[str], target: str = "last action") -> tuple[tuple[str, str], ...]:
    """Name and unit of each observation that sensors and the last action give."""
    return (
        *((f"gravity_{axis}", "g, in the trunk's frame") for axis in "xyz"),
        *((f"angular_velocity_{axis}", "rad/sqrt(L/g), in the trunk's frame") for axis in "xyz"),
        *((joint, "rad from standing") for joint in joints),
        *((f"{joint}_velocity", "rad/sqrt(L/g)") for joint in joints),
        *((f"{joint}_target", target) for joint in joints),
    )


def leg_length(task: Columns) -> Tensor:
    """Length of thigh plus calf, m, ``[task, 1]``."""
    return task["thigh_length"] + task["calf_length"]


def natural_speed(task: Columns) -> Tensor:
    """The unit of speeds, m/s, ``[task, 1]``."""
    return (GRAVITY * leg_length(task)).sqrt()


def natural_time(task: Columns) -> Tensor:
    """The unit of time, s, ``[task, 1]``."""
    return (leg_length(task) / GRAVITY).sqrt()


def in_trunk(state: State, vector: Tensor) -> Tensor:
    """Rotates vectors ``[..., 3]`` from the world's to the trunk's frame."""
    return _turned(state["qpos"][..., 3:4], -state["qpos"][..., 4:7], vector)


def in_world(state: State, vector: Tensor) -> Tensor:
    """Rotates vectors ``[..., 3]`` from the trunk's to the world's frame."""
    return _turned(state["qpos"][..., 3:4], state["qpos"][..., 4:7], vector)


def _turned(w: Tensor, axis: Tensor, vector: Tensor) -> Tensor:
    twice = 2.0 * torch.linalg.cross(axis.expand_as(vector), vector)
    return vector + w * twice + torch.linalg.cross(axis.expand_as(vector), twice)


def velocity(state: State, task: Columns) -> Tensor:
    """Velocity of the trunk in its own frame, in natural speeds, ``[task, episode, 3]``."""
    return in_trunk(state, state["qvel"][..., :3]) / natural_speed(task).unsqueeze(-1)


def upright(state: State) -> Tensor:
    """Cosine of the trunk's tilt, ``[task, episode]``."""
    x, y = state["qpos"][..., 4], state["qpos"][..., 5]
    return 1.0 - 2.0 * (x * x + y * y)


def sensed(state: State, task: Columns) -> list[Tensor]:
    """What sensors and the last action tell, in the order of :func:`sensed_names`, each ``[task, episode, ...]``."""
    qvel, time = state["qvel"], natural_time(task).unsqueeze(-1)
    down = torch.zeros_like(qvel[..., :3])
    down[..., 2] = -1.0
    return [
        in_trunk(state, down),
        qvel[..., 3:6] * time,
        state["qpos"][..., 7:],
        qvel[..., 6:] * time,
        state["ctrl"],
    ]


def stand(nominal: State, generator: torch.Generator, task: Columns, *, noise: float = 0.05) -> State:
    """Standing at the origin along x, with noise on the joints, rad."""
    qpos = nominal["qpos"].clone()
    joints = qpos[..., 7:]
    joints += uniform_like(joints, generator, scale=noise, dtype=torch.float32)
    return {"qpos": qpos, "qvel": nominal["qvel"]}

"""What the quadruped families measure: speeds in units of the robot, what its sensors read, and whether it fell."""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.draws import uniform_like
from robotmeta.envs.families.quadruped.model import GRAVITY, JOINTS, REACH, TIMESTEP, standing_height
from robotmeta.envs.family import Columns, State

FRAME_SKIP = 4
DT = FRAME_SKIP * TIMESTEP  # 50 control steps a second
HORIZON = 250  # 5 seconds
_TILT = 0.5  # cosine of the largest tilt of a robot that has not fallen
_CROUCH = 0.5  # lowest height of the trunk of a robot that has not fallen, as a share of the standing height

SENSED = (
    *((f"gravity_{axis}", "g, in the trunk's frame") for axis in "xyz"),
    *((f"angular_velocity_{axis}", "rad/sqrt(L/g), in the trunk's frame") for axis in "xyz"),
    *((joint, "rad from standing") for joint in JOINTS),
    *((f"{joint}_velocity", "rad/sqrt(L/g)") for joint in JOINTS),
    *((f"{joint}_target", "last action") for joint in JOINTS),
)
"""Name and unit of each observation that sensors and the last action give."""

ACTIONS = tuple((f"{joint}_target", f"{REACH[joint.split('_')[1]]:g} rad from standing") for joint in JOINTS)


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
    w, axis = state["qpos"][..., 3:4], -state["qpos"][..., 4:7]
    twice = 2.0 * torch.linalg.cross(axis, vector)
    return vector + w * twice + torch.linalg.cross(axis, twice)


def velocity(state: State, task: Columns) -> Tensor:
    """Velocity of the trunk in its own frame, in natural speeds, ``[task, episode, 3]``."""
    return in_trunk(state, state["qvel"][..., :3]) / natural_speed(task).unsqueeze(-1)


def upright(state: State) -> Tensor:
    """Cosine of the trunk's tilt, ``[task, episode]``."""
    x, y = state["qpos"][..., 4], state["qpos"][..., 5]
    return 1.0 - 2.0 * (x * x + y * y)


def sensed(state: State, task: Columns) -> list[Tensor]:
    """What sensors and the last action tell, in the order of :data:`SENSED`, each ``[task, episode, ...]``."""
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


def stand(nominal: State, generator: torch.Generator, task: Columns) -> State:
    """Standing at the origin along x, with noise on the joints."""
    qpos = nominal["qpos"].clone()
    joints = qpos[..., 7:]
    joints += uniform_like(joints, generator, scale=0.05, dtype=torch.float32)
    return {"qpos": qpos, "qvel": nominal["qvel"]}


def fallen(state: State, task: Columns) -> Tensor:
    """Whether a robot is tilted too far or too low, bool ``[task, episode]``."""
    height = standing_height(task["thigh_length"], task["calf_length"])
    return (upright(state) < _TILT) | (state["qpos"][..., 2] < _CROUCH * height)

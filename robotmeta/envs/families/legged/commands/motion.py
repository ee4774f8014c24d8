"""What an episode with commands remembers: the command, the heading to keep, and how well commands were followed.

The heading frame is level, with its origin in the trunk, x along the trunk's forward direction, y to the left, z up.
The commanded heading starts at the robot's and turns at the commanded yaw rate. It never runs away from the robot's by
more than a radian, so that a robot that cannot turn is not asked to catch up for ever.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from robotmeta.envs.episode_memory import EpisodeMemory
from robotmeta.envs.families.legged.commands.schedule import described, draw, fixed
from robotmeta.envs.families.legged.measurements import DT, HORIZON, natural_speed, natural_time
from robotmeta.envs.family import Columns, State, Transition

_LAG = 1.0  # radians between the commanded heading and the robot's, at most
_CYCLE = 2.0  # natural times over which tracking errors are averaged, about a cycle of the gait
_NEVER = 1e9
_JOINTS = 6  # velocities of the floating base come first

Slip = Callable[[State, Columns], tuple[Tensor, Tensor]]
"""Speed of each foot along the ground, m/s, and whether it touches, both ``[task, episode, leg]``."""

TOLD = slice(-5, -2)
"""Where the commands are in an observation; the sine and cosine of the heading error come last."""

SUMS = (
    *("error_x", "error_y", "error_yaw", "command_x", "command_y", "command_yaw"),
    *("speed", "power", "slip", "contact", "change", "jerk", "steps"),
)
"""What is summed up over the steps of an episode, in the order of the memory's ``sums``."""

# Entries of the rotation matrix from products of the quaternion's entries: forward x and y, up x, y and z in the trunk.
_FROM_PRODUCTS = (
    ((0, 0, 1.0), (1, 1, 1.0), (2, 2, -1.0), (3, 3, -1.0)),
    ((1, 2, 2.0), (0, 3, 2.0)),
    ((1, 3, 2.0), (0, 2, -2.0)),
    ((2, 3, 2.0), (0, 1, 2.0)),
    ((0, 0, 1.0), (1, 1, -1.0), (2, 2, -1.0), (3, 3, 1.0)),
)


@functools.cache
def _table(device: torch.device, dtype: torch.dtype) -> Tensor:
    table = torch.zeros(4, 4, len(_FROM_PRODUCTS), dtype=dtype)
    for column, terms in enumerate(_FROM_PRODUCTS):
        for one, other, factor in terms:
            table[one, other, column] = factor
    return table.flatten(0, 1).to(device)


def _attitude(state: State) -> Tensor:
    """Forward x and y in the world, and the world's up in the trunk's frame, ``[task, episode, 5]``."""
    turn = state["qpos"][..., 3:7]
    pairs = turn.unsqueeze(-1) * turn.unsqueeze(-2)
    return pairs.flatten(-2) @ _table(pairs.device, pairs.dtype)


def _moving(state: State, attitude: Tensor, units: Tensor) -> Tensor:
    """Forward and sideways speed and yaw rate in the heading frame, in natural units, ``[task, episode, 3]``."""
    speed, forward = state["qvel"][..., :2], attitude[..., :2]
    forward = forward / forward.norm(dim=-1, keepdim=True)
    along = (speed * forward).sum(dim=-1)
    left = speed[..., 1] * forward[..., 0] - speed[..., 0] * forward[..., 1]
    turning = (attitude[..., 2:] * state["qvel"][..., 3:6]).sum(dim=-1)
    return torch.stack([along, left, turning], dim=-1) * units


def _heading(attitude: Tensor) -> Tensor:
    return torch.atan2(attitude[..., 1], attitude[..., 0])


def _wrapped(angle: Tensor) -> Tensor:
    return torch.remainder(angle + math.pi, 2.0 * math.pi) - math.pi


def _begun(state: State, task: Columns, commands: Tensor, begins: Tensor) -> dict[str, Tensor]:
    """The memory of an episode that begins in a state."""
    worlds, like = state["qpos"].shape[:2], state["qpos"]
    attitude, told = _attitude(state), described(commands.to(like))
    speed, time = natural_speed(task), natural_time(task)
    units = torch.stack([1.0 / speed, 1.0 / speed, time], dim=-1).expand(*worlds, 3).to(like)
    return {
        "command": told[..., 0, :],
        "later": told[..., 1:, :],
        "begins": begins.to(like),
        "clock": like.new_zeros(*worlds, 1),
        "units": units,
        "heading": _heading(attitude),
        "heading_error": like.new_zeros(worlds),
        "motion": _moving(state, attitude, units),
        "up": attitude[..., 2:],
        "slip": like.new_zeros(worlds),
        "error": like.new_zeros(*worlds, 3),
        "aside": like.new_zeros(*worlds, 2),
        "gained": torch.zeros_like(state["qvel"][..., _JOINTS:]),
        "sums": like.new_zeros(*worlds, len(SUMS)),
    }


def _start(state: State, generator: torch.Generator, task: Columns) -> dict[str, Tensor]:
    tasks, episodes = state["qpos"].shape[:2]
    return _begun(state, task, *draw((tasks, episodes), generator, task))


def _resume(state: State, observation: Tensor, task: Columns) -> dict[str, Tensor]:
    """The memory in the middle of an episode: commands and heading error are those that were observed."""
    command = observation[..., TOLD].unsqueeze(-2)
    memory = _begun(state, task, torch.cat([command, command, command], dim=-2), command.new_full((2,), _NEVER))
    memory["begins"] = memory["begins"].expand(*observation.shape[:-1], 2)
    memory["heading_error"] = torch.atan2(observation[..., -2], observation[..., -1]).to(memory["heading"])
    memory["heading"] = memory["heading"] + memory["heading_error"]
    return memory


def _follow(memory: State, observation: Tensor) -> dict[str, Tensor]:
    return {**memory, "command": described(observation[..., TOLD].to(memory["command"]))}


def _advance(slip: Slip, step: Transition) -> dict[str, Tensor]:
    before, after, task = step.before, step.after, step.task
    command, units = before["command"][..., :3], before["units"]
    attitude = _attitude(after)
    motion = _moving(after, attitude, units)
    yaw, asked = _heading(attitude), before["heading"] + command[..., 2] * DT / units[..., 2]
    behind = _wrapped(asked - yaw).clamp(-_LAG, _LAG)
    error = torch.lerp(before["error"], motion - command, (DT / (_CYCLE * units[..., 2:])).clamp(max=1.0))
    slipping, contact = slip(after, task)
    slipped = (slipping * contact).sum(dim=-1) * units[..., 0]
    power = (after["actuator_force"] * after["actuator_velocity"]).clamp(min=0.0).sum(dim=-1)
    change = (step.action - before["ctrl"]).square().mean(dim=-1)
    speed, touching = after["qvel"][..., :2].norm(dim=-1), contact.sum(dim=-1)
    gained = after["qvel"][..., _JOINTS:] - before["qvel"][..., _JOINTS:]
    jerk = (gained - before["gained"]).square().mean(dim=-1) * (before["clock"][..., 0] > 0.0)
    last = torch.stack([speed, power, slipped, touching, change, jerk, torch.ones_like(power)], dim=-1)
    return {
        "command": _next(before, task),
        "later": before["later"],
        "begins": before["begins"],
        "clock": before["clock"] + 1.0,
        "units": units,
        "heading": yaw + behind,
        "heading_error": behind,
        "motion": motion,
        "up": attitude[..., 2:],
        "slip": slipped / touching.clamp(min=1.0),
        "error": error,
        "aside": before["aside"] + _aside(step, asked),
        "gained": gained,
        "sums": before["sums"] + torch.cat([error.abs(), command.abs(), last], dim=-1),
    }


def upcoming(state: State) -> Tensor:
    """Seconds until the next command, and what it says, ``[task, episode, 4]``.

    They are the horizon and the present command if there is none. A critic that knows them is not surprised by rewards
    that jump with a command. No robot knows them.
    """
    waits = (state["begins"] - state["clock"]) * DT
    waits = torch.where(waits > 0.0, waits, HORIZON * DT)
    first = waits.argmin(dim=-1, keepdim=True)
    wait = waits.gather(-1, first).clamp(max=HORIZON * DT)
    later = state["later"].take_along_dim(first.unsqueeze(-1), dim=-2).squeeze(-2)
    told = torch.where(wait < HORIZON * DT, later[..., :3], state["command"][..., :3])
    return torch.cat([wait, told], dim=-1)


def _next(before: State, task: Columns) -> Tensor:
    """The command after a step. A fixed one may have changed with the task, where somebody steers."""
    command, clock = before["command"], before["clock"] + 1.0
    for place in range(before["later"].shape[-2]):
        command = torch.where(
            clock == before["begins"][..., place : place + 1], before["later"][..., place, :], command
        )
    given, told = fixed(task)
    return torch.where(given, described(told.to(command)), command)


def _aside(step: Transition, heading: Tensor) -> Tensor:
    """How far a robot moved across the way that it was told, m in the world's frame, ``[task, episode, 2]``.

    That is any way if it is told to stay where it is.
    """
    command = step.before["command"]
    way = heading + command[..., 4]
    along = torch.stack([way.cos(), way.sin()], dim=-1) * command[..., 5:]
    moved = step.after["qpos"][..., :2] - step.before["qpos"][..., :2]
    return moved - (moved * along).sum(dim=-1, keepdim=True) * along


def memory(slip: Slip) -> EpisodeMemory:
    """The memory of a family with commands, whose robots have feet that slip as a function says."""
    return EpisodeMemory(_start, functools.partial(_advance, slip), resume=_resume, follow=_follow)

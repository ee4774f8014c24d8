"""The commands of an episode: what a robot is told, and when it is told something else.

A command is forward speed, sideways speed and yaw rate, in units of the robot. Forward and sideways are along the
heading of the robot, level with the ground; left is positive. A positive yaw rate turns left.
"""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.distributions import Choice, Uniform
from robotmeta.envs.families.legged.measurements import DT
from robotmeta.envs.family import Columns
from robotmeta.envs.parameters import Parameter

SPEED, TURNING = "sqrt(g L)", "rad/sqrt(L/g)"
AXES = (("command_x", "forward", SPEED), ("command_y", "to the left", SPEED), ("command_yaw", "turning left", TURNING))
"""Name of each command, what a positive one means, and its unit."""

RANGES = ((0.15, 0.5), (0.1, 0.25), (0.1, 0.25))
"""Smallest and largest size of each command that is not zero."""
_BACKWARD = 0.15  # share of the commands along x
_BACK = 0.3  # largest speed backward
FASTER = 1.3  # times the commands of training, out of distribution
SECONDS = (2.0, 2.5)
"""Shortest and longest time from one command to the next."""
_CHANGES = 2  # of the command, in an episode of five seconds

_KINDS = {  # what is asked for, and how often; walking forward is the skill that the others grow from
    "stand": ((0, 0, 0), 0.15),
    "straight": ((1, 0, 0), 0.25),
    "curve": ((1, 0, 1), 0.2),
    "aside": ((0, 1, 0), 0.2),
    "turn": ((0, 0, 1), 0.08),
    "all": ((1, 1, 1), 0.12),
}
_SAME = 0.5  # share of the episodes in which all commands are of one kind
_DRAWN, _FIXED, _FASTER = 0.0, 1.0, 2.0
_BOUNDS = ((-1.5, 1.5), (-1.0, 1.0), (-1.0, 1.0))

PARAMETERS = (
    Parameter(
        "commands",
        "whether commands are drawn, every 2 to 2.5 s, or are the fixed ones below; observed",
        train=Choice((_DRAWN,)),
        nominal=_DRAWN,
        bounds=(_DRAWN, _FASTER),
        ood=Choice((_FASTER,)),
        labels={_DRAWN: "drawn", _FIXED: "fixed", _FASTER: "faster"},
    ),
    *(
        Parameter(
            name,
            f"fixed command, {way}; naming it fixes all three",
            train=Uniform(0.0, 0.0),
            nominal=0.0,
            bounds=bounds,
            unit=unit,
            sets={"commands": _FIXED},
        )
        for (name, way, unit), bounds in zip(AXES, _BOUNDS, strict=True)
    ),
)
"""The columns that decide the commands."""


def fixed(task: Columns) -> tuple[Tensor, Tensor]:
    """Which tasks have a fixed command, bool ``[task, 1, 1]``, and their commands, ``[task, 1, 3]``."""
    return (task["commands"] == _FIXED).unsqueeze(-1), torch.stack([task[name] for name, _, _ in AXES], dim=-1)


def described(command: Tensor) -> Tensor:
    """Commands with what follows from each: ``[..., 3]`` becomes ``[..., 6]``.

    These are the commands, the size and direction (rad from forward to the left) of the speed, and 1 if it is not 0.
    """
    size = command[..., :2].norm(dim=-1)
    way = torch.atan2(command[..., 1], command[..., 0])
    return torch.cat([command, torch.stack([size, way, (size > 0.0).to(size)], dim=-1)], dim=-1)


def draw(shape: tuple[int, int], generator: torch.Generator, task: Columns) -> tuple[Tensor, Tensor]:
    """Draws the commands of an episode.

    Args:
        shape: Numbers of tasks and episodes.
        generator: Draws, on the CPU.
        task: Columns of the tasks.

    Returns:
        Commands ``[task, episode, 1 + changes, 3]``, and the control steps at which the second and later ones begin,
        ``[task, episode, changes]``, both on the device of the columns.
    """
    drawn = torch.rand(*shape, 1 + _CHANGES, 9, generator=generator, dtype=torch.float64)
    lasts = SECONDS[0] + (SECONDS[1] - SECONDS[0]) * drawn[..., :-1, 7]
    begins = (lasts / DT).round().cumsum(dim=-1)
    kind, sizes, signs = drawn[..., 0], drawn[..., 1:4], drawn[..., 4:7]
    kind = torch.where(drawn[..., :1, 8] < _SAME, kind[..., :1], kind)
    asked, shares = zip(*_KINDS.values(), strict=True)
    ends = torch.tensor(shares, dtype=torch.float64).cumsum(dim=0)[:-1]
    wanted = torch.tensor(asked, dtype=torch.float64)[torch.bucketize(kind, ends, right=True)]
    negative = signs < torch.tensor([_BACKWARD, 0.5, 0.5], dtype=torch.float64)
    low, high = torch.tensor(RANGES, dtype=torch.float64).T
    most = torch.where(negative, torch.tensor([_BACK, high[1], high[2]], dtype=torch.float64), high)
    commands = (wanted * torch.where(negative, -1.0, 1.0) * (low + (most - low) * sizes)).to(task["commands"])
    commands = torch.where(task["commands"].view(-1, 1, 1, 1) == _FASTER, FASTER * commands, commands)
    given, command = fixed(task)
    return torch.where(given.unsqueeze(-1), command.unsqueeze(2), commands), begins.to(task["commands"])

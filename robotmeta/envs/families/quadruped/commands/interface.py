"""What one needs to connect a quadruped that follows commands by hand, as tables."""

from __future__ import annotations

from robotmeta.envs.families.legged.commands.interface import commands
from robotmeta.envs.families.legged.interface import reward
from robotmeta.envs.families.quadruped import interface as quadruped
from robotmeta.envs.listing import Listing


def interface() -> tuple[Listing, ...]:
    """Tables of the joints, frames and units, of the commands, the heading and the reward."""
    joints, frames, _ = quadruped.interface()
    return joints, frames, *commands(), _reward()


def _reward() -> Listing:
    return reward(
        ("progress", "mean of the two that are asked: speed along the command, yaw rate; 1 as told, 0 at standstill"),
        ("across", "1 at a speed of 0 across that direction, 0.1 at 0.25 sqrt(g L); in any direction if none is asked"),
        ("turning", "if none is asked, 1 at a yaw rate of 0, 0.1 at 0.4 sqrt(g/L); else 1"),
        ("heading", "1 at a heading error of 0, 0.55 at 0.5 rad"),
        ("tracking", "progress across turning heading; progress is a third if the robot is told to stand"),
        ("upright", "cosine of the tilt"),
        ("grip", "1 for feet that do not slip, linear to 0.5 at a mean slip of 0.2 sqrt(g L) of those on the ground"),
        ("costs", "0.05 mean squared change of the action + 0.05 speed of the joints if told to stand; at most 0.05"),
        ("reward", "upright (0.1 + 0.9 tracking grip) - costs"),
        ("end", "a tilt above 60 degrees, or hips below half the standing height"),
        ("success", "mean errors within their bounds, mean foot slip at most 0.1 sqrt(g L), without an end"),
    )

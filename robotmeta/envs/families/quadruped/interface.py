"""What one needs to connect a quadruped to the family by hand: pose, signs, frames, units and rewards, as tables."""

from __future__ import annotations

import math

from robotmeta.envs.families.legged.interface import UNITS, frames, joints, reward
from robotmeta.envs.families.quadruped.model import LIMITS, REACH, STAND
from robotmeta.envs.listing import Listing

_WAYS = {
    "abduction": "outward, on both sides",
    "hip": "the knee moves back",
    "knee": "the calf swings back",
}


def interface() -> tuple[Listing, ...]:
    """Tables of the joints, of the frames and units, and of the reward."""
    return joints(_WAYS, STAND, REACH, LIMITS), _frames(), _reward()


def _frames() -> Listing:
    foot = math.sin(STAND["hip"]), math.sin(STAND["hip"] + STAND["knee"])
    return frames(
        ("legs", "fl, fr, hl, hr: front and hind, left and right"),
        ("straight leg", "thigh and calf straight down, below the trunk"),
        ("standing foot", f"behind its hip by {foot[0]:.3f} thigh lengths minus {-foot[1]:.3f} calf lengths"),
        ("trunk's frame", "x forward, y left, z up; its origin is the middle of the four hip axes"),
        *UNITS,
        ("kp", "stiffness x weight x L, N m/rad; stiffness 0.8 to 1.5 in training"),
        ("kd", "damping x kp x sqrt(L/g), N m s/rad; damping 0.06 to 0.15 in training"),
        ("targets", "the observed target is the last action"),
    )


def _reward() -> Listing:
    return reward(
        ("forward", "1 at the commanded speed, linear to 0 at an error of the speed itself, at least 0.1 sqrt(g L)"),
        ("sideways", "1 at a lateral speed of 0, less on both sides; 0.1 at 0.3 sqrt(g L)"),
        ("turning", "1 at a yaw rate of 0, less on both sides; 0.1 at 0.4 sqrt(g/L)"),
        ("upright", "cosine of the tilt"),
        ("change", "mean squared change of the action"),
        ("reward", "upright (0.1 + 0.9 forward sideways turning) - 0.05 change"),
        ("end", "a tilt above 60 degrees, or hips below half the standing height"),
        ("success", "mean speed over 5 s within a quarter of the command, without an end"),
    )

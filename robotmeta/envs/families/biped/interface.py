"""What one needs to connect a biped to the family by hand: pose, signs, frames, units and rewards, as tables."""

from __future__ import annotations

from robotmeta.envs.families.biped.gait import CROUCH, LIFT, LIFT_AHEAD, SWAY, SWAY_AHEAD
from robotmeta.envs.families.biped.model import KINDS, LIMITS, REACH, STAND
from robotmeta.envs.families.legged.commands.interface import commands
from robotmeta.envs.families.legged.interface import UNITS, frames, joints, reward
from robotmeta.envs.listing import Listing

_WAYS = {
    "hip_yaw": "the toes turn outward, on both sides",
    "hip_roll": "the leg swings outward, on both sides",
    "hip_pitch": "the knee moves back",
    "knee": "the calf swings back",
    "ankle_pitch": "the toes go down",
    "ankle_roll": "the sole turns outward, on both sides",
}


def interface() -> tuple[Listing, ...]:
    """Tables of the joints, of the frames and units, of the commands and the heading, and of the reward."""
    return joints(_WAYS, STAND, REACH, LIMITS), _frames(), *commands(), _reward()


def _frames() -> Listing:
    return frames(
        ("legs", "left, right"),
        ("order", "from hip yaw to ankle roll; the axes of a hip meet in one point, so do those of an ankle"),
        ("straight leg", "thigh and calf straight down, below the torso, with a level foot"),
        ("trunk's frame", "that of the torso: x forward, y left, z up; its origin is the middle of the hips"),
        *UNITS,
        ("kp", "stiffness x weight x L, N m/rad; stiffness 1.5 to 2.5 in training"),
        ("kd", "damping x kp x sqrt(L/g), N m s/rad; damping 0.06 to 0.15 in training"),
        ("targets", "each control step, target = target + 0.3 (action + gait - target); the last target is observed"),
        ("gait", "0 if told to stand; else, with s = 1 on the left and -1 on the right, in units of an action:"),
        *_gait(),
        ("clock", "its phase grows by 2 pi in 3 natural times; an episode may start with any phase"),
    )


def _gait() -> tuple[tuple[str, str], ...]:
    """The formula of each joint of the reference."""
    rows = []
    for kind in KINDS:
        terms = [f"{CROUCH[kind]:g}"] if kind in CROUCH else []
        terms += [f"{SWAY[kind]:g} s sin(phase + {SWAY_AHEAD:g})"] if kind in SWAY else []
        terms += [f"{LIFT[kind]:g} max(0, s sin(phase + {LIFT_AHEAD:g}))"] if kind in LIFT else []
        rows.append((f"gait of {kind}", " + ".join(terms) or "0"))
    return tuple(rows)


def _reward() -> Listing:
    return reward(
        ("tracking", "as in quadruped-commands; 0.1 is left at 0.4 sqrt(g L) aside, and at 0.8 sqrt(g/L) unasked"),
        ("stepping", "the left foot swings while the clock's sine is above 0.25, the right one below -0.25"),
        ("", "1 if the other foot stands and the swinging one is at least 0.08 L high, 0.5 if it is just above the"),
        ("", "ground, less with load on it, and 0 from half of the weight"),
        ("", "both feet should stand if the robot is told to stand"),
        ("grip", "as in quadruped-commands"),
        ("upright", "cosine of the tilt"),
        ("costs", "0.05 mean squared change of the action + 0.05 speed of the joints if told to stand; at most 0.05"),
        ("reward", "upright (0.1 + 0.3 stepping + 0.6 tracking grip) - costs"),
        ("end", "a tilt above 53 degrees, or hips below 0.6 of the standing height"),
        ("success", "mean errors within their bounds, mean foot slip at most 0.1 sqrt(g L), without an end"),
    )

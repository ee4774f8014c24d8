"""What one needs to connect a quadruped that follows commands by hand, as tables."""

from __future__ import annotations

from robotmeta.envs.families.quadruped import interface as quadruped
from robotmeta.envs.listing import Listing

_COMMANDS = (
    ("command_x", "speed forward", "sqrt(g L)", "-0.3 to 0.5", "0.05"),
    ("command_y", "speed to the left", "sqrt(g L)", "-0.25 to 0.25", "0.05"),
    ("command_yaw", "turning to the left, seen from above", "rad/sqrt(L/g)", "-0.25 to 0.25", "0.04"),
)
_HEADING = (
    ("heading frame", "level; x is the trunk's forward direction seen from above, y is to the left"),
    ("commanded heading", "the heading at the start plus the integral of the commanded yaw rate"),
    ("heading error", "commanded heading minus heading, within 1 rad: positive if the robot must turn left"),
    ("on a robot", "heading is the yaw of the inertial measurement unit; only its change since the start counts"),
)


def interface() -> tuple[Listing, ...]:
    """Tables of the joints, frames and units, of the commands, the heading and the reward."""
    joints, frames, _ = quadruped.interface()
    columns = ("command", "positive", "unit", "training", "mean error of a success: a quarter of the mean size, and")
    heading = Listing("Heading", ("what", "how"), _HEADING)
    return joints, frames, Listing("Commands", columns, _COMMANDS), heading, _reward()


def _reward() -> Listing:
    rows = (
        ("progress", "mean of the two that are asked: speed along the command, yaw rate; 1 as told, 0 at standstill"),
        ("across", "1 at a speed of 0 across that direction, 0.1 at 0.25 sqrt(g L); in any direction if none is asked"),
        ("turning", "if none is asked, 1 at a yaw rate of 0, 0.1 at 0.4 sqrt(g/L); else 1"),
        ("heading", "1 at a heading error of 0, 0.55 at 0.5 rad"),
        ("tracking", "progress across turning heading; progress is a third if the robot is told to stand"),
        ("upright", "cosine of the tilt"),
        (
            "costs",
            "0.05 mean squared change of the action + 0.02 speed of feet on the ground + 0.05 speed of the "
            "joints while told to stand; at most 0.05",
        ),
        ("reward", "upright (0.1 + 0.9 tracking) - costs"),
        ("end", "a tilt above 60 degrees, or hips below half the standing height"),
        ("success", "mean errors within their bounds, mean foot slip at most 0.1 sqrt(g L), without an end"),
    )
    return Listing("Reward of a control step", ("factor", "what it is"), rows)

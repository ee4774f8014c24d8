"""Tables of the commands and of the heading, for who connects a legged robot by hand."""

from __future__ import annotations

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


def commands() -> tuple[Listing, Listing]:
    """Tables of the commands and of the heading."""
    columns = ("command", "positive", "unit", "training", "mean error of a success: a quarter of the mean size, and")
    return Listing("Commands", columns, _COMMANDS), Listing("Heading", ("what", "how"), _HEADING)

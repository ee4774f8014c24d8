"""Tables for who connects a legged robot by hand, as far as they are the same for all of them."""

from __future__ import annotations

from collections.abc import Mapping

from robotmeta.envs.listing import Listing

UNITS = (
    ("gravity", "down, in the trunk's frame: 0 0 -1 when it stands level"),
    ("L", "length of thigh plus calf; the natural time is sqrt(L/g), the natural speed sqrt(g L)"),
    ("servos", "torque = kp (target - angle) - kd velocity, within the torque limits"),
)
"""Rows about units and servos, for :func:`frames`."""


def joints(
    ways: Mapping[str, str],
    standing: Mapping[str, float],
    reach: Mapping[str, float],
    limits: Mapping[str, tuple[float, float]],
) -> Listing:
    """The table of the joints of each leg.

    Args:
        ways: What each joint does toward positive angles, in the order of the table.
        standing: Angle of each joint when the robot stands, from a straight leg, rad.
        reach: What an action of 1 adds to it, rad.
        limits: Its range from a straight leg, rad.
    """
    rows = tuple(
        (
            kind,
            f"{standing[kind]:g}",
            way,
            f"{reach[kind]:g}",
            "{:g} to {:g}".format(*(limit - standing[kind] for limit in limits[kind])),
        )
        for kind, way in ways.items()
    )
    title = "Joints of each leg; angles are 0 when the robot stands"
    columns = ("joint", "standing, from a straight leg, rad", "positive", "an action of 1, rad", "range, rad")
    return Listing(title, columns, rows)


def frames(*rows: tuple[str, str]) -> Listing:
    """The table of frames, units and servos."""
    return Listing("Frames, units and servos", ("what", "how"), rows)


def reward(*rows: tuple[str, str]) -> Listing:
    """The table of the factors of a reward, and of how an episode ends."""
    return Listing("Reward of a control step", ("factor", "what it is"), rows)

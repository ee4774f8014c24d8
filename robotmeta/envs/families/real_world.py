"""The families that state their sensors, with the disturbances of a real robot: ``quadruped-disturbed`` and so on."""

from __future__ import annotations

from robotmeta.envs.disturbed import disturbed
from robotmeta.envs.families import FAMILIES
from robotmeta.envs.family import TaskFamily
from robotmeta.envs.sensors import groups

_PUSH = 0.5  # m/s


def variant(name: str) -> TaskFamily:
    """A family with noise and bias of up to the usual size, delays of up to 40 ms, and up to 10 % lost measurements.

    Robots with an inertial measurement unit, whose base therefore moves, are pushed every two seconds by up to 0.5 m/s.
    """
    family = FAMILIES[name]()
    pushes = _PUSH if "imu" in groups(family.sensors) else 0.0
    return disturbed(family, noise=1.0, bias=1.0, delay_ms=40.0, dropped=0.1, pushes=pushes)

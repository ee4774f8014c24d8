"""The families that state their sensors, with the disturbances of a real robot: ``quadruped-disturbed`` and so on."""

from __future__ import annotations

from robotmeta.envs.disturbed import disturbed
from robotmeta.envs.families import FAMILIES
from robotmeta.envs.family import TaskFamily

_PUSH = 0.5  # m/s, for robots with a floating base


def variant(name: str) -> TaskFamily:
    """A family with noise and bias of up to the usual size, delays of up to 40 ms, and up to 10 % lost measurements.

    Legged robots are pushed every two seconds by up to 0.5 m/s.
    """
    pushes = _PUSH if name.startswith(("quadruped", "biped")) else 0.0
    return disturbed(FAMILIES[name](), noise=1.0, bias=1.0, delay_ms=40.0, dropped=0.1, pushes=pushes)

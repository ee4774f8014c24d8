"""The families that state their sensors, with the disturbances of a real robot: ``quadruped-disturbed`` and so on."""

from __future__ import annotations

from robotmeta.envs.disturbed import disturbed
from robotmeta.envs.families import FAMILIES
from robotmeta.envs.family import TaskFamily

# m/s, of the families whose robot has a floating base
_PUSHED = dict.fromkeys(("quadruped", "quadruped-terrain", "quadruped-commands"), 0.5)


def variant(name: str) -> TaskFamily:
    """A family with noise and bias of up to the usual size, delays of up to 40 ms, and up to 10 % lost measurements.

    Quadrupeds are pushed every two seconds by up to 0.5 m/s.
    """
    return disturbed(FAMILIES[name](), noise=1.0, bias=1.0, delay_ms=40.0, dropped=0.1, pushes=_PUSHED.get(name, 0.0))

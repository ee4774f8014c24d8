"""The sensors of the family ``grasp-objects``."""

from __future__ import annotations

from robotmeta.envs.families.gripper.hand import XYZ
from robotmeta.envs.sensors import Sensor

_AXES = ("x", "y", "z", "yaw", "closure", "pitch")
SIZES = ("back", "front", "side", "below", "above", "half_grip")
"""Sizes of the object that a camera sees."""


def _along(name: str) -> tuple[str, ...]:
    return tuple(name.format(axis) for axis in XYZ)


SENSORS = (
    Sensor("encoders", tuple((axis, f"-{axis}_target") for axis in _AXES), noise=0.0005, bias=0.001),
    Sensor("encoders", tuple(f"{axis}_velocity" for axis in _AXES), noise=0.005),
    Sensor("force", ("left_touch", "right_touch", "third_touch"), noise=0.2, bias=0.3),
    Sensor("camera", (*_along("object_{}"), *_along("hold_{}"), "to_lift"), noise=0.002, bias=0.003),
    Sensor("camera", (*_along("object_along_{}"), *_along("object_up_{}")), noise=0.02, bias=0.02),
    Sensor("camera", _along("object_{}_velocity"), noise=0.02),
    Sensor("camera", _along("object_spin_{}"), noise=0.2),
    Sensor("camera", tuple(f"object_{side}" for side in SIZES), noise=0.0, bias=0.001),
    Sensor("camera", (*_along("neighbour_{}"), "to_edge"), noise=0.002, bias=0.003),
)
"""Encoders, force sensors in the fingers, and a camera that sees the object, its neighbour and the table's edge."""

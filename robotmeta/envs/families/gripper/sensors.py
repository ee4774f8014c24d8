"""The sensors of the family ``grasp``: encoders, force sensors in the fingers, and a camera that sees the object."""

from __future__ import annotations

from robotmeta.envs.families.gripper.hand import HAND, XYZ
from robotmeta.envs.sensors import Sensor

_AXES = HAND[:4]


def _along(name: str) -> tuple[str, ...]:
    return tuple(name.format(axis) for axis in XYZ)


SENSORS = (
    Sensor("encoders", tuple((a, f"-{a}_target") for a in (*_AXES, "closure")), noise=0.0005, bias=0.001),
    Sensor("encoders", tuple(f"{axis}_velocity" for axis in (*_AXES, "closure")), noise=0.005),
    Sensor("force", ("left_touch", "right_touch"), noise=0.2, bias=0.3),
    Sensor("camera", (*_along("object_{}"), "to_lift"), noise=0.002, bias=0.003),
    Sensor("camera", (*_along("object_along_{}"), *_along("object_up_{}")), noise=0.02, bias=0.02),
    Sensor("camera", _along("object_{}_velocity"), noise=0.02),
    Sensor("camera", _along("object_spin_{}"), noise=0.2),
    Sensor("camera", tuple(f"object_half_{side}" for side in ("length", "width", "height")), noise=0.0, bias=0.001),
)

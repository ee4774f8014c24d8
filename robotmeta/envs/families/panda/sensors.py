"""The sensors of the arm: encoders, force sensors in the fingers, and a camera that sees the object."""

from __future__ import annotations

from robotmeta.envs.families.panda.model import JOINTS
from robotmeta.envs.sensors import Sensor


def _along(name: str) -> tuple[str, ...]:
    return tuple(name.format(axis) for axis in "xyz")


SENSORS = (
    Sensor("encoders", tuple((joint, f"-{joint}_target") for joint in JOINTS), noise=0.0005, bias=0.002),
    Sensor("encoders", (("closure", "-closure_target"),), noise=0.0003, bias=0.0005),
    Sensor("encoders", tuple(f"{joint}_velocity" for joint in JOINTS), noise=0.01),
    Sensor("encoders", ("closure_velocity",), noise=0.002),
    Sensor("encoders", _along("tool_{}"), noise=0.0005, bias=0.002),
    Sensor("encoders", _along("up_{}"), noise=0.001, bias=0.003),
    Sensor("force", ("left_touch", "right_touch"), noise=0.2, bias=0.3),
    Sensor("camera", (*_along("object_{}"), "to_lift"), noise=0.002, bias=0.003),
    Sensor("camera", (*_along("object_along_{}"), *_along("object_up_{}")), noise=0.02, bias=0.02),
    Sensor("camera", _along("object_{}_velocity"), noise=0.02),
    Sensor("camera", tuple(f"object_half_{side}" for side in ("length", "width", "height")), noise=0.0, bias=0.001),
)
"""Position and direction of the hand follow from the encoders; their errors are drawn for themselves."""

"""The sensors of Fetch: encoders of the arm and the fingers, and a camera that sees the object.

Several observations of the package are made of the same reading: an error of the gripper's position is also in the
position of the object as seen from the gripper.
"""

from __future__ import annotations

from robotmeta.envs.families.fetch.model import Scene
from robotmeta.envs.sensors import Sensor

_AXES = "xyz"
_FINGERS = ("right_finger", "left_finger")


def sensors(scene: Scene) -> tuple[Sensor, ...]:
    """The sensors of a scene."""
    thing = scene.object is not None
    relative, moving = ("-object_from_gripper_{}",) * thing, ("-object_velocity_{}",) * thing
    achieved = () if thing else ("achieved_{}",)
    seen = (
        Sensor("camera", _made("object_{}", "object_from_gripper_{}", "achieved_{}"), noise=0.003, bias=0.003),
        Sensor("camera", _made("object_angle_{}"), noise=0.02, bias=0.02),
        Sensor("camera", _made("object_velocity_{}"), noise=0.0008),
        Sensor("camera", _made("object_angular_velocity_{}"), noise=0.01),
    )
    return (
        Sensor("encoders", _made("gripper_{}", *achieved, *relative), noise=0.0005, bias=0.002),
        Sensor("encoders", _made("gripper_velocity_{}", *moving), noise=0.0004),
        Sensor("encoders", _FINGERS, noise=0.0003, bias=0.0005),
        Sensor("encoders", tuple(f"{finger}_velocity" for finger in _FINGERS), noise=0.0001),
        *(seen if thing else ()),
    )


def _made(*names: str) -> tuple[tuple[str, ...], ...]:
    """For each axis, the observations that are made of one reading."""
    return tuple(tuple(name.format(axis) for name in names) for axis in _AXES)

"""The sensors of a legged robot: an inertial measurement unit and joint encoders.

The noise of the inertial measurement unit and of the angles is about that which Rudin et al. 2022 (arXiv:2109.11978)
train with, in units of a robot of the size of a Go2. They add uniform noise; here the standard deviations are stated.
"""

from __future__ import annotations

from collections.abc import Sequence

from robotmeta.envs.sensors import Sensor

HEADING = Sensor("imu", ("heading_error_sin",), noise=0.01, bias=0.02)
"""Of robots that keep a heading."""


def sensors(joints: Sequence[str]) -> tuple[Sensor, ...]:
    """The sensors of a robot with these joints. The last actions and the command are known exactly."""
    return (
        Sensor("imu", tuple(f"gravity_{axis}" for axis in "xyz"), noise=0.03, bias=0.02),
        Sensor("imu", tuple(f"angular_velocity_{axis}" for axis in "xyz"), noise=0.025, bias=0.01),
        Sensor("encoders", tuple(joints), noise=0.006, bias=0.02),
        Sensor("encoders", tuple(f"{joint}_velocity" for joint in joints), noise=0.18),
    )

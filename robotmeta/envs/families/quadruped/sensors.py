"""The sensors of a quadruped: an inertial measurement unit and joint encoders.

The noise of the inertial measurement unit and of the angles is about that which Rudin et al. 2022 (arXiv:2109.11978)
train with, in units of a robot of the size of a Go2. They add uniform noise; here the standard deviations are stated.
"""

from __future__ import annotations

from robotmeta.envs.families.quadruped.model import JOINTS
from robotmeta.envs.sensors import Sensor

SENSORS = (
    Sensor("imu", tuple(f"gravity_{axis}" for axis in "xyz"), noise=0.03, bias=0.02),
    Sensor("imu", tuple(f"angular_velocity_{axis}" for axis in "xyz"), noise=0.025, bias=0.01),
    Sensor("encoders", JOINTS, noise=0.006, bias=0.02),
    Sensor("encoders", tuple(f"{joint}_velocity" for joint in JOINTS), noise=0.18),
)
"""The last actions and the command are known exactly."""

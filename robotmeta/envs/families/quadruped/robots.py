"""Real quadrupeds as rows of the family ``quadruped``.

A row describes a robot as rigid links: a trunk with four equal legs of three links and position servos. It omits the
links' centres of mass, rotors, belts and linkages, differences between front and hind legs, and knees that bend both
ways. Lengths are distances between joint axes, also where a knee or foot is beside the line of its leg. Rotors and feet
are part of the mass of the link that carries them.

All other numbers are our own and the same for all robots in the robots' units: the gains of the servos (those of
published controllers are softer and need a policy that balances), the foot radius, rotor inertia, joint limits, the
shapes and inertias of links, and a standing pose with all knees to the back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class QuadrupedParameters:
    """A quadruped with 12 joints.

    Attributes:
        trunk_mass: Mass of the trunk, kg.
        trunk_length: Distance between the front and the hind hip axes, m.
        trunk_width: Distance between the abduction axes of the left and right legs, m.
        hip_offset: Distance from an abduction axis to the plane of its leg, m.
        hip_mass: Mass of the link between trunk and thigh, kg.
        thigh_length: Distance from hip to knee, m.
        thigh_mass: Mass of the thigh, kg.
        calf_length: Distance from knee to the centre of the foot, m.
        calf_mass: Mass of calf and foot, kg.
        hip_torque: Torque limit of the abduction and hip joints, N m.
        knee_torque: Torque limit of the knees, N m.
        source: Where the numbers come from.
        estimated: Numbers that are not published and follow from others, as the source says.
    """

    trunk_mass: float
    trunk_length: float
    trunk_width: float
    hip_offset: float
    hip_mass: float
    thigh_length: float
    thigh_mass: float
    calf_length: float
    calf_mass: float
    hip_torque: float
    knee_torque: float
    source: str
    estimated: tuple[str, ...] = ()

    @property
    def row(self) -> dict[str, float]:
        """The numbers by column name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("source", "estimated")}


ROBOTS: Mapping[str, QuadrupedParameters] = {
    "a1": QuadrupedParameters(
        trunk_mass=4.713,
        trunk_length=0.366,
        trunk_width=0.094,
        hip_offset=0.08505,
        hip_mass=0.696,
        thigh_length=0.2,
        thigh_mass=1.013,
        calf_length=0.2,
        calf_mass=0.226,
        hip_torque=33.5,
        knee_torque=33.5,
        source="Unitree A1: MJCF of MuJoCo Menagerie, from Unitree's URDF",
    ),
    "a2": QuadrupedParameters(
        trunk_mass=19.651,
        trunk_length=0.51888,
        trunk_width=0.150226,
        hip_offset=0.12779,
        hip_mass=1.62,
        thigh_length=0.275,
        thigh_mass=3.079,
        calf_length=0.275,
        calf_mass=0.407,
        hip_torque=120.0,
        knee_torque=180.0,
        source="Unitree A2: Unitree's URDF (unitree_ros)",
    ),
    "aliengo": QuadrupedParameters(
        trunk_mass=11.041,
        trunk_length=0.4814,
        trunk_width=0.102,
        hip_offset=0.0868,
        hip_mass=1.993,
        thigh_length=0.25,
        thigh_mass=0.639,
        calf_length=0.25,
        calf_mass=0.267,
        hip_torque=35.278,
        knee_torque=44.4,
        source="Unitree Aliengo: Unitree's URDF (unitree_ros)",
    ),
    "anymal-b": QuadrupedParameters(
        trunk_mass=19.2035,
        trunk_length=0.681,
        trunk_width=0.232,
        hip_offset=0.13,
        hip_mass=1.42462,
        thigh_length=0.25,
        thigh_mass=1.63498,
        calf_length=0.3143,
        calf_mass=0.472163,
        hip_torque=40.0,
        knee_torque=40.0,
        source="ANYbotics ANYmal B: MJCF of MuJoCo Menagerie, from ANYbotics' URDF",
    ),
    "anymal-c": QuadrupedParameters(
        trunk_mass=19.2035,
        trunk_length=0.7196,
        trunk_width=0.208,
        hip_offset=0.1972,
        hip_mass=2.781,
        thigh_length=0.285,
        thigh_mass=3.071,
        calf_length=0.3275,
        calf_mass=0.58842,
        hip_torque=80.0,
        knee_torque=80.0,
        source="ANYbotics ANYmal C: MJCF of MuJoCo Menagerie, from ANYbotics' URDF",
    ),
    "b1": QuadrupedParameters(
        trunk_mass=18.276,
        trunk_length=0.691,
        trunk_width=0.144,
        hip_offset=0.12675,
        hip_mass=1.998,
        thigh_length=0.35,
        thigh_mass=3.444,
        calf_length=0.35,
        calf_mass=0.853,
        hip_torque=100.0,
        knee_torque=100.0,
        source="Unitree B1: Unitree's URDF (unitree_ros)",
    ),
    "b2": QuadrupedParameters(
        trunk_mass=40.3435,
        trunk_length=0.657,
        trunk_width=0.144,
        hip_offset=0.11973,
        hip_mass=2.673,
        thigh_length=0.35,
        thigh_mass=4.536,
        calf_length=0.35,
        calf_mass=0.53,
        hip_torque=200.0,
        knee_torque=320.0,
        source="Unitree B2: Unitree's URDF (unitree_ros); the trunk with head and tail, hips like the left ones",
    ),
    "barkour": QuadrupedParameters(
        trunk_mass=6.04352,
        trunk_length=0.4735,
        trunk_width=0.18,
        hip_offset=0.1004,
        hip_mass=0.787,
        thigh_length=0.19,
        thigh_mass=1.155,
        calf_length=0.228,
        calf_mass=0.171238,
        hip_torque=18.0,
        knee_torque=18.0,
        source="Google Barkour vB: MJCF of MuJoCo Menagerie, by its makers",
    ),
    "cheetah-3": QuadrupedParameters(
        trunk_mass=28.6,
        trunk_length=0.6,
        trunk_width=0.256,
        hip_offset=0.045,
        hip_mass=2.1858,
        thigh_length=0.342,
        thigh_mass=1.6111,
        calf_length=0.345,
        calf_mass=0.90194,
        hip_torque=208.5,
        knee_torque=240.6,
        source="MIT Cheetah 3: Cheetah-Software, Cheetah3.h; torque is the motors' limit times the gear ratio",
    ),
    "go1": QuadrupedParameters(
        trunk_mass=5.204,
        trunk_length=0.3762,
        trunk_width=0.0935,
        hip_offset=0.08,
        hip_mass=0.68,
        thigh_length=0.213,
        thigh_mass=1.009,
        calf_length=0.213,
        calf_mass=0.195862,
        hip_torque=23.7,
        knee_torque=35.55,
        source="Unitree Go1: MJCF of MuJoCo Menagerie, from Unitree's URDF",
    ),
    "go2": QuadrupedParameters(
        trunk_mass=6.921,
        trunk_length=0.3868,
        trunk_width=0.093,
        hip_offset=0.0955,
        hip_mass=0.678,
        thigh_length=0.213,
        thigh_mass=1.152,
        calf_length=0.213,
        calf_mass=0.241352,
        hip_torque=23.7,
        knee_torque=45.43,
        source="Unitree Go2: MJCF of MuJoCo Menagerie, from Unitree's URDF",
    ),
    "laikago": QuadrupedParameters(
        trunk_mass=13.733,
        trunk_length=0.4387,
        trunk_width=0.175,
        hip_offset=0.037,
        hip_mass=1.096,
        thigh_length=0.25,
        thigh_mass=1.528,
        calf_length=0.25,
        calf_mass=0.301,
        hip_torque=40.0,
        knee_torque=40.0,
        source="Unitree Laikago: Unitree's URDF (unitree_ros); torque of the hip joint, abduction has 19 N m",
    ),
    "mini-cheetah": QuadrupedParameters(
        trunk_mass=3.52,
        trunk_length=0.38,
        trunk_width=0.098,
        hip_offset=0.062,
        hip_mass=0.595,
        thigh_length=0.209,
        thigh_mass=0.689,
        calf_length=0.175,
        calf_mass=0.064,
        hip_torque=18.0,
        knee_torque=28.0,
        source="MIT Mini Cheetah: Cheetah-Software, MiniCheetah.h; torque is the motors' limit times the gear ratio",
    ),
    "solo12": QuadrupedParameters(
        trunk_mass=1.63315,
        trunk_length=0.38,
        trunk_width=0.2092,
        hip_offset=0.04545,
        hip_mass=0.15,
        thigh_length=0.16,
        thigh_mass=0.14854,
        calf_length=0.16,
        calf_mass=0.037636,
        hip_torque=2.7,
        knee_torque=2.7,
        source="ODRI Solo12: URDF of example-robot-data; torque of Grimminger et al. 2020",
    ),
    "spot": QuadrupedParameters(
        trunk_mass=15.02,
        trunk_length=0.5957,
        trunk_width=0.11,
        hip_offset=0.1108,
        hip_mass=1.68,
        thigh_length=0.321,
        thigh_mass=2.34,
        calf_length=0.3365,
        calf_mass=0.35,
        hip_torque=45.0,
        knee_torque=113.2,
        source="Boston Dynamics Spot: MJCF of MuJoCo Menagerie; trunk mass is Boston Dynamics' 32.5 kg for the robot "
        "minus the legs; torque of Isaac Lab, measured by the RAI Institute, the knee's at its best angle",
        estimated=("trunk_mass",),
    ),
}
"""The robots by name."""

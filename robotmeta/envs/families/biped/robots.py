"""Real humanoids as rows of the family ``biped``.

A row describes a robot as rigid links: an upper body with two equal legs of six joints and position servos. Pelvis,
torso, head and arms are one link, with the arms as they hang in the model. The three axes of a hip meet in one point in
the plane of the leg, and both axes of an ankle in another. Rows omit the links' centres of mass, rotors, belts and
linkages. Robots whose legs have springs or closed chains, such as Cassie and Digit, are no such row.

The hip's height is that of its pitch axis. Links between torso and thigh are the hip. Lengths are distances between the
axes of hip pitch, knee and ankle pitch.

All other numbers are our own and the same for all robots in the robots' units: the gains of the servos (those of
published controllers are softer and need a policy that balances), rotor inertia, joint limits, the shapes and inertias
of links, and a standing pose with slightly bent knees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class BipedParameters:
    """A biped with 12 joints.

    Attributes:
        torso_mass: Mass of pelvis, torso, head and arms, kg.
        torso_height: Height of their centre of mass above the hips, m.
        hip_width: Distance between the planes of the legs, m.
        hip_mass: Mass of the links between torso and thigh, kg.
        thigh_length: Distance from hip to knee, m.
        thigh_mass: Mass of the thigh, kg.
        calf_length: Distance from knee to ankle, m.
        calf_mass: Mass of the calf, kg.
        ankle_height: Height of the ankle above the sole, m.
        heel_length: Distance from the ankle back to the end of the sole, m.
        toe_length: Distance from the ankle forward to the end of the sole, m.
        foot_width: Width of the sole, m.
        foot_mass: Mass of foot and ankle, kg.
        hip_torque: Torque limit of the three hip joints, N m; that of hip pitch.
        knee_torque: Torque limit of the knee, N m.
        ankle_torque: Torque limit of both ankle joints, N m; that of ankle pitch.
        source: Where the numbers come from.
        estimated: Numbers that are not published and follow from others, as the source says.
    """

    torso_mass: float
    torso_height: float
    hip_width: float
    hip_mass: float
    thigh_length: float
    thigh_mass: float
    calf_length: float
    calf_mass: float
    ankle_height: float
    heel_length: float
    toe_length: float
    foot_width: float
    foot_mass: float
    hip_torque: float
    knee_torque: float
    ankle_torque: float
    source: str
    estimated: tuple[str, ...] = ()

    @property
    def row(self) -> dict[str, float]:
        """The numbers by column name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("source", "estimated")}


ROBOTS: Mapping[str, BipedParameters] = {
    "apollo": BipedParameters(
        torso_mass=43.702,
        torso_height=0.3125,
        hip_width=0.2186,
        hip_mass=1.9296,
        thigh_length=0.4279,
        thigh_mass=10.7833,
        calf_length=0.4279,
        calf_mass=4.5751,
        ankle_height=0.0629,
        heel_length=0.0475,
        toe_length=0.1525,
        foot_width=0.085,
        foot_mass=1.3056,
        hip_torque=342.0,
        knee_torque=336.0,
        ankle_torque=150.0,
        source="Apptronik Apollo: MJCF of MuJoCo Menagerie, from Apptronik's URDF",
    ),
    "berkeley-humanoid": BipedParameters(
        torso_mass=5.37812,
        torso_height=0.2171,
        hip_width=0.32,
        hip_mass=1.694,
        thigh_length=0.22,
        thigh_mass=2.689,
        calf_length=0.18,
        calf_mass=0.35,
        ankle_height=0.049,
        heel_length=0.049,
        toe_length=0.111,
        foot_width=0.055,
        foot_mass=0.6063,
        hip_torque=30.0,
        knee_torque=30.0,
        ankle_torque=20.0,
        source="Berkeley Humanoid: MJCF of MuJoCo Menagerie, from its makers' URDF; ankle roll has 5 N m",
    ),
    "elf2": BipedParameters(
        torso_mass=16.184,
        torso_height=0.332,
        hip_width=0.2,
        hip_mass=3.0183,
        thigh_length=0.3,
        thigh_mass=2.66296,
        calf_length=0.3,
        calf_mass=1.63072,
        ankle_height=0.04,
        heel_length=0.1,
        toe_length=0.1,
        foot_width=0.084,
        foot_mass=0.2827,
        hip_torque=100.0,
        knee_torque=120.0,
        ankle_torque=14.0,
        source="BXI Elf 2 with 25 joints: MJCF of MuJoCo Menagerie, by its makers; hip roll has 40 and hip yaw 20 N m",
    ),
    "g1": BipedParameters(
        torso_mass=18.969,
        torso_height=0.2424,
        hip_width=0.2371,
        hip_mass=2.87,
        thigh_length=0.3366,
        thigh_mass=1.702,
        calf_length=0.3,
        calf_mass=1.932,
        ankle_height=0.0526,
        heel_length=0.055,
        toe_length=0.125,
        foot_width=0.07,
        foot_mass=0.682,
        hip_torque=88.0,
        knee_torque=139.0,
        ankle_torque=50.0,
        source="Unitree G1 with 29 joints: MJCF of MuJoCo Menagerie, from Unitree's URDF",
    ),
    "h1": BipedParameters(
        torso_mass=29.847,
        torso_height=0.3488,
        hip_width=0.4057,
        hip_mass=4.476,
        thigh_length=0.4,
        thigh_mass=4.152,
        calf_length=0.4,
        calf_mass=1.721,
        ankle_height=0.07,
        heel_length=0.049,
        toe_length=0.154,
        foot_width=0.088,
        foot_mass=0.446,
        hip_torque=200.0,
        knee_torque=300.0,
        ankle_torque=40.0,
        source="Unitree H1: MJCF of MuJoCo Menagerie, from Unitree's URDF; the robot has no ankle roll, the row has",
    ),
    "n1": BipedParameters(
        torso_mass=21.965,
        torso_height=0.202,
        hip_width=0.24,
        hip_mass=2.66,
        thigh_length=0.3076,
        thigh_mass=3.37,
        calf_length=0.28,
        calf_mass=2.21,
        ankle_height=0.05,
        heel_length=0.06,
        toe_length=0.14,
        foot_width=0.08,
        foot_mass=0.641,
        hip_torque=95.0,
        knee_torque=95.0,
        ankle_torque=30.0,
        source="Fourier N1: MJCF of MuJoCo Menagerie, from Fourier's URDF; the sole is about that of a G1",
        estimated=("ankle_height", "heel_length", "toe_length", "foot_width"),
    ),
    "op3": BipedParameters(
        torso_mass=1.959,
        torso_height=0.1122,
        hip_width=0.0956,
        hip_mass=0.1907,
        thigh_length=0.1102,
        thigh_mass=0.1154,
        calf_length=0.11,
        calf_mass=0.0401,
        ankle_height=0.0305,
        heel_length=0.0635,
        toe_length=0.0635,
        foot_width=0.078,
        foot_mass=0.2482,
        hip_torque=5.0,
        knee_torque=5.0,
        ankle_torque=5.0,
        source="Robotis OP3: MJCF of MuJoCo Menagerie, from Robotis' URDF",
    ),
    "t1": BipedParameters(
        torso_mass=19.43,
        torso_height=0.2043,
        hip_width=0.212,
        hip_mass=1.406,
        thigh_length=0.2359,
        thigh_mass=2.166,
        calf_length=0.28,
        calf_mass=1.73,
        ankle_height=0.042,
        heel_length=0.1015,
        toe_length=0.1215,
        foot_width=0.1,
        foot_mass=0.758,
        hip_torque=45.0,
        knee_torque=60.0,
        ankle_torque=20.0,
        source="Booster T1: MJCF of MuJoCo Menagerie, from Booster's URDF; hip roll and yaw have 30 N m",
    ),
    "talos": BipedParameters(
        torso_mass=60.75,
        torso_height=0.369,
        hip_width=0.17,
        hip_mass=3.726,
        thigh_length=0.38,
        thigh_mass=6.23987,
        calf_length=0.325,
        calf_mass=3.75995,
        ankle_height=0.107,
        heel_length=0.1,
        toe_length=0.1,
        foot_width=0.14,
        foot_mass=2.90273,
        hip_torque=160.0,
        knee_torque=400.0,
        ankle_torque=160.0,
        source="PAL Talos: MJCF of MuJoCo Menagerie, from PAL's URDF; size of the sole from its meshes, about",
        estimated=("ankle_height", "heel_length", "toe_length", "foot_width"),
    ),
}
"""The robots by name."""

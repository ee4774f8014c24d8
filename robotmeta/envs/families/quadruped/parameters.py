"""What varies in the quadruped families: the robot's numbers, its load, the floor, faults and the command.

The lengths, masses and torques of a robot are factors of its thigh length and trunk mass.
"""

from __future__ import annotations

from robotmeta.envs.distributions import LogUniform, Uniform, Union
from robotmeta.envs.families.legged.conditions import GROUND, LATENCY, faults, strengths
from robotmeta.envs.families.legged.numbers import Numbers, Place, payload
from robotmeta.envs.families.quadruped.model import JOINTS, LEGS, NUMBERS, carry
from robotmeta.envs.families.quadruped.robots import ROBOTS
from robotmeta.envs.parameters import Parameter, Proportional

NOMINAL = {**ROBOTS["go2"].row, "stiffness": 1.0, "damping": 0.1}
"""A Go2, with the gains of its servos."""

# -- the robot ---------------------------------------------------------------------------------------------------------


_NUMBERS = Numbers(NOMINAL, NUMBERS)
_length, _mass = _NUMBERS.length, _NUMBERS.mass

# The ranges of the factors are those of the real robots, rounded outwards.
_THIGH = _NUMBERS.thigh(LogUniform(0.16, 0.36), ood=Union(((0.12, 0.16), (0.36, 0.45))))
_TRUNK = _NUMBERS.trunk(_THIGH, "trunk_mass", "mass of the trunk without legs", 380.0, 1250.0)
_TORQUES = (0.1, 2000.0)  # MuJoCo reads 0 as no limit
_HIPS = _NUMBERS.column(
    "hip_torque",
    "torque limit of abduction and hip joints",
    "N m",
    Proportional(LogUniform(8.0, 36.0), (_TRUNK, _THIGH)),
    _TORQUES,
)
_KNEES = _NUMBERS.column(
    "knee_torque", "torque limit of the knees", "N m", Proportional(Uniform(1.0, 2.6), (_HIPS,)), _TORQUES
)
BODY = (
    _THIGH,
    _length(_THIGH, "calf_length", "distance from knee to foot", 0.83, 1.26, shortest=0.05),
    _length(_THIGH, "trunk_length", "distance between the front and hind hip axes", 1.7, 2.75, shortest=0.05),
    _length(_THIGH, "trunk_width", "distance between the left and right abduction axes", 0.34, 1.31),
    _length(
        _THIGH, "hip_offset", "distance from the abduction axis to the plane of the leg", 0.13, 0.7, shortest=0.005
    ),
    _TRUNK,
    _mass(_TRUNK, "hip_mass", "mass of each link between trunk and thigh", 0.066, 0.19),
    _mass(_TRUNK, "thigh_mass", "mass of each thigh", 0.056, 0.22),
    _mass(_TRUNK, "calf_mass", "mass of each calf with its foot", 0.013, 0.05),
    _HIPS,
    _KNEES,
    *_NUMBERS.gains(0.8, 1.5),
)
"""The numbers of a robot."""

# -- load, floor, faults and command -----------------------------------------------------------------------------------

_LEG_NAMES = {"fl": "front left", "fr": "front right", "hl": "hind left", "hr": "hind right"}


CONDITIONS = (
    *payload(
        _TRUNK,
        "trunk",
        carry,
        0.4,
        Place(", from -0.5 (hind hips) to 0.5 (front hips)", 0.4, 1.0),
        Place(", from -0.5 (right hips) to 0.5 (left hips)", 0.4, 2.0),
    ),
    GROUND,
    *strengths(_LEG_NAMES, JOINTS),
    *faults(JOINTS),
    LATENCY,
)
"""The load, the floor and the faults."""

SPEED = Parameter(
    "speed",
    "commanded forward speed, observed",
    train=Uniform(0.15, 0.5),
    nominal=0.3,
    bounds=(-1.5, 1.5),
    ood=Uniform(0.5, 0.65),
    unit="sqrt(g L)",
)

CHANGING = ("payload_mass", *(f"strength_{leg}" for leg in LEGS), "friction", "latency")
"""What changes while a robot walks."""

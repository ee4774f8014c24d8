"""What varies in the quadruped families: the robot's numbers, its load, the floor, faults and the command.

The lengths, masses and torques of a robot are factors of its thigh length and trunk mass.
"""

from __future__ import annotations

from robotmeta.envs.distributions import Distribution, LogUniform, Uniform, Union
from robotmeta.envs.edits import ModelEdit, SpecEdit
from robotmeta.envs.families.legged.conditions import GROUND, LATENCY, faults, strengths
from robotmeta.envs.families.quadruped.model import JOINTS, LEGS, NUMBERS, carry
from robotmeta.envs.families.quadruped.robots import ROBOTS
from robotmeta.envs.parameters import Parameter, Proportional

NOMINAL = {**ROBOTS["go2"].row, "stiffness": 1.0, "damping": 0.1}
"""A Go2, with the gains of its servos."""

# -- the robot ---------------------------------------------------------------------------------------------------------


def _number(
    name: str,
    description: str,
    unit: str,
    train: Distribution,
    bounds: tuple[float, float],
    ood: Distribution | None = None,
) -> Parameter:
    return Parameter(
        name,
        description,
        train=train,
        nominal=NOMINAL[name],
        bounds=bounds,
        ood=ood,
        edits=(SpecEdit(NUMBERS[name]),),
        unit=unit,
    )


# The ranges of the factors are those of the real robots, rounded outwards.
_THIGH = _number(
    "thigh_length",
    "distance from hip to knee",
    "m",
    LogUniform(0.16, 0.36),
    (0.05, 1.0),
    ood=Union(((0.12, 0.16), (0.36, 0.45))),
)
_TRUNK = _number(
    "trunk_mass",
    "mass of the trunk without legs",
    "kg",
    Proportional(LogUniform(380.0, 1250.0), (_THIGH,) * 3),
    (0.1, 500.0),
)


def _length(name: str, description: str, low: float, high: float, shortest: float = 0.01) -> Parameter:
    return _number(name, description, "m", Proportional(Uniform(low, high), (_THIGH,)), (shortest, 3.0))


def _mass(name: str, description: str, low: float, high: float) -> Parameter:
    return _number(name, description, "kg", Proportional(LogUniform(low, high), (_TRUNK,)), (0.001, 100.0))


_TORQUES = (0.1, 2000.0)  # MuJoCo reads 0 as no limit
_TORQUE = _number(
    "hip_torque",
    "torque limit of abduction and hip joints",
    "N m",
    Proportional(LogUniform(8.0, 36.0), (_TRUNK, _THIGH)),
    _TORQUES,
)
BODY = (
    _THIGH,
    _length("calf_length", "distance from knee to foot", 0.83, 1.26, shortest=0.05),
    _length("trunk_length", "distance between the front and hind hip axes", 1.7, 2.75, shortest=0.05),
    _length("trunk_width", "distance between the left and right abduction axes", 0.34, 1.31),
    _length("hip_offset", "distance from the abduction axis to the plane of the leg", 0.13, 0.7, shortest=0.005),
    _TRUNK,
    _mass("hip_mass", "mass of each link between trunk and thigh", 0.066, 0.19),
    _mass("thigh_mass", "mass of each thigh", 0.056, 0.22),
    _mass("calf_mass", "mass of each calf with its foot", 0.013, 0.05),
    _TORQUE,
    _number("knee_torque", "torque limit of the knees", "N m", Proportional(Uniform(1.0, 2.6), (_TORQUE,)), _TORQUES),
    _number("stiffness", "gain of the servos on position", "weight L/rad", Uniform(0.8, 1.5), (0.0, 20.0)),
    _number("damping", "gain of the servos on velocity", "stiffness sqrt(L/g)", Uniform(0.06, 0.15), (0.0, 2.0)),
)
"""The numbers of a robot."""

# -- load, floor, faults and command -----------------------------------------------------------------------------------

_LEG_NAMES = {"fl": "front left", "fr": "front right", "hl": "hind left", "hr": "hind right"}


CONDITIONS = (
    Parameter(
        "payload_mass",
        "mass of the crate on the trunk",
        train=Proportional(Uniform(0.0, 0.4), (_TRUNK,)),
        nominal=0.0,
        bounds=(0.0, 500.0),
        edits=(ModelEdit(carry),),
        unit="kg",
    ),
    Parameter(
        "payload_x",
        "position of the crate, from -0.5 (hind hips) to 0.5 (front hips)",
        train=Uniform(-0.4, 0.4),
        nominal=0.0,
        bounds=(-1.0, 1.0),
        qualifies="payload_mass",
    ),
    Parameter(
        "payload_y",
        "position of the crate, from -0.5 (right hips) to 0.5 (left hips)",
        train=Uniform(-0.4, 0.4),
        nominal=0.0,
        bounds=(-2.0, 2.0),
        qualifies="payload_mass",
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

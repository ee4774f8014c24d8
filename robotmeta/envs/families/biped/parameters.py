"""What varies in the family ``biped``: the robot's numbers, its load, the floor, faults and the commands.

The lengths, masses and torques of a robot are factors of its thigh length and torso mass. The ranges of the factors are
those of the real robots, rounded outwards.
"""

from __future__ import annotations

from robotmeta.envs.distributions import Distribution, LogUniform, Uniform, Union
from robotmeta.envs.edits import ModelEdit, SpecEdit
from robotmeta.envs.families.biped.model import JOINTS, LEGS, NUMBERS, carry
from robotmeta.envs.families.biped.robots import ROBOTS
from robotmeta.envs.families.legged.conditions import GROUND, LATENCY, faults, strengths
from robotmeta.envs.parameters import Parameter, Proportional

NOMINAL = {**ROBOTS["g1"].row, "stiffness": 2.0, "damping": 0.1}
"""A G1, with the gains of its servos."""

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


_THIGH = _number(
    "thigh_length",
    "distance from hip to knee",
    "m",
    LogUniform(0.11, 0.43),
    (0.05, 1.0),
    ood=Union(((0.08, 0.11), (0.43, 0.55))),
)
_TORSO = _number(
    "torso_mass",
    "mass of the upper body: pelvis, torso, head and arms",
    "kg",
    Proportional(LogUniform(450.0, 1500.0), (_THIGH,) * 3),
    (0.1, 500.0),
)


def _length(name: str, description: str, low: float, high: float, shortest: float = 0.01) -> Parameter:
    return _number(name, description, "m", Proportional(Uniform(low, high), (_THIGH,)), (shortest, 3.0))


def _mass(name: str, description: str, low: float, high: float) -> Parameter:
    return _number(name, description, "kg", Proportional(LogUniform(low, high), (_TORSO,)), (0.001, 100.0))


def _torque(name: str, description: str, low: float, high: float) -> Parameter:
    factor = Proportional(LogUniform(low, high), (_TORSO, _THIGH))
    return _number(name, description, "N m", factor, (0.01, 2000.0))  # MuJoCo reads 0 as no limit


BODY = (
    _THIGH,
    _length("calf_length", "distance from knee to ankle", 0.8, 1.2, shortest=0.05),
    _TORSO,
    _length("torso_height", "height of the upper body's centre of mass above the hips", 0.64, 1.12),
    _length("hip_width", "distance between the planes of the legs", 0.44, 1.46),
    _mass("hip_mass", "mass of the links between torso and each thigh", 0.04, 0.32),
    _mass("thigh_mass", "mass of each thigh", 0.055, 0.5),
    _mass("calf_mass", "mass of each calf", 0.02, 0.11),
    _length("ankle_height", "height of the ankles above the soles", 0.13, 0.29, shortest=0.005),
    _length("heel_length", "distance from an ankle back to the end of the sole", 0.11, 0.58),
    _length("toe_length", "distance from an ankle forward to the end of the sole", 0.26, 0.58),
    _length("foot_width", "width of the soles", 0.19, 0.71),
    _mass("foot_mass", "mass of each foot with its ankle", 0.014, 0.13),
    _torque("hip_torque", "torque limit of the hip joints", 6.9, 25.5),
    _torque("knee_torque", "torque limit of the knees", 13.0, 25.5),
    _torque("ankle_torque", "torque limit of the ankles", 2.8, 23.5),
    _number("stiffness", "gain of the servos on position", "weight L/rad", Uniform(1.5, 2.5), (0.0, 20.0)),
    _number("damping", "gain of the servos on velocity", "stiffness sqrt(L/g)", Uniform(0.06, 0.15), (0.0, 2.0)),
)
"""The numbers of a robot."""

# -- load, floor and faults --------------------------------------------------------------------------------------------

CONDITIONS = (
    Parameter(
        "payload_mass",
        "mass of the crate on the torso",
        train=Proportional(Uniform(0.0, 0.2), (_TORSO,)),
        nominal=0.0,
        bounds=(0.0, 500.0),
        edits=(ModelEdit(carry),),
        unit="kg",
    ),
    Parameter(
        "payload_x",
        "position of the crate in depths of the torso, from -0.5 (back) to 0.5 (chest)",
        train=Uniform(-0.6, 0.6),
        nominal=0.0,
        bounds=(-2.0, 2.0),
        qualifies="payload_mass",
    ),
    Parameter(
        "payload_y",
        "position of the crate in widths of the torso, from -0.5 (right) to 0.5 (left)",
        train=Uniform(-0.3, 0.3),
        nominal=0.0,
        bounds=(-2.0, 2.0),
        qualifies="payload_mass",
    ),
    GROUND,
    *strengths({leg: leg for leg in LEGS}, JOINTS),
    LATENCY,
    *faults(JOINTS, [joint for joint in JOINTS if joint.endswith(("yaw", "ankle_roll"))]),
)
"""The load, the floor and the faults. No biped stands on a limp knee: joints that can fail are yaw and ankle roll."""

CHANGING = ("payload_mass", *(f"strength_{leg}" for leg in LEGS), "friction", "latency")
"""What changes while a robot walks."""

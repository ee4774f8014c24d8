"""What varies in the family ``biped``: the robot's numbers, its load, the floor, faults and the commands.

The lengths, masses and torques of a robot are factors of its thigh length and torso mass. The ranges of the factors are
those of the real robots, rounded outwards.
"""

from __future__ import annotations

from robotmeta.envs.distributions import LogUniform, Union
from robotmeta.envs.families.biped.model import JOINTS, LEGS, NUMBERS, carry
from robotmeta.envs.families.biped.robots import ROBOTS
from robotmeta.envs.families.legged.conditions import GROUND, LATENCY, faults, strengths
from robotmeta.envs.families.legged.numbers import Numbers, Place, payload
from robotmeta.envs.parameters import Parameter, Proportional

NOMINAL = {**ROBOTS["g1"].row, "stiffness": 2.0, "damping": 0.1}
"""A G1, with the gains of its servos."""

# -- the robot ---------------------------------------------------------------------------------------------------------


_NUMBERS = Numbers(NOMINAL, NUMBERS)
_length, _mass = _NUMBERS.length, _NUMBERS.mass

_THIGH = _NUMBERS.thigh(LogUniform(0.11, 0.43), ood=Union(((0.08, 0.11), (0.43, 0.55))))
_TORSO = _NUMBERS.trunk(_THIGH, "torso_mass", "mass of the upper body: pelvis, torso, head and arms", 450.0, 1500.0)


def _torque(name: str, description: str, low: float, high: float) -> Parameter:
    factor = Proportional(LogUniform(low, high), (_TORSO, _THIGH))
    return _NUMBERS.column(name, description, "N m", factor, (0.01, 2000.0))  # MuJoCo reads 0 as no limit


BODY = (
    _THIGH,
    _length(_THIGH, "calf_length", "distance from knee to ankle", 0.8, 1.2, shortest=0.05),
    _TORSO,
    _length(_THIGH, "torso_height", "height of the upper body's centre of mass above the hips", 0.64, 1.12),
    _length(_THIGH, "hip_width", "distance between the planes of the legs", 0.44, 1.46),
    _mass(_TORSO, "hip_mass", "mass of the links between torso and each thigh", 0.04, 0.32),
    _mass(_TORSO, "thigh_mass", "mass of each thigh", 0.055, 0.5),
    _mass(_TORSO, "calf_mass", "mass of each calf", 0.02, 0.11),
    _length(_THIGH, "ankle_height", "height of the ankles above the soles", 0.13, 0.29, shortest=0.005),
    _length(_THIGH, "heel_length", "distance from an ankle back to the end of the sole", 0.11, 0.58),
    _length(_THIGH, "toe_length", "distance from an ankle forward to the end of the sole", 0.26, 0.58),
    _length(_THIGH, "foot_width", "width of the soles", 0.19, 0.71),
    _mass(_TORSO, "foot_mass", "mass of each foot with its ankle", 0.014, 0.13),
    _torque("hip_torque", "torque limit of the hip joints", 6.9, 25.5),
    _torque("knee_torque", "torque limit of the knees", 13.0, 25.5),
    _torque("ankle_torque", "torque limit of the ankles", 2.8, 23.5),
    *_NUMBERS.gains(1.5, 2.5),
)
"""The numbers of a robot."""

# -- load, floor and faults --------------------------------------------------------------------------------------------

CONDITIONS = (
    *payload(
        _TORSO,
        "torso",
        carry,
        0.2,
        Place(" in depths of the torso, from -0.5 (back) to 0.5 (chest)", 0.6, 2.0),
        Place(" in widths of the torso, from -0.5 (right) to 0.5 (left)", 0.3, 2.0),
    ),
    GROUND,
    *strengths({leg: leg for leg in LEGS}, JOINTS),
    LATENCY,
    *faults(JOINTS, [joint for joint in JOINTS if joint.endswith(("yaw", "ankle_roll"))]),
)
"""The load, the floor and the faults. No biped stands on a limp knee: joints that can fail are yaw and ankle roll."""

CHANGING = ("payload_mass", *(f"strength_{leg}" for leg in LEGS), "friction", "latency")
"""What changes while a robot walks."""

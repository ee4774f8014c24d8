"""The conditions of a vendor's quadruped: gains, load, floor, faults and command, with the family's ranges."""

from __future__ import annotations

from dataclasses import replace

import mujoco

from robotmeta.envs.distributions import Uniform
from robotmeta.envs.edits import Edit, Field, ModelEdit, Row, fill_cube
from robotmeta.envs.families.legged.world import PAYLOAD_DENSITY
from robotmeta.envs.families.quadruped.model import JOINTS
from robotmeta.envs.families.quadruped.parameters import NOMINAL
from robotmeta.envs.families.quadruped.vendor.legs import Legs
from robotmeta.envs.families.quadruped.vendor.numbers import Numbers
from robotmeta.envs.families.quadruped.vendor.standing import Standing
from robotmeta.envs.families.quadruped.vendor.world import FLOOR, OURS, PAYLOAD, servo_gains
from robotmeta.envs.parameters import Parameter, ParameterSpace

_GAINS = ("stiffness", "damping")
_LOAD = 0.4  # largest load in meta-training, times the mass of the trunk


def conditions(space: ParameterSpace, legs: Legs, standing: Standing, numbers: Numbers, top: float) -> ParameterSpace:
    """What varies in the world of a vendor's robot: all that varies in the family but the numbers of the robot.

    Args:
        space: The family's parameters.
        legs: Its legs.
        standing: Its standing pose.
        numbers: Its numbers.
        top: Height of the top of the trunk above the hips, m.
    """
    gains = servo_gains(standing, numbers)

    def set_gains(model: mujoco.MjModel, value: float, row: Row) -> None:
        gain, bias = gains(row["stiffness"], row["damping"])
        for i, joint in enumerate(JOINTS):
            index = model.actuator(joint).id
            model.actuator_gainprm[index, 0], model.actuator_biasprm[index, :3] = gain[i], bias[i]

    def carry(model: mujoco.MjModel, mass: float, row: Row) -> None:
        if mass > 0.0:
            length, width = numbers.row["trunk_length"], numbers.row["trunk_width"]
            height = top + fill_cube(model, PAYLOAD, mass, PAYLOAD_DENSITY)
            where = [row["payload_x"] * length, row["payload_y"] * width, height]
            model.body(PAYLOAD).pos[:] = standing.centre + legs.axes @ where

    edits: dict[str, Edit] = {
        **{name: ModelEdit(set_gains) for name in _GAINS},
        "payload_mass": ModelEdit(carry),
        "friction": Field("geom_friction", "set", rows=(FLOOR,), column=0),
        "faulty_joint": ModelEdit(_break_joint),
    }
    load = Uniform(0.0, _LOAD * numbers.row["trunk_mass"])
    return ParameterSpace(tuple(_changed(p, edits, load) for p in space if p.name not in numbers.row))


def _changed(parameter: Parameter, edits: dict[str, Edit], load: Uniform) -> Parameter:
    name = parameter.name
    changed = replace(parameter, edits=(edits[name],)) if name in edits else parameter
    return replace(changed, train=load) if name == "payload_mass" else changed


def nominal_gains() -> dict[str, float]:
    """Relative gains of the servos of the nominal robot."""
    return {name: NOMINAL[name] for name in _GAINS}


def _break_joint(model: mujoco.MjModel, joint: float, row: Row) -> None:
    index = round(joint) - 1
    if index >= 0:
        servo = model.actuator(JOINTS[index]).id
        model.actuator_gainprm[servo] = model.actuator_biasprm[servo] = 0.0
        model.eq_active0[model.equality(f"{OURS}{JOINTS[index]}").id] = row["fault"] == 1.0

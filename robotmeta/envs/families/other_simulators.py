"""How the same robot differs from one simulator, or one version of a model file, to another.

The parameters are for ``fit_only`` of a :class:`robotmeta.envs.family.TaskFamily`: meta-training does not vary them.
"""

from __future__ import annotations

import math

import mujoco
import numpy as np

from robotmeta.envs.distributions import Uniform
from robotmeta.envs.edits import Edit, Field, ModelEdit, Row
from robotmeta.envs.parameters import Parameter

_IMPEDANCE = np.array([0.9, 0.95, 0.001, 0.5, 2.0])  # MuJoCo's default solimp


def joint_limits(model: mujoco.MjModel) -> tuple[Parameter, ...]:
    """Both ends of the range of each limited hinge joint, rad.

    The initial pose stays within the range. A joint of the model must have its initial position inside of it.
    """
    limits = []
    for number in np.flatnonzero((model.jnt_type == int(mujoco.mjtJoint.mjJNT_HINGE)) & (model.jnt_limited == 1)):
        name, start = model.joint(number).name, float(model.qpos0[model.jnt_qposadr[number]])
        ends = {"lowest": (start - math.pi, start), "highest": (start, start + math.pi)}
        for column, (end, bounds) in enumerate(ends.items()):
            edit = Field("jnt_range", mode="set", rows=(name,), column=column)
            value = float(model.jnt_range[number, column])
            limits.append(_constant(f"{name}_{end}", f"{end} position of the joint", value, bounds, (edit,), "rad"))
    return tuple(limits)


def hardness() -> Parameter:
    """How hard contacts and joint limits are, from those of the model (0) to MuJoCo's default (1)."""
    what = "hardness of contacts and joint limits: 0 as in the model, 1 MuJoCo's default"
    return _constant("hardness", what, 0.0, (0.0, 1.0), (ModelEdit(_harden),), "1")


def _constant(
    name: str, description: str, value: float, bounds: tuple[float, float], edits: tuple[Edit, ...], unit: str
) -> Parameter:
    train = Uniform(value, value)
    return Parameter(name, description, train=train, nominal=value, bounds=bounds, edits=edits, unit=unit)


def _harden(model: mujoco.MjModel, share: float, row: Row) -> None:
    for impedance in (model.geom_solimp, model.jnt_solimp):
        widths = impedance[:, 2] ** (1.0 - share) * _IMPEDANCE[2] ** share
        impedance[:] = (1.0 - share) * impedance + share * _IMPEDANCE
        impedance[:, 2] = widths

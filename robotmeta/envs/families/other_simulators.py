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
    """Both ends of the range of each limited hinge joint that has a name, rad.

    A fit keeps the initial position within the range.
    """
    limited = (model.jnt_type == int(mujoco.mjtJoint.mjJNT_HINGE)) & (model.jnt_limited == 1)
    limits = []
    for joint in np.flatnonzero(limited):
        name, start = model.joint(joint).name, float(model.qpos0[model.jnt_qposadr[joint]])
        lowest, highest = model.jnt_range[joint].tolist()
        ends = {
            "lowest": (lowest, (min(start - math.pi, lowest), max(start, lowest))),
            "highest": (highest, (min(start, highest), max(start + math.pi, highest))),
        }
        for column, (end, (value, bounds)) in enumerate(ends.items() if name else ()):
            edit = Field("jnt_range", mode="set", rows=(name,), column=column)
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

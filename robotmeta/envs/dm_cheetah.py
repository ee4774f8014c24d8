"""The Control Suite's cheetah: it runs at a speed it is not told, on a body and motors that are not the nominal ones.

The model is ``cheetah.xml`` of the installed ``dm_control`` package, one substep of 0.01 s, and its 17-number
observation: positions without x, then velocities.
"""

from __future__ import annotations

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.dm_suite import HORIZON, at_velocity, load, named, noise, planar_velocity
from robotmeta.envs.edits import Field
from robotmeta.envs.family import Columns, MujocoWorld, State, TaskFamily, Transition
from robotmeta.envs.parameters import LogUniform, Parameter, ParameterSpace, Uniform, Union

_SPEED = 10.0  # metres a second from which the suite pays 1
_TOTAL_MASS = 14.0  # kilograms, as the model file asks for
_JOINTS = ("bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")
# Where the suite's own episodes start, after two seconds of rest (x, z, pitch, joints), 4 cm higher.
_STANCE = (0.0, -0.06, 0.03, -0.04, 0.0, -0.07, -0.05, -0.04, -0.03)

_OBSERVATIONS = (
    ("z", "m"),
    ("pitch", "rad"),
    *named(_JOINTS, "rad"),
    ("x_velocity", "m/s"),
    ("z_velocity", "m/s"),
    ("pitch_velocity", "rad/s"),
    *named(_JOINTS, "rad/s", "_velocity"),
)
_ACTIONS = tuple(
    (f"{joint}_torque", f"{gear} N m") for joint, gear in zip(_JOINTS, (120, 90, 60, 90, 60, 30), strict=True)
)

# -- model -----------------------------------------------------------------------------------------------------------


def _model() -> mujoco.MjSpec:
    spec = load("cheetah")
    spec.compiler.settotalmass = -1  # retired: the same masses by the material's density
    scale = _TOTAL_MASS / float(spec.copy().compile().body_mass.sum())
    for geom in spec.geoms:
        geom.density *= scale
    return spec


# -- what varies -----------------------------------------------------------------------------------------------------

_SPACE = ParameterSpace(
    (
        Parameter(
            "velocity",
            f"speed to run at, backward if negative; that of cheetah-run is {_SPEED:g} or faster",
            Union(((-6.0, -2.0), (2.0, 6.0))),
            _SPEED,
            (-20.0, 20.0),
            ood=Union(((-_SPEED, -6.0), (6.0, _SPEED))),
            unit="m/s",
        ),
        Parameter(
            "mass",
            "multiplier of every link's mass and inertia",
            LogUniform(0.67, 1.5),
            1.0,
            (0.05, 20.0),
            ood=Union(((0.5, 0.67), (1.5, 2.0))),
            edits=(Field("body_mass"), Field("body_inertia")),
        ),
        Parameter(
            "friction",
            "multiplier of sliding friction",
            LogUniform(0.4, 2.0),
            1.0,
            (0.0, 20.0),
            ood=Union(((0.25, 0.4), (2.0, 3.0))),
            edits=(Field("geom_friction", column=0),),
        ),
        Parameter(
            "motor_strength",
            "multiplier of every motor's torque",
            Uniform(0.6, 1.2),
            1.0,
            (0.0, 10.0),
            ood=Uniform(0.45, 0.6),
            edits=(Field("actuator_gear", column=0),),
        ),
    )
)

# -- physics measurements --------------------------------------------------------------------------------------------


def _start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    qpos, qvel = nominal["qpos"], nominal["qvel"]
    offset = noise(qpos, 0.05, generator)
    offset[..., :3] *= 0.2  # m, m, rad: feet stay above the ground
    return {"qpos": qpos + qpos.new_tensor(_STANCE) + offset, "qvel": qvel + noise(qvel, 0.05, generator)}


def _observe(state: State, task: Columns) -> Tensor:
    return torch.cat([state["qpos"][..., 1:], state["qvel"]], dim=-1)


# -- rewards ---------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    return at_velocity(planar_velocity(step.after), step.task["velocity"], _SPEED, margin=_SPEED, value_at_margin=0.0)


def run() -> TaskFamily:
    """The family ``dm-cheetah``."""
    return TaskFamily(
        name="dm-cheetah",
        summary="The Control Suite's cheetah runs at a hidden speed, forward or backward; body and motors vary too.",
        source="cheetah-run of the DeepMind Control Suite (Tassa et al. 2018), frame skip 1, Euler, "
        f"horizon {HORIZON}: reward is 1 minus a tenth of the speed error in m/s, not below 0, where cheetah-run has "
        f"the goal of {_SPEED:g} m/s or faster; episodes start standing; no termination",
        space=_SPACE,
        world=MujocoWorld(_model, frame_skip=1, fields=("sensordata",), camera="side"),
        observations=_OBSERVATIONS,
        actions=_ACTIONS,
        horizon=HORIZON,
        dt=0.01,
        reset=_start,
        observe=_observe,
        reward=_reward,
    )

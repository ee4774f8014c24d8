"""The Control Suite's cheetah: it runs at a hidden speed, with a body and motors that vary.

The model is ``cheetah.xml`` of the installed ``dm_control`` package, with one substep of 0.01 s. The 17 observations
are the suite's: positions without x, then velocities.
"""

from __future__ import annotations

from dataclasses import replace

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.distributions import Uniform, Union
from robotmeta.envs.draws import uniform_like
from robotmeta.envs.families.locomotion import action_names, observation_names, observe
from robotmeta.envs.families.multipliers import FRICTION, MASS, MOTOR_STRENGTH
from robotmeta.envs.families.suite.control_suite import HORIZON, at_velocity, load, planar_velocity
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.models import weigh
from robotmeta.envs.parameters import Parameter, ParameterSpace

_SPEED = 10.0  # metres a second from which the suite's reward is 1
_TOTAL_MASS = 14.0  # kilograms, as the model file specifies
# The pose in which the suite's episodes start after two seconds at rest, 4 cm higher: x, z, pitch, joints.
_STANCE = (0.0, -0.06, 0.03, -0.04, 0.0, -0.07, -0.05, -0.04, -0.03)

# -- model -------------------------------------------------------------------------------------------------------------


def _model() -> mujoco.MjSpec:
    spec = load("cheetah")
    weigh(spec, _TOTAL_MASS)
    return spec


# -- what varies -------------------------------------------------------------------------------------------------------

_SPACE = ParameterSpace(
    (
        Parameter(
            "velocity",
            f"speed to run at, backward if negative; in cheetah-run it is {_SPEED:g} or faster",
            train=Union(((-6.0, -2.0), (2.0, 6.0))),
            nominal=_SPEED,
            bounds=(-20.0, 20.0),
            ood=Union(((-_SPEED, -6.0), (6.0, _SPEED))),
            unit="m/s",
        ),
        MASS,
        FRICTION,
        replace(MOTOR_STRENGTH, train=Uniform(0.6, 1.2), ood=Uniform(0.45, 0.6)),
    )
)

# -- measurements ------------------------------------------------------------------------------------------------------


def _start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    qpos, qvel = nominal["qpos"], nominal["qvel"]
    offset = uniform_like(qpos, generator, scale=0.05)
    offset[..., :3] *= 0.2  # m, m, rad: the feet stay above the ground
    return {"qpos": qpos + qpos.new_tensor(_STANCE) + offset, "qvel": qvel + uniform_like(qvel, generator, scale=0.05)}


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    return at_velocity(planar_velocity(step.after), step.task["velocity"], _SPEED, margin=_SPEED, value_at_margin=0.0)


# -- families ----------------------------------------------------------------------------------------------------------


def run() -> TaskFamily:
    """The family ``dm-cheetah``."""
    return TaskFamily(
        name="dm-cheetah",
        summary="The Control Suite's cheetah runs at a hidden speed, forward or backward; body and motors vary too.",
        source=Source(
            f"cheetah-run of the DeepMind Control Suite (Tassa et al. 2018), frame skip 1, Euler, horizon {HORIZON}.",
            "1 minus a tenth of the speed error in m/s, at least 0. No termination.",
            f"The goal speed varies; in cheetah-run it is {_SPEED:g} m/s or faster. Episodes start standing and are "
            "shorter.",
        ),
        space=_SPACE,
        world=MujocoWorld(_model, frame_skip=1, fields=("sensordata",), camera="side"),
        observations=observation_names(_model, hidden=1),
        actions=action_names(_model),
        horizon=HORIZON,
        dt=0.01,
        reset=_start,
        observe=observe(hidden=1),
        reward=_reward,
        init_std=0.6,  # with less noise at 100 Hz it hardly moves
        informed=0.5,  # the reward tells forward from backward only as it moves
    )

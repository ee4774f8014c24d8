"""The Control Suite's planar walker: it walks at a hidden speed, with a torso and a joint that vary.

The model is ``walker.xml`` of the installed ``dm_control`` package, with 10 substeps of 2.5 ms. The 24 observations are
the suite's: the orientation of each link, the torso's height, then velocities.
"""

from __future__ import annotations

import math

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.distributions import Choice, LogUniform, Uniform, Union
from robotmeta.envs.draws import uniform_like
from robotmeta.envs.edits import Field, ModelEdit, Row
from robotmeta.envs.families.suite.control_suite import HORIZON, at_velocity, load, named, planar_velocity
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import Parameter, ParameterSpace, numbered
from robotmeta.envs.rewards import tolerance

_SPEED = 1.0  # metres a second from which the suite's reward is 1
_STAND_HEIGHT = 1.2  # metres of torso height from which the reward for standing is 1
_TORSO_HEIGHT = 1.3  # metres from the ground to the torso with straight legs
_WEAK = 0.4  # share of its torque that a weak joint keeps
_JOINTS = tuple(f"{side}_{joint}" for side in ("right", "left") for joint in ("hip", "knee", "ankle"))
_LINKS = ("torso", *(f"{side}_{link}" for side in ("right", "left") for link in ("thigh", "leg", "foot")))

_OBSERVATIONS = (
    *((f"{link}_{entry}", "1") for link in _LINKS for entry in ("xx", "xz")),  # cosine and sine of its pitch
    ("height", "m"),
    ("z_velocity", "m/s"),
    ("x_velocity", "m/s"),
    ("pitch_velocity", "rad/s"),
    *named(_JOINTS, "rad/s", "_velocity"),
)
_ACTIONS = tuple((f"{joint}_torque", f"{gear} N m") for joint, gear in zip(_JOINTS, 2 * (100, 50, 20), strict=True))

# -- model -------------------------------------------------------------------------------------------------------------


def _model() -> mujoco.MjSpec:
    return load("walker")


def _weaken_joint(model: mujoco.MjModel, joint: float, row: Row) -> None:
    if joint > 0:
        model.actuator_gear[round(joint) - 1] *= _WEAK


# -- what varies -------------------------------------------------------------------------------------------------------

_SPACE = ParameterSpace(
    (
        Parameter(
            "velocity",
            f"speed to walk at, backward if negative; in walker-walk it is {_SPEED:g} or faster",
            train=Uniform(-_SPEED, _SPEED),
            nominal=_SPEED,
            bounds=(-10.0, 10.0),
            ood=Union(((-1.5, -_SPEED), (_SPEED, 1.5))),
            unit="m/s",
        ),
        Parameter(
            "torso_mass",
            "multiplier of the torso's mass and inertia",
            train=LogUniform(0.5, 2.0),
            nominal=1.0,
            bounds=(0.05, 20.0),
            ood=Union(((0.33, 0.5), (2.0, 3.0))),
            edits=(Field("body_mass", rows=("torso",)), Field("body_inertia", rows=("torso",))),
        ),
        Parameter(
            "weak_joint",
            f"joint that keeps {_WEAK:.0%} of its torque",
            train=Choice((0.0, 1.0, 2.0, 3.0)),
            nominal=0.0,
            bounds=(0.0, 6.0),
            ood=Choice((4.0, 5.0, 6.0)),
            edits=(ModelEdit(_weaken_joint),),
            labels=numbered(("none", *_JOINTS)),
        ),
    )
)

# -- measurements ------------------------------------------------------------------------------------------------------


def _start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    qvel = nominal["qvel"] + uniform_like(nominal["qvel"], generator, scale=0.05)
    qpos = nominal["qpos"] + uniform_like(nominal["qpos"], generator, scale=0.1)
    qpos[..., 0] = 0.05  # m: the feet stay above the ground
    qpos[..., (4, 7)] -= 0.1  # rad: knees bend in one direction
    return {"qpos": qpos, "qvel": qvel}


def _height(state: State) -> Tensor:
    return state["qpos"][..., 0] + _TORSO_HEIGHT


def _pitch(state: State) -> Tensor:
    """Pitch of each link, rad ``[..., 7]``. A leg's joints turn in the opposite direction to the torso's pitch."""
    torso, right, left = state["qpos"][..., 2:].split((1, 3, 3), dim=-1)
    return torch.cat([torso, torso - right.cumsum(dim=-1), torso - left.cumsum(dim=-1)], dim=-1)


def _observe(state: State, task: Columns) -> Tensor:
    pitch = _pitch(state)
    orientations = torch.stack([pitch.cos(), pitch.sin()], dim=-1).flatten(-2)
    return torch.cat([orientations, _height(state).unsqueeze(-1), state["qvel"]], dim=-1)


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    high = tolerance(_height(step.after), (_STAND_HEIGHT, math.inf), _STAND_HEIGHT / 2)
    upright = (1.0 + step.after["qpos"][..., 2].cos()) / 2.0
    velocity, goal = planar_velocity(step.after), step.task["velocity"]
    moving = at_velocity(velocity, goal, _SPEED, margin=_SPEED / 2, value_at_margin=0.5)
    return (3.0 * high + upright) / 4.0 * (5.0 * moving + 1.0) / 6.0


# -- families ----------------------------------------------------------------------------------------------------------


def walk() -> TaskFamily:
    """The family ``dm-walker``."""
    return TaskFamily(
        name="dm-walker",
        summary="The Control Suite's walker walks at a hidden speed, forward or backward; load and joints vary too.",
        source=Source(
            f"walker-walk of the DeepMind Control Suite (Tassa et al. 2018), frame skip 10, Euler, horizon {HORIZON}.",
            "In [0, 1]: the reward for standing upright times (1 + 5 moving) / 6, where moving is 1 minus the speed "
            "error in m/s, at least 0. No termination.",
            f"The goal speed varies; in walker-walk it is {_SPEED:g} m/s or faster. Episodes start standing (the suite "
            "drops the robot at random) and are shorter.",
        ),
        space=_SPACE,
        world=MujocoWorld(_model, frame_skip=10, fields=("sensordata",), camera="side"),
        observations=_OBSERVATIONS,
        actions=_ACTIONS,
        horizon=HORIZON,
        dt=0.025,
        reset=_start,
        observe=_observe,
        reward=_reward,
    )

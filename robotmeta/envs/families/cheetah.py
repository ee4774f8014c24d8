"""Half-cheetah: a planar runner with a hidden goal, body or motors.

The model is ``half_cheetah.xml`` of the installed Gymnasium package, with 5 substeps of 0.01 s. The 17 observations
are Gymnasium's: positions without x, then velocities.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import mujoco
import numpy as np
from torch import Tensor

from robotmeta.envs.distributions import Power, Uniform, Union
from robotmeta.envs.edits import SpecEdit
from robotmeta.envs.families.locomotion import (
    DIRECTION,
    action_names,
    effort,
    fault,
    load_gymnasium,
    noisy_start,
    nominal_model,
    observation_names,
    observe,
    speed,
)
from robotmeta.envs.families.multipliers import DAMPING, FRICTION, MASS, MOTOR_STRENGTH
from robotmeta.envs.families.other_simulators import hardness, joint_limits
from robotmeta.envs.family import MujocoWorld, Source, TaskFamily, Transition
from robotmeta.envs.models import weigh
from robotmeta.envs.parameters import Parameter, ParameterSpace

_FRAME_SKIP = 5
_DT = 0.05  # seconds a control step
_GOAL_SPEED = 2.0  # metres a second, the goal of cheetah-dynamics
_LEGS = {
    "bthigh": ("bshin",),
    "bshin": ("bfoot",),
    "fthigh": ("fshin",),
    "fshin": ("ffoot",),
}  # link: the link below it
_FEET = ("bfoot", "ffoot")
_TOTAL_MASS = 14.0  # kilograms, as the model file specifies
_SPEED_REWARD = "Minus the absolute speed error minus 0.05 |a|^2, a clipped to [-1, 1]. No termination."

# -- model -------------------------------------------------------------------------------------------------------------


def _half_cheetah() -> mujoco.MjSpec:
    spec = load_gymnasium("half_cheetah.xml")
    weigh(spec, _TOTAL_MASS)
    return spec


def _lengthen_legs(spec: mujoco.MjSpec, scale: float) -> None:
    for link, (child,) in _LEGS.items():
        spec.body(child).pos *= scale
        _scale_link(spec, link, scale)
    for foot in _FEET:
        _scale_link(spec, foot, scale)
    spec.body("torso").pos[2] += (scale - 1.0) * 0.6  # hips are 0.6 m above the ground


def _scale_link(spec: mujoco.MjSpec, link: str, scale: float) -> None:
    geom = spec.geom(link)
    geom.pos *= scale
    geom.size[1] *= scale


def _thicken(spec: mujoco.MjSpec, scale: float) -> None:
    """Scales the mass and the radius of every capsule. The compiler derives inertias from both."""
    for body in spec.bodies[1:]:
        for geom in body.geoms:
            before = _volume(geom)
            geom.size[0] *= scale
            geom.density *= scale * before / _volume(geom)


def _volume(capsule: mujoco.MjsGeom) -> float:
    ends = capsule.fromto  # NaN where the file gives a half-length
    radius, half = capsule.size[0], capsule.size[1] if np.isnan(ends[0]) else np.linalg.norm(ends[3:] - ends[:3]) / 2.0
    return math.pi * radius**2 * (2.0 * half + 4.0 / 3.0 * radius)


# -- what varies -------------------------------------------------------------------------------------------------------

_VELOCITY = Parameter(
    "velocity",
    "speed to run at",
    train=Uniform(0.0, 3.0),
    nominal=1.5,
    bounds=(-10.0, 10.0),
    ood=Uniform(3.0, 4.0),
    unit="m/s",
)
_MASS = Parameter(
    "mass",
    "multiplier of every link's mass and radius",
    train=Power(2.0, Uniform(-1.0, 1.0)),
    nominal=1.0,
    bounds=(0.1, 5.0),
    ood=Power(2.0, Union(((-1.5, -1.0), (1.0, 1.5)))),
    edits=(SpecEdit(_thicken),),
)
_DYNAMICS = (
    MASS,
    FRICTION,
    DAMPING,
    MOTOR_STRENGTH,
    Parameter(
        "leg_length",
        "multiplier of every leg link's length",
        train=Uniform(0.8, 1.2),
        nominal=1.0,
        bounds=(0.3, 2.0),
        ood=Union(((0.7, 0.8), (1.2, 1.3))),
        edits=(SpecEdit(_lengthen_legs),),
    ),
    *fault(_half_cheetah),
)

# -- measurements ------------------------------------------------------------------------------------------------------


def _effort(step: Transition) -> Tensor:
    return 0.05 * effort(step)


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward_direction(step: Transition) -> Tensor:
    return step.task["direction"] * speed(step, _DT) - _effort(step)


def _reward_velocity(step: Transition) -> Tensor:
    return -(speed(step, _DT) - step.task["velocity"]).abs() - _effort(step)


def _reward_goal_speed(step: Transition) -> Tensor:
    return -(speed(step, _DT) - _GOAL_SPEED).abs() - _effort(step)


def _reward_height(step: Transition) -> Tensor:
    return speed(step, _DT) - _effort(step) + step.after["qpos"][..., 1]


# -- families ----------------------------------------------------------------------------------------------------------


def _cheetah(
    name: str,
    summary: str,
    source: Source,
    parameters: tuple[Parameter, ...],
    reward: Callable[[Transition], Tensor],
    horizon: int,
    fit_only: tuple[Parameter, ...] = (),
) -> TaskFamily:
    return TaskFamily(
        name=name,
        summary=summary,
        source=source,
        space=ParameterSpace(parameters),
        world=MujocoWorld(_half_cheetah, frame_skip=_FRAME_SKIP, camera="track"),
        observations=observation_names(_half_cheetah, hidden=1),
        actions=action_names(_half_cheetah),
        horizon=horizon,
        dt=_DT,
        reset=noisy_start(_half_cheetah, 0.1, normal_velocity=True),
        observe=observe(hidden=1),
        reward=reward,
        fit_only=(*fit_only, *joint_limits(nominal_model(_half_cheetah)), hardness()),
    )


def direction() -> TaskFamily:
    """The family ``cheetah-direction``."""
    return _cheetah(
        "cheetah-direction",
        "A half-cheetah runs forward or backward; the direction is hidden, and only the reward depends on it.",
        Source(
            "HalfCheetah forward/backward of Finn et al. 2017 (MAML), horizon 100.",
            "Direction times speed minus 0.05 |a|^2, a clipped to [-1, 1]. No termination.",
        ),
        (DIRECTION,),
        _reward_direction,
        100,
        _DYNAMICS,
    )


def velocity() -> TaskFamily:
    """The family ``cheetah-velocity``."""
    return _cheetah(
        "cheetah-velocity",
        "A half-cheetah runs at a hidden goal speed; only the reward depends on it.",
        Source(
            "HalfCheetah velocity of ProMP, PEARL and VariBAD, with goals U(0, 3) m/s, horizon 200.",
            _SPEED_REWARD,
        ),
        (_VELOCITY,),
        _reward_velocity,
        200,
        _DYNAMICS,
    )


def dynamics() -> TaskFamily:
    """The family ``cheetah-dynamics``."""
    return _cheetah(
        "cheetah-dynamics",
        f"A half-cheetah runs at {_GOAL_SPEED:g} m/s; its body, floor and motors differ from the nominal ones.",
        Source("Our own.", _SPEED_REWARD),
        _DYNAMICS,
        _reward_goal_speed,
        200,
    )


def mass() -> TaskFamily:
    """The family ``cheetah-mass``."""
    return _cheetah(
        "cheetah-mass",
        "A half-cheetah runs forward as fast as it can, half to twice as heavy and thick as the nominal one.",
        Source(
            "HalfCheetah-Mass of Greenberg et al. 2023 (RoML), horizon 200. One multiplier 2^U(-1, 1) scales the "
            "masses and radii of all links.",
            "Speed minus 0.05 |a|^2 plus the torso's height above its initial 0.7 m, a clipped to [-1, 1]. No "
            "termination.",
            "Inertias change with mass and radius; in the original they stay nominal. 17 observations, without the "
            "torso's x, y and z.",
        ),
        (_MASS,),
        _reward_height,
        200,
        tuple(parameter for parameter in _DYNAMICS if parameter is not MASS),
    )

"""Walker: a planar robot on two legs, with links, joints, feet or motors that vary.

The model is ``walker2d_v5.xml`` of the installed Gymnasium package, with 4 substeps of 0.002 s by Euler's method. The
17 observations are Gymnasium's: positions without x, then velocities, clipped to 10 m/s or rad/s.
"""

from __future__ import annotations

import mujoco
from torch import Tensor

from robotmeta.envs.families.locomotion import (
    action_names,
    effort,
    fault,
    load_gymnasium,
    noisy_start,
    observation_names,
    observe,
    random_parameters,
    speed,
)
from robotmeta.envs.families.multipliers import DAMPING, FRICTION, MASS, MOTOR_STRENGTH
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import Parameter, ParameterSpace

_FRAME_SKIP = 4
_DT = 0.008  # seconds a control step
_LOWEST, _HIGHEST = 0.8, 2.0  # metres, height of the torso
_MOST_TILTED = 1.0  # radians, pitch of the torso
_WALKING_REWARD = (
    "Speed plus 1 minus 0.001 |a|^2, a clipped to [-1, 1]. As in Walker2d-v5, an episode ends where the torso is not "
    "between 0.8 and 2 m high or tilts by 1 rad."
)

# -- model -------------------------------------------------------------------------------------------------------------


def _walker() -> mujoco.MjSpec:
    return load_gymnasium("walker2d_v5.xml")


# -- what varies -------------------------------------------------------------------------------------------------------

_DYNAMICS = random_parameters(_walker)
_FAULTS = (MASS, FRICTION, DAMPING, MOTOR_STRENGTH, *fault(_walker))

# -- measurements ------------------------------------------------------------------------------------------------------


def _fallen(state: State, task: Columns) -> Tensor:
    z, pitch = state["qpos"][..., 1], state["qpos"][..., 2]
    return ~((z > _LOWEST) & (z < _HIGHEST) & (pitch.abs() < _MOST_TILTED))


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    return speed(step, _DT) + 1.0 - 1e-3 * effort(step)


# -- families ----------------------------------------------------------------------------------------------------------


def _walking(name: str, summary: str, source: Source, parameters: tuple[Parameter, ...]) -> TaskFamily:
    return TaskFamily(
        name=name,
        summary=summary,
        source=source,
        space=ParameterSpace(parameters),
        world=MujocoWorld(_walker, frame_skip=_FRAME_SKIP, camera="track"),
        observations=observation_names(_walker, hidden=1),
        actions=action_names(_walker),
        horizon=200,
        dt=_DT,
        reset=noisy_start(_walker, 0.005),
        observe=observe(hidden=1, fastest=10.0),
        reward=_reward,
        terminated=_fallen,
    )


def dynamics() -> TaskFamily:
    """The family ``walker-dynamics``."""
    return _walking(
        "walker-dynamics",
        "A two-legged robot walks forward; its links, joints and feet differ from the nominal ones.",
        Source(
            "Walker2d with random parameters (rand_param_envs, as in ProMP and PEARL), horizon 200, frame skip 4 as in "
            "VariBAD.",
            _WALKING_REWARD,
            "Euler instead of RK4. A link's inertia is scaled with its mass and not sampled separately. Only the "
            "friction of the feet and of the floor varies. The nominal friction of both feet is 1.9.",
        ),
        _DYNAMICS,
    )


def faults() -> TaskFamily:
    """The family ``walker-faults``."""
    return _walking(
        "walker-faults",
        "A two-legged robot walks forward with a motor that is weak, limp or reversed.",
        Source("Our own: walker-dynamics with the parameters of cheetah-dynamics except leg length.", _WALKING_REWARD),
        _FAULTS,
    )

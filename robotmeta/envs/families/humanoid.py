"""Humanoid: a robot with 17 motors that walks in a hidden direction.

The model is ``humanoid.xml`` of the installed Gymnasium package, with 5 substeps of 0.003 s by Euler's method. The
observations are the first 45 of Gymnasium's 348: positions without x and y, then velocities.
"""

from __future__ import annotations

import math

import mujoco
from torch import Tensor

from robotmeta.envs.distributions import Uniform
from robotmeta.envs.families.locomotion import (
    action_names,
    effort,
    load_gymnasium,
    noisy_start,
    observation_names,
    observe,
)
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import Parameter, ParameterSpace

_FRAME_SKIP = 5
_DT = 0.015  # seconds a control step
_CONTROL_RANGE = 0.4  # the model file's control at a motor's full torque
_LOWEST, _HIGHEST = 1.0, 2.0  # metres, height of the torso

# -- model -------------------------------------------------------------------------------------------------------------


def _humanoid() -> mujoco.MjSpec:
    spec = load_gymnasium("humanoid.xml")
    spec.option.solver = mujoco.mjtSolver.mjSOL_NEWTON
    for motor in spec.actuators:  # the same torques, for controls in [-1, 1]
        motor.gear *= _CONTROL_RANGE
        motor.ctrlrange = (-1.0, 1.0)
    return spec


# -- what varies -------------------------------------------------------------------------------------------------------

_DIRECTION = Parameter(
    "direction",
    "direction to walk, counter-clockwise from forward",
    train=Uniform(-math.pi, math.pi),
    nominal=0.0,
    bounds=(-2.0 * math.pi, 2.0 * math.pi),
    unit="rad",
)

# -- measurements ------------------------------------------------------------------------------------------------------


def _speed(step: Transition) -> Tensor:
    """Speed of the centre of mass in the task's direction, m/s ``[task, episode]``."""
    moved = step.after["subtree_com"][..., 0, :2] - step.before["subtree_com"][..., 0, :2]
    angle = step.task["direction"]
    return (moved[..., 0] * angle.cos() + moved[..., 1] * angle.sin()) / _DT


def _fallen(state: State, task: Columns) -> Tensor:
    z = state["qpos"][..., 2]
    return ~((z >= _LOWEST) & (z <= _HIGHEST))


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    return 1.25 * _speed(step) + 5.0 - 0.1 * _CONTROL_RANGE**2 * effort(step)


# -- families ----------------------------------------------------------------------------------------------------------


def direction() -> TaskFamily:
    """The family ``humanoid-direction``."""
    return TaskFamily(
        name="humanoid-direction",
        summary="A humanoid walks in a hidden direction; only the reward depends on it.",
        source=Source(
            "Humanoid direction 2D of ProMP and PEARL (angle U(0, 2 pi)), horizon 200, frame skip 5.",
            "1.25 times the speed of the centre of mass in the direction plus 5 minus 0.016 |a|^2, a clipped to "
            "[-1, 1] (0.1 times the square of controls in [-0.4, 0.4]). An episode ends where the torso is not 1 to 2 "
            "m high.",
            "Euler instead of RK4, and Newton's solver instead of PGS. No impact cost. 45 observations, without "
            "inertias, link velocities and forces.",
        ),
        space=ParameterSpace((_DIRECTION,)),
        world=MujocoWorld(_humanoid, frame_skip=_FRAME_SKIP, fields=("subtree_com",), camera="track"),
        observations=observation_names(_humanoid, hidden=2),
        actions=action_names(_humanoid),
        horizon=200,
        dt=_DT,
        reset=noisy_start(_humanoid, 0.01),
        observe=observe(hidden=2),
        reward=_reward,
        terminated=_fallen,
    )

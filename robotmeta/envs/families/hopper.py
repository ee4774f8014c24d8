"""Hopper: a planar robot on one leg, whose links, joints and foot are not the nominal ones.

The model is Gymnasium's ``hopper.xml`` (loaded from the installed package), 4 substeps of 0.002 s by Euler's method,
and its 11-number observation: positions without x, then velocities within 10 m/s or rad/s.
"""

from __future__ import annotations

import mujoco
from torch import Tensor

from robotmeta.envs.families.locomotion import (
    action_names,
    effort,
    load_gymnasium,
    noisy_start,
    observation_names,
    observe,
    random_parameters,
    speed,
)
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import ParameterSpace

_FRAME_SKIP = 4
_DT = 0.008  # seconds a control step
_LOWEST = 0.7  # metres, of the torso
_MOST_TILTED = 0.2  # radians, of the torso
_BROKEN = 100.0  # a position or velocity so large is no hopping any more

# -- model -----------------------------------------------------------------------------------------------------------


def _hopper() -> mujoco.MjSpec:
    return load_gymnasium("hopper.xml")


# -- physics measurements --------------------------------------------------------------------------------------------


def _fallen(state: State, task: Columns) -> Tensor:
    qpos, qvel = state["qpos"], state["qvel"]
    upright = (qpos[..., 1] > _LOWEST) & (qpos[..., 2].abs() < _MOST_TILTED)
    whole = (qpos[..., 2:].abs() < _BROKEN).all(dim=-1) & (qvel.abs() < _BROKEN).all(dim=-1)
    return ~(upright & whole)


# -- rewards ---------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    return speed(step, _DT) + 1.0 - 1e-3 * effort(step)


def dynamics() -> TaskFamily:
    """The family ``hopper-dynamics``."""
    return TaskFamily(
        name="hopper-dynamics",
        summary="A one-legged robot hops forward on links, joints and a foot that are not the nominal ones.",
        source=Source(
            "Hopper with random parameters (rand_param_envs, as in ProMP and PEARL), horizon 200, frame skip 4.",
            "Speed plus 1 minus 0.001 |a|^2, a clipped to [-1, 1]. As in Hopper-v5, an episode ends where the torso is "
            "not above 0.7 m, tilts by 0.2 rad, or any angle or velocity reaches 100.",
            "Euler instead of RK4. A link's inertia is scaled with its mass and not sampled separately. Only the "
            "friction of the foot and of the floor varies.",
        ),
        space=ParameterSpace(random_parameters(_hopper)),
        world=MujocoWorld(_hopper, frame_skip=_FRAME_SKIP, camera="track"),
        observations=observation_names(_hopper, hidden=1),
        actions=action_names(_hopper),
        horizon=200,
        dt=_DT,
        reset=noisy_start(_hopper, 0.005),
        observe=observe(hidden=1, fastest=10.0),
        reward=_reward,
        terminated=_fallen,
    )

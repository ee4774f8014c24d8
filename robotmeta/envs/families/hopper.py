"""Hopper: a planar robot on one leg, with links, joints and a foot that vary.

The model is ``hopper.xml`` of the installed Gymnasium package, with 4 substeps of 0.002 s by Euler's method. The 11
observations are Gymnasium's: positions without x, then velocities, clipped to 10 m/s or rad/s.
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
_LOWEST = 0.7  # metres, height of the torso
_MOST_TILTED = 0.2  # radians, pitch of the torso
_BROKEN = 100.0  # m, rad, m/s or rad/s; a state with a larger entry is not hopping

# -- model -------------------------------------------------------------------------------------------------------------


def _hopper() -> mujoco.MjSpec:
    return load_gymnasium("hopper.xml")


# -- what varies -------------------------------------------------------------------------------------------------------

_PARAMETERS = random_parameters(_hopper)

# -- measurements ------------------------------------------------------------------------------------------------------


def _fallen(state: State, task: Columns) -> Tensor:
    qpos, qvel = state["qpos"], state["qvel"]
    upright = (qpos[..., 1] > _LOWEST) & (qpos[..., 2].abs() < _MOST_TILTED)
    whole = (qpos[..., 2:].abs() < _BROKEN).all(dim=-1) & (qvel.abs() < _BROKEN).all(dim=-1)
    return ~(upright & whole)


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    return speed(step, _DT) + 1.0 - 1e-3 * effort(step)


# -- families ----------------------------------------------------------------------------------------------------------


def dynamics() -> TaskFamily:
    """The family ``hopper-dynamics``."""
    return TaskFamily(
        name="hopper-dynamics",
        summary="A one-legged robot hops forward; its links, joints and foot differ from the nominal ones.",
        source=Source(
            "Hopper with random parameters (rand_param_envs, as in ProMP and PEARL), horizon 200, frame skip 4.",
            "Speed plus 1 minus 0.001 |a|^2, a clipped to [-1, 1]. As in Hopper-v5, an episode ends where the torso is "
            "not above 0.7 m, tilts by 0.2 rad, or any angle or velocity reaches 100.",
            "Euler instead of RK4. A link's inertia is scaled with its mass and not sampled separately. Only the "
            "friction of the foot and of the floor varies.",
        ),
        space=ParameterSpace(_PARAMETERS),
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

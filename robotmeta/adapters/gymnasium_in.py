"""An environment of Gymnasium or dm_env as a BatchEnv with one task and one episode."""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable
from typing import Any

import dm_env
import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.spaces.utils import flatdim, flatten
from torch import Tensor

from robotmeta.adapters.dm_env import PREFIX, DmEnv, load_suite
from robotmeta.adapters.gymnasium_robotics import prepare
from robotmeta.envs import Step, checks
from robotmeta.envs.imports import imported
from robotmeta.envs.models import quiet_mujoco
from robotmeta.errors import SimulationDiverged, UserError, reason, unknown

AnyEnv = gymnasium.Env[Any, Any] | dm_env.Environment


def wrap(env: AnyEnv | str | Callable[[], AnyEnv], *, horizon: int | None = None) -> GymnasiumWorld:
    """Wraps an environment of another package, so that policies can act and adapt in it.

    Args:
        env: An environment of Gymnasium or dm_env, a function without arguments that returns one, or a string: a
            Gymnasium id (``"HalfCheetah-v5"``, ``"FetchPush-v4"`` of gymnasium-robotics), ``"module:factory"``
            (``"my_robot:make_env"``, or a file, ``"my_robot.py:make_env"``), ``"module:id"`` for an id that the module
            registers, or ``"dm_control:cheetah-run"``.
        horizon: Control steps per episode; None for the environment's own time limit.

    Raises:
        UserError: For a string that leads to no environment, actions that are not bounded real numbers, observations
            without a fixed size, or an environment without a time limit if there is no horizon.
    """
    if isinstance(env, str):
        env = _from_name(env)
    elif not isinstance(env, gymnasium.Env | dm_env.Environment) and callable(env):
        env = env()
    if isinstance(env, dm_env.Environment):
        env = DmEnv(env)
    if not isinstance(env, gymnasium.Env):
        raise UserError(f"a {type(env).__name__} is not an environment of Gymnasium or dm_env")
    return GymnasiumWorld(env, _horizon(env, horizon))


class GymnasiumWorld:
    """One Gymnasium environment as a :class:`robotmeta.envs.BatchEnv`. Its tensors are on the CPU.

    Observations are flattened (``gymnasium.spaces.utils.flatten``). Actions in [-1, 1] are scaled to the environment's
    bounds. A truncation before the horizon counts as a termination. A world has diverged if an observation or reward is
    not finite, or if ``info["diverged"]`` is true.

    Args:
        env: The environment.
        horizon: Control steps per episode.

    Raises:
        UserError: For actions that are not bounded real numbers, or observations without a fixed size.
    """

    num_tasks: int = 1
    num_episodes: int = 1

    def __init__(self, env: gymnasium.Env[Any, Any], horizon: int) -> None:
        self.env = env
        self.horizon = horizon
        self._actions = _bounded_box(env.action_space)
        self.action_size = int(np.prod(self._actions.shape))
        if not env.observation_space.is_np_flattenable:
            raise UserError(
                f"policies need observations of a fixed size, the environment's are {env.observation_space}"
            )
        self.observation_size = flatdim(env.observation_space)
        self._time = 0
        self._seen = torch.zeros(1, 1, self.observation_size)
        self._success: bool | None = None

    def reset(self, generator: torch.Generator) -> Tensor:
        """Starts an episode with a seed from the generator, and returns observations, ``[1, 1, observation]``.

        Raises:
            SimulationDiverged: If the first observation is not finite.
        """
        seed = int(torch.randint(2**31, (), generator=generator))
        observation, _ = self.env.reset(seed=seed)
        self._time = 0
        self._success = None if self._success is None else False
        self._seen = self._flat(observation)
        if not bool(self._seen.isfinite().all()):
            raise SimulationDiverged("the environment starts with observations that are not finite")
        return self._seen

    def step(self, action: Tensor, active: Tensor | None = None) -> Step:
        """Advances one control step.

        Args:
            action: ``[1, 1, action]``; clipped to [-1, 1].
            active: Not used; the only world is active.
        """
        observation, reward, terminated, truncated, info = self.env.step(self._stretched(action))
        self._time += 1
        seen, reward = self._flat(observation), float(reward)
        whole = bool(seen.isfinite().all()) and math.isfinite(reward) and not info.get("diverged", False)
        self._seen = seen if whole else self._seen
        self._note_success(info)
        # Every episode is truncated at the horizon, so a truncation there is not a termination.
        ended = bool(terminated) or (bool(truncated) and self._time < self.horizon)
        return Step(
            self._seen,
            torch.full((1, 1), reward if whole else 0.0),
            torch.ones(1, 1, dtype=torch.bool) if whole and ended else None,
            None if whole else torch.ones(1, 1, dtype=torch.bool),
        )

    def distance(self) -> None:
        """Returns None; Gymnasium does not define a distance from the goal."""

    def success(self) -> Tensor | None:
        """The last ``info["is_success"]`` or ``info["success"]``, bool ``[1, 1]``; None if there was none."""
        return None if self._success is None else torch.full((1, 1), self._success)

    def privileged_state(self) -> Tensor:
        """Returns an empty tensor, ``[1, 1, 0]``; a foreign environment does not tell its privileged state."""
        return torch.zeros(1, 1, 0)

    def close(self) -> None:
        """Closes the environment."""
        self.env.close()

    def _flat(self, observation: Any) -> Tensor:
        flat = flatten(self.env.observation_space, observation)
        return torch.tensor(np.asarray(flat), dtype=torch.float32).view(1, 1, -1)

    def _stretched(self, action: Tensor) -> np.ndarray:
        box = self._actions
        low, high = box.low.astype(np.float64), box.high.astype(np.float64)
        unit = action.detach().clamp(-1.0, 1.0).double().numpy().reshape(box.shape)
        # Computed from the middle, so that bounds of [-1, 1] leave the action unchanged to the last digit.
        return np.clip((high + low) / 2 + (high - low) / 2 * unit, low, high).astype(box.dtype)

    def _note_success(self, info: dict[str, Any]) -> None:
        for key in ("is_success", "success"):
            if key in info and np.ndim(info[key]) == 0:
                self._success = bool(info[key])
                return


# -- checks ------------------------------------------------------------------------------------------------------------


def _horizon(env: gymnasium.Env[Any, Any], horizon: int | None) -> int:
    if horizon is None:
        horizon = env.spec.max_episode_steps if env.spec is not None else None
    if horizon is None:
        raise UserError("the environment has no time limit of its own: give a horizon, the control steps per episode")
    return checks.count("horizon", horizon)


def _bounded_box(space: spaces.Space[Any]) -> spaces.Box:
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating) and space.is_bounded():
        return space
    raise UserError(f"policies act with bounded real numbers, the environment's actions are {space}")


# -- names -------------------------------------------------------------------------------------------------------------


def _from_name(name: str) -> Any:
    if name.startswith(PREFIX):
        return load_suite(name.removeprefix(PREFIX))
    module, colon, attribute = name.rpartition(":")
    if not colon:
        return _from_id(name)
    loaded = imported(module, name)
    if attribute in gymnasium.registry:
        return _from_id(attribute)
    try:
        found = operator.attrgetter(attribute)(loaded)
    except AttributeError:
        public = [n for n, value in vars(loaded).items() if callable(value) and not n.startswith("_")]
        raise unknown(
            "factory or id", attribute, [*_similar_ids(attribute), *public], where=f"module '{module}'"
        ) from None
    return _started(name, found) if callable(found) else found


def _from_id(name: str) -> Any:
    prepare(name)
    try:
        with quiet_mujoco():  # some models use deprecated attributes
            return gymnasium.make(name)
    except gymnasium.error.Error as error:
        if name in gymnasium.registry:
            raise _not_started(name, error) from error
    except Exception as error:
        raise _not_started(name, error) from error
    near = _similar_ids(name)
    if near:
        raise unknown("Gymnasium environment", name, near)
    raise UserError(
        f"no Gymnasium environment '{name}', nor one with a similar name; other ways to name one: "
        f"'module:factory', 'module:id', '{PREFIX}domain-task'"
    )


def _similar_ids(name: str) -> list[str]:
    # There may be a thousand ids. The error lists similar ones only.
    return difflib.get_close_matches(name, gymnasium.registry, n=6, cutoff=0.5)


def _started(name: str, factory: Callable[[], Any]) -> Any:
    try:
        return factory()
    except Exception as error:
        raise _not_started(name, error) from error


def _not_started(name: str, error: Exception) -> UserError:
    return UserError(f"environment '{name}' does not start: {reason(error)}")

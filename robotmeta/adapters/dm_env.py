"""A dm_env environment, such as one of the DeepMind Control Suite, as a Gymnasium environment."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dm_env
import gymnasium
import numpy as np
from dm_env import specs
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from robotmeta.adapters.guard import Misfit
from robotmeta.adapters.names import Names, entries
from robotmeta.adapters.spaces import numbers
from robotmeta.envs.models import quiet_mujoco
from robotmeta.envs.rendering import close_at_exit
from robotmeta.errors import UserError, reason, unknown

PREFIX = "dm_control:"


def load_suite(name: str) -> dm_env.Environment:
    """Builds a task of the Control Suite from ``"domain-task"``, such as ``"cheetah-run"``.

    Raises:
        UserError: For an unknown task, or if dm_control does not import.
    """
    try:
        from dm_control import suite  # takes a second to import
    except ImportError as error:  # also raised if the GL library that MUJOCO_GL names is missing
        raise UserError(f"'{PREFIX}{name}' needs dm_control, which does not import: {reason(error)}") from error

    known = ["-".join(pair) for pair in suite.ALL_TASKS]
    if name not in known:
        raise unknown("dm_control task", name, known)
    domain, _, task = name.partition("-")
    with quiet_mujoco():  # some of its models use a deprecated attribute
        return suite.load(domain, task)


class DmEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """Any ``dm_env.Environment`` with a bounded array as its action.

    Observations are flattened in the environment's order, float64 ``[observation]``. An episode that ends with discount
    0 is terminated. Any other end is a truncation. A seed has an effect only if the environment's random state is
    accessible, as in dm_control.

    Args:
        env: The environment.

    Attributes:
        entry_names: Names of the flattened observations, from the keys of the specification.
        dt: Duration of a control step, s; None unless the environment has dm_control's ``control_timestep()``.

    Raises:
        UserError: For actions that are not one bounded array of real numbers.
    """

    def __init__(self, env: dm_env.Environment) -> None:
        self.env = env
        close_at_exit()  # again, because dm_control may have been imported after the first picture
        self.action_space = _action_box(env.action_spec())
        # dm_env has no time limit; that of dm_control is in control steps.
        limit = getattr(env, "_step_limit", math.inf)
        self.spec = EnvSpec(
            f"dm_env/{type(env).__name__}", max_episode_steps=math.ceil(limit) if math.isfinite(limit) else None
        )
        leaves = list(_leaves(env.observation_spec()))
        self._sizes = {path: int(np.prod(spec.shape)) for path, spec in leaves}
        names = [entries(_key(path), self._sizes[path], scalar=not spec.shape) for path, spec in leaves]
        self.entry_names = Names(tuple(name for listed in names for name in listed), ordered=True)
        self.observation_space = spaces.Box(-np.inf, np.inf, (len(self.entry_names.entries),), np.float64)
        timestep: Callable[[], float] | None = getattr(env, "control_timestep", None)
        self.dt = None if timestep is None else float(timestep())

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts an episode. See :class:`DmEnv` for the effect of the seed."""
        super().reset(seed=seed)
        state = _random_state(self.env)
        if state is not None:
            state.seed(int(self.np_random.integers(2**32)))
        return self._flat(self.env.reset().observation), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Advances one control step. If dm_control reports broken physics, ``info["diverged"]`` is true."""
        try:
            step = self.env.step(action)
        except _broken_physics():
            assert self.observation_space.shape is not None
            return np.zeros(self.observation_space.shape), 0.0, False, True, {"diverged": True}
        terminated = step.last() and step.discount == 0
        return self._flat(step.observation), step.reward, terminated, step.last() and not terminated, {}

    def close(self) -> None:
        self.env.close()

    def _flat(self, observation: Any) -> np.ndarray:
        return np.concatenate([_value(observation, path, size) for path, size in self._sizes.items()])


def _action_box(spec: Any) -> spaces.Box:
    if not isinstance(spec, specs.BoundedArray) or not np.issubdtype(spec.dtype, np.floating):
        raise UserError(f"policies act with bounded real numbers, the environment's actions are {spec}")
    low, high = (np.broadcast_to(bound, spec.shape).astype(np.float64) for bound in (spec.minimum, spec.maximum))
    return spaces.Box(low, high, dtype=np.float64)


def _leaves(nested: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The arrays of a nested specification, each with the keys that lead to it."""
    if isinstance(nested, Mapping | list | tuple):
        for key, item in nested.items() if isinstance(nested, Mapping) else enumerate(nested):
            yield from _leaves(item, (*path, key))
    else:
        yield path, nested


def _key(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path)) or "observation"


def _value(observation: Any, path: tuple[Any, ...], size: int) -> np.ndarray:
    """The array of a size that these keys lead to; the order of the observation's own keys does not count."""
    for key in path:
        try:
            observation = observation[key]
        except (LookupError, TypeError) as error:
            raise Misfit(f"an observation without '{_key(path)}', which its specification has") from error
    plain = numbers(observation, size, f" '{_key(path)}'" if path else "", "its specification")
    return plain.astype(np.float64).ravel()


def _random_state(env: dm_env.Environment) -> np.random.RandomState | None:
    """Returns the random state of initial states: the task's in the suite, the environment's in composer."""
    candidates = (getattr(getattr(env, "task", None), "random", None), getattr(env, "random_state", None))
    return next((state for state in candidates if isinstance(state, np.random.RandomState)), None)


def _broken_physics() -> tuple[type[Exception], ...]:
    control = sys.modules.get("dm_control.rl.control")  # only an environment that imported it can raise it
    return () if control is None else (control.PhysicsError,)

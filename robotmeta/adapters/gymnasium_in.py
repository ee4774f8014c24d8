"""Environments of Gymnasium and dm_env as worlds that policies act and adapt in."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dm_env
import gymnasium

from robotmeta.adapters.by_name import from_name, made
from robotmeta.adapters.dm_env import DmEnv
from robotmeta.adapters.limits import Limits, Stop
from robotmeta.adapters.timing import horizon_of
from robotmeta.adapters.world import GymnasiumWorld
from robotmeta.errors import UserError

AnyEnv = gymnasium.Env[Any, Any] | dm_env.Environment


def wrap(
    env: AnyEnv | str | Callable[[], AnyEnv],
    *,
    horizon: int | None = None,
    names: Mapping[str, str | Sequence[str]] | None = None,
    max_steps: int | None = None,
    timeout: float | None = None,
    action_limit: float | None = None,
    action_rate: float | None = None,
    stop: Stop | None = None,
) -> GymnasiumWorld:
    """Wraps an environment of another package, so that policies can act and adapt in it.

    An environment names its observations with the keys of a ``Dict`` space, or with ``observation_names`` and
    ``action_names`` as attributes or in its ``metadata``. Then they are matched by name to the policy's, in any order.
    The numbers of a vector ``key`` in a ``Dict`` are called ``key[0]``, ``key[1]`` and so on, which is the same as
    ``key_0``, ``key_1``. Without names, only their numbers are compared.

    The world closes the environment where :func:`wrap` made it, from a string or a function: at the end of ``with
    rm.wrap(...) as world:``, or when the world is no longer used. An environment object stays open unless ``with`` or
    ``world.close()`` closes it.

    Args:
        env: An environment of Gymnasium or dm_env, a function without arguments that returns one, or a string: a
            Gymnasium id (``"HalfCheetah-v5"``, ``"FetchPush-v4"`` of gymnasium-robotics), ``"module:factory"``
            (``"my_robot:make_env"``, or a file, ``"my_robot.py:make_env"``), ``"module:id"`` for an id that the module
            registers, or ``"dm_control:cheetah-run"``.
        horizon: Control steps per episode; None for the environment's own time limit.
        names: The policy's names by those of the environment where they differ, ``{theirs: ours}``. A vector takes a
            list of names, or ``"a,b,c"``. ``"observation:NAME"`` and ``"action:NAME"`` mean one of the two.
        max_steps: Control steps in all, over all episodes; None for no limit.
        timeout: Seconds a step or a reset may take; None for no limit.
        action_limit: Largest absolute value of an action, in the policy's range of [-1, 1].
        action_rate: Largest change of an action from one control step to the next, in the same range. Each episode
            starts from 0, the middle of the environment's bounds.
        stop: ``stop(observation, reward, info)`` is called after each step, with what the environment returned. If it
            returns True, no further step is made, and an adaptation ends.

    Raises:
        UserError: For a string that leads to no environment, actions that are not bounded real numbers, observations
            without a fixed size, names that do not fit, a limit that is not positive, or an environment without a time
            limit if there is no horizon.
        EnvironmentFailed: If making the environment raises an error.
    """
    limits = Limits(max_steps, timeout, action_limit, action_rate, stop)
    owned = not isinstance(env, gymnasium.Env | dm_env.Environment)
    opened: Any = env
    if isinstance(env, str):
        opened = from_name(env)
    elif owned and not _is_vector(env) and callable(env):
        opened = made(env, getattr(env, "__name__", repr(env)))
    with contextlib.ExitStack() as closing:
        if owned and callable(getattr(opened, "close", None)):
            closing.callback(_close_after_error, opened)
        world = _world(opened, horizon, names, limits, owned=owned)
        closing.pop_all()
    return world


def _world(
    env: Any, horizon: int | None, names: Mapping[str, str | Sequence[str]] | None, limits: Limits, *, owned: bool
) -> GymnasiumWorld:
    if isinstance(env, dm_env.Environment):
        env = made(functools.partial(DmEnv, env), type(env).__name__)
    if _is_vector(env):
        raise UserError("a vector environment runs several at once: give one environment")
    if not isinstance(env, gymnasium.Env):
        raise UserError(f"a {type(env).__name__} is not an environment of Gymnasium or dm_env")
    return GymnasiumWorld(env, horizon_of(env, horizon), names=names, limits=limits, owned=owned)


def _is_vector(env: object) -> bool:
    return isinstance(env, gymnasium.vector.VectorEnv)


def _close_after_error(env: Any) -> None:
    with contextlib.suppress(Exception):  # the first error says more
        env.close()

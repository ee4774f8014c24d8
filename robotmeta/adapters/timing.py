"""How long an episode and a control step of an environment are, where it says so."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from robotmeta.envs import checks
from robotmeta.errors import UserError

_LIMITS = ("_max_episode_steps", "max_episode_steps")


class ControlStep(NamedTuple):
    """The duration of a control step."""

    seconds: float
    source: str
    """Where the environment says so."""
    tolerance: float
    """By what share another duration may differ and still be the same."""


def layers(env: gymnasium.Env[Any, Any]) -> Iterator[gymnasium.Env[Any, Any]]:
    """The environment's wrappers from the outermost, then the environment itself."""
    yield env
    while isinstance(env, gymnasium.Wrapper):
        env = env.env
        yield env


def horizon_of(env: gymnasium.Env[Any, Any], horizon: int | None) -> int:
    """Control steps per episode: the given number, or the environment's own time limit.

    Raises:
        UserError: If there is neither.
    """
    if horizon is None:
        horizon = _time_limit(env)
    if horizon is None:
        raise UserError(
            "the environment has no time limit of its own: give a horizon, the control steps per episode (--horizon)"
        )
    return checks.count("horizon", horizon)


def _time_limit(env: gymnasium.Env[Any, Any]) -> int | None:
    """The smallest limit of a wrapper or of the environment; that of its registration if none has one."""
    found = [_positive(attribute(layer, name)) for layer in layers(env) for name in _LIMITS]
    limits = [math.ceil(limit) for limit in found if limit is not None]
    registered = attribute(attribute(env, "spec"), "max_episode_steps")
    return min(limits, default=registered)


def control_step(env: gymnasium.Env[Any, Any]) -> ControlStep | None:
    """The duration of a control step; None if the environment does not tell.

    It is read from an attribute ``dt``, from a MuJoCo model and ``frame_skip``, from a metadata entry ``dt``, or from
    the metadata's ``render_fps``, in this order. A wrapper's attribute goes before that of what it wraps.
    """
    for layer in layers(env):
        found = _own_step(layer)
        if found is not None:
            return found
    metadata = env.metadata if isinstance(env.metadata, dict) else {}
    seconds, fps = _positive(metadata.get("dt")), _positive(metadata.get("render_fps"))
    if seconds is not None:
        return ControlStep(seconds, "metadata['dt']", 0.01)
    if fps is not None:  # a whole number, though the true rate need not be one
        return ControlStep(1.0 / fps, "metadata['render_fps']", max(0.01, 0.5 / fps + 1e-6))
    return None


def unreadable_step(env: gymnasium.Env[Any, Any]) -> str | None:
    """What is wrong with the ``dt`` of an environment, in one line; None if it is a duration, or missing."""
    metadata = env.metadata if isinstance(env.metadata, dict) else {}
    said = [value for layer in layers(env) if not callable(value := attribute(layer, "dt"))]
    given = next((value for value in (*said, metadata.get("dt")) if value is not None), None)
    if given is None or _positive(given) is not None:
        return None
    return f"the environment's dt is {given!r:.40}, not a number of seconds: it is not used"


def _own_step(layer: Any) -> ControlStep | None:
    seconds = _positive(attribute(layer, "dt"))
    if seconds is not None:
        return ControlStep(seconds, "dt", 0.01)
    substep = _positive(attribute(attribute(attribute(layer, "model"), "opt"), "timestep"))
    frames = _positive(attribute(layer, "frame_skip"))
    if substep is not None and frames is not None:
        return ControlStep(substep * frames, "model.opt.timestep * frame_skip", 0.01)
    return None


def attribute(layer: Any, name: str) -> Any:
    """An attribute of an environment; None if there is none, or if it is a property that cannot be read yet."""
    try:
        return getattr(layer, name, None)
    except Exception:  # the property is the environment's own code
        return None


def _positive(value: Any) -> float | None:
    """A finite number above 0, alone or in an array; None for anything else, such as a method of that name."""
    try:
        array = np.asarray(value)
        number = checks.positive("value", array.item() if array.size == 1 else value)
    except (UserError, ValueError, TypeError, RuntimeError):  # of ragged lists, or tensors that are not on the CPU
        return None
    return float(number)

"""What the ``reset`` and ``step`` of a Gymnasium environment return, checked."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from robotmeta.adapters.guard import Misfit
from robotmeta.adapters.spaces import ObservationVector


class Outcome(NamedTuple):
    """The result of one step."""

    observation: np.ndarray
    """float32 ``[observation]``; zeros if the simulation diverged."""
    reward: float
    """Zero if the simulation diverged."""
    terminated: bool
    truncated: bool
    diverged: bool
    """Whether ``info["diverged"]`` is true."""
    success: bool | None
    """``info["is_success"]``, or else ``info["success"]``, if there is one."""
    info: dict[str, Any]


def read_reset(returned: Any, observations: ObservationVector) -> np.ndarray:
    """The first observation of an episode, float32 ``[observation]``.

    Raises:
        Misfit: If the environment returned anything but a finite observation of its space, and an info.
    """
    if not (isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], dict | None)):
        raise Misfit(f"it returned {_what(returned)} in place of (observation, info)")
    return observations.read(returned[0])


def read_step(returned: Any, observations: ObservationVector) -> Outcome:
    """The result of one step.

    Raises:
        Misfit: If the environment returned anything but a finite observation of its space, a finite number, two
            truth values, and an info whose success and divergence are truth values, too.
    """
    if not (isinstance(returned, tuple) and len(returned) == 5):
        old = ", the interface of old versions of Gym," if isinstance(returned, tuple) and len(returned) == 4 else ""
        raise Misfit(
            f"it returned {_what(returned)}{old} in place of (observation, reward, terminated, truncated, info)"
        )
    observation, reward, terminated, truncated, info = returned
    info = {} if info is None else info
    if not isinstance(info, dict):
        raise Misfit(f"its info is {_what(info)}, not a dict")
    ends = truth("terminated", terminated), truth("truncated", truncated)
    success = _said(info, "is_success", "success")
    if _said(info, "diverged"):
        return Outcome(np.zeros(observations.size, np.float32), 0.0, *ends, True, success, info)
    return Outcome(observations.read(observation), _number(reward), *ends, False, success, info)


def _number(reward: Any) -> float:
    plain = np.asarray(reward)
    if plain.dtype.kind not in "biuf" or plain.ndim:
        raise Misfit(f"its reward is {_what(reward)}, not a number")
    number = float(plain)
    if not math.isfinite(number) or abs(number) > float(np.finfo(np.float32).max):
        raise Misfit(f"its reward is {number}, not a finite number")
    return number


def truth(name: str, value: Any) -> bool:
    """A truth value of an environment: also a whole number, 0.0 or 1.0, or an array of one element.

    Raises:
        Misfit: For anything else, such as the text "False" or nan. It names the value.
    """
    plain = np.asarray(value)
    known = plain.size == 1 and (plain.dtype.kind in "biu" or (plain.dtype.kind == "f" and plain.item() in (0.0, 1.0)))
    if not known:
        raise Misfit(f"its {name} is {_what(value)}, not True or False")
    return bool(plain.item())


def _said(info: dict[str, Any], *keys: str) -> bool | None:
    """The truth value under the first of some keys that there is; None without one."""
    key = next((key for key in keys if info.get(key) is not None), None)
    return None if key is None else truth(key, info[key])


def _what(value: Any) -> str:
    """A value in a few words."""
    if value is None:
        return "None"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    shape = getattr(value, "shape", None)
    if shape:
        return f"an array of shape {tuple(shape)}"
    text = repr(value)
    return text if len(text) < 40 and "\n" not in text else f"a {type(value).__name__}"

"""Checks of single arguments. Each error names the argument and says what it must be."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import numpy as np

from robotmeta.errors import UserError

_LARGEST = 2**31 - 1  # that MuJoCo counts to


def number(what: str, value: object, *, finite: bool = True) -> float:
    """Returns a real number, NumPy scalars as Python numbers.

    Args:
        what: The argument, as errors call it.
        value: Its value.
        finite: Whether infinity is refused too.

    Raises:
        UserError: For anything else, such as a string, a bool, None or NaN.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    kind = "a finite number" if finite else "a number"
    if isinstance(plain, int) and abs(plain) > sys.float_info.max:
        raise UserError(f"{what} must be {kind}, not one of {plain.bit_length()} bits")
    if isinstance(plain, bool) or not isinstance(plain, int | float) or math.isnan(plain):
        raise UserError(f"{what} must be {kind}, not {plain!r}")
    if finite and math.isinf(plain):
        raise UserError(f"{what} must be {kind}, not {plain!r}")
    return plain


def positive(what: str, value: object) -> float:
    """Returns a finite number above 0, as :func:`number` does."""
    plain = number(what, value)
    if plain <= 0.0:
        raise UserError(f"{what} must be positive, not {plain:g}")
    return plain


def not_negative(what: str, value: object) -> float:
    """Returns a finite number of at least 0, as :func:`number` does."""
    plain = number(what, value)
    if plain < 0.0:
        raise UserError(f"{what} must be at least 0, not {plain:g}")
    return plain


def share(what: str, value: object) -> float:
    """Returns a number from 0 to 1, as :func:`number` does."""
    plain = number(what, value)
    if not 0.0 <= plain <= 1.0:
        raise UserError(f"{what} must be between 0 and 1, not {plain:g}")
    return plain


def count(what: str, value: object) -> int:
    """Returns a whole number of at least 1, NumPy integers as Python integers."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, bool) or not isinstance(plain, int):
        raise UserError(f"{what} must be a whole number, not {plain!r}")
    if plain < 1:
        raise UserError(f"{what} must be at least 1, not {plain}")
    if plain > _LARGEST:
        raise UserError(f"{what} must be at most {_LARGEST}")
    return plain


def interval(what: str, value: object, *, finite: bool = True) -> tuple[float, float]:
    """Returns the lower and the upper end of a range; they may be equal.

    Raises:
        UserError: For anything but two numbers in ascending order.
    """
    ends = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(ends, tuple | list) or len(ends) != 2:
        raise UserError(f"{what} must be two numbers, (low, high), not {value!r}")
    low, high = (number(what, end, finite=finite) for end in ends)
    if low > high:
        raise UserError(f"{what} ({low:g}, {high:g}) must be in ascending order")
    return low, high


def names(what: str, value: object, example: str) -> None:
    """Raises UserError for anything but a tuple or list of strings."""
    if not isinstance(value, tuple | list) or not all(isinstance(name, str) for name in value):
        raise UserError(f"{what} must be a tuple of names, {example}, not {value!r}")


def signals(what: str, value: object, *, at_least: int = 0) -> None:
    """Checks names and units of observations, actions or other quantities.

    Raises:
        UserError: For anything but a tuple of pairs of strings, for too few of them, or for a name that occurs twice.
    """
    if not isinstance(value, tuple) or not all(map(_is_signal, value)):
        raise UserError(f'{what} must be a tuple of (name, unit), such as (("speed", "m/s"),), not {value!r}')
    if len(value) < at_least:
        raise UserError(f"{what} must name at least {at_least}")
    unique(what, [name for name, _ in value])


def _is_signal(pair: object) -> bool:
    return isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(part, str) for part in pair)


def unique(what: str, names: Sequence[str]) -> None:
    """Raises UserError where a name occurs twice."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{what}: the name '{twice}' occurs {names.count(twice)} times")

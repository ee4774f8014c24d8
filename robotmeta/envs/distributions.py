"""Distributions over one number, from which the parameters of tasks are drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robotmeta.envs import checks
from robotmeta.errors import UserError, reason

_DRAWN = 256  # values that checks look at
_OVERLAP = 0.05  # share of them that the ends of ranges explain
_GAP = 16.0  # distance of two draws without values in between, in units of the mean distance


class Distribution(Protocol):
    """A distribution over one number."""

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws ``count`` values, shape ``[count]``."""
        ...

    @property
    def support(self) -> tuple[float, float]:
        """Smallest and largest value."""
        ...


@dataclass(frozen=True)
class Uniform:
    """Uniform on [low, high]."""

    low: float
    high: float

    def __post_init__(self) -> None:
        checks.interval("the range of Uniform", (self.low, self.high))

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.uniform(self.low, self.high, count)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def __str__(self) -> str:
        return f"U({self.low:g}, {self.high:g})"


@dataclass(frozen=True)
class LogUniform:
    """Uniform in the logarithm on [low, high], low > 0. Halving is as likely as doubling."""

    low: float
    high: float

    def __post_init__(self) -> None:
        checks.positive("low of LogUniform", checks.interval("the range of LogUniform", (self.low, self.high))[0])

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        # The last bit of exp differs between processors. Rounding keeps frozen splits the same on all of them.
        return np.round(np.exp(rng.uniform(np.log(self.low), np.log(self.high), count)), 9)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def __str__(self) -> str:
        return f"logU({self.low:g}, {self.high:g})"


@dataclass(frozen=True)
class Choice:
    """One of a few values, equally likely. Draws are balanced: each block of ``len(values)`` has every value once."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.values, tuple) or not self.values:
            raise UserError(f"values of Choice must be a tuple of at least one number, not {self.values!r}")
        for value in self.values:
            checks.number("a value of Choice", value)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        blocks = -(-count // len(self.values))
        return np.concatenate([rng.permutation(self.values) for _ in range(blocks)])[:count]

    @property
    def support(self) -> tuple[float, float]:
        return min(self.values), max(self.values)

    def __str__(self) -> str:
        return self.spelled(lambda value: f"{value:g}")

    def spelled(self, word: Callable[[float], str]) -> str:
        """Lists the values in words, with how many times each occurs."""
        shares = Counter(self.values)
        return "one of " + ", ".join(word(v) if n == 1 else f"{word(v)} (x{n})" for v, n in shares.items())


@dataclass(frozen=True)
class Union:
    """Uniform over several intervals, such as OOD values on both sides of the training range."""

    intervals: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not isinstance(self.intervals, tuple) or not self.intervals:
            raise UserError(f"intervals of Union must be a tuple of at least one (low, high), not {self.intervals!r}")
        for interval in self.intervals:
            low, high = checks.interval("an interval of Union", interval)
            checks.positive("the length of an interval of Union", high - low)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        lows, highs = np.array(self.intervals).T
        chosen = rng.choice(len(lows), size=count, p=(highs - lows) / (highs - lows).sum())
        return rng.uniform(lows[chosen], highs[chosen])

    @property
    def support(self) -> tuple[float, float]:
        return min(low for low, _ in self.intervals), max(high for _, high in self.intervals)

    def __str__(self) -> str:
        return " or ".join(f"U({low:g}, {high:g})" for low, high in self.intervals)


@dataclass(frozen=True)
class Power:
    """A base above 1 raised to a random exponent. The literature writes multipliers this way: 1.5^U(-3, 3)."""

    base: float
    exponent: Distribution

    def __post_init__(self) -> None:
        if checks.number("base of Power", self.base) <= 1.0:
            raise UserError(f"base of Power must be above 1, not {self.base:g}")

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return np.round(self.base ** self.exponent.sample(rng, count), 9)  # rounded as in LogUniform

    @property
    def support(self) -> tuple[float, float]:
        low, high = self.exponent.support
        return self.base**low, self.base**high

    def __str__(self) -> str:
        return (
            f"{self.base:g}^({self.exponent})" if isinstance(self.exponent, Union) else f"{self.base:g}^{self.exponent}"
        )


@dataclass(frozen=True)
class Ring:
    """Distance from the centre of points that are uniform between two circles, or on a disc for ``inner`` 0."""

    inner: float
    outer: float

    def __post_init__(self) -> None:
        checks.not_negative("inner of Ring", checks.interval("the range of Ring", (self.inner, self.outer))[0])

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return np.sqrt(rng.uniform(self.inner**2, self.outer**2, count))

    @property
    def support(self) -> tuple[float, float]:
        return self.inner, self.outer

    def __str__(self) -> str:
        return f"sqrt(U({self.inner**2:g}, {self.outer**2:g}))"


# -- checks ------------------------------------------------------------------------------------------------------------


def check_draws(what: str, values: Distribution) -> None:
    """Checks what a distribution draws, and that it has a text, by which files recognize it.

    Args:
        what: The distribution, as errors call it.
        values: The distribution, perhaps of a user's own class.

    Raises:
        UserError: Where draws fail, are not one finite number each, leave the support, or differ with the same seed;
            and for a text that differs from one process to the next.
    """
    kind = type(values)
    if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__:
        raise UserError(f"{what}: {kind.__name__} needs __str__ with its numbers, which tells distributions apart")
    drawn = _draw(what, values)
    if not np.array_equal(drawn, _draw(what, values)):
        raise UserError(f"{what}: {values} draws different values with the same generator; it must draw from rng only")
    low, high = values.support
    slack = 1e-6 * max(abs(low), abs(high), high - low)
    outside = drawn[(drawn < low - slack) | (drawn > high + slack)]
    if len(outside):
        raise UserError(f"{what}: {values} draws {outside[0]:g}, outside of its support, {low:g} to {high:g}")


def in_both(values: Distribution, other: Distribution) -> float | None:
    """A value that two distributions draw; None if they have only ends of ranges in common."""
    drawn, known = _draw("ood", values), np.sort(_draw("train", other))
    low, high = other.support
    width = (high - low) / len(known)
    # Between two draws of the other one that are far apart, such as the intervals of a Union, there may be a gap.
    above = np.clip(np.searchsorted(known, drawn), 1, len(known) - 1)
    shared = (drawn > low) & (drawn < high) & (known[above] - known[above - 1] < _GAP * width) | np.isin(drawn, known)
    return float(drawn[shared][0]) if shared.mean() > _OVERLAP else None


def _draw(what: str, values: Distribution) -> np.ndarray:
    try:
        drawn = np.asarray(values.sample(np.random.default_rng(0), _DRAWN))
    except Exception as error:  # of a user's own class
        raise UserError(f"{what}: {values} cannot draw values: sample(rng, count) failed: {reason(error)}") from None
    if drawn.shape != (_DRAWN,) or drawn.dtype.kind not in "fiu":
        given = f"{drawn.dtype} of shape {list(drawn.shape)}"
        raise UserError(f"{what}: sample(rng, {_DRAWN}) must return {_DRAWN} numbers, not {given}")
    if not np.isfinite(drawn).all():
        raise UserError(f"{what}: {values} draws values that are not finite")
    return drawn.astype(np.float64)

"""Distributions over one number, from which the parameters of tasks are drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robotmeta.envs import checks
from robotmeta.errors import UserError


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

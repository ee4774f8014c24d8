"""Ways in which a robot can vary: ``{"torso.mass": scale(0.5, 2.0), "goal_speed": goal(0.0, 2.0)}``.

Several values may change the same thing. What an ``edit`` makes comes first; :func:`scale` multiplies it, :func:`add`
adds to the product, and the value of :func:`set_to` holds whatever the others are. Their order in ``vary`` does not
matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, Unpack, cast

import mujoco
import numpy as np

from robotmeta.envs import checks
from robotmeta.envs.distributions import Distribution, LogUniform, Uniform
from robotmeta.errors import UserError, unknown

Interval = tuple[float, float]


class Options(TypedDict, total=False):
    """Keywords of every way of varying.

    Attributes:
        ood: Out-of-distribution values: an interval, several intervals, or a distribution; by default none.
        bounds: Physical range, (low, high). Values outside it are refused. It follows from the property by default.
        nominal: Value of the unmodified robot, if it is not in the model: for a goal (by default the middle of its
            range), or for ``set_to`` with an ``edit``.
        description: What it is, in a few words.
        unit: Unit of a goal, or of what an ``edit`` changes.
        labels: Names of the values of a ``Choice``, such as ``{1.0: "forward", -1.0: "backward"}``.
        edit: ``(spec, value)``, a change of the ``MjSpec`` before it is compiled, for what is not a property, such as
            the length of a link. The key in ``vary`` is then the parameter's name.
    """

    ood: Interval | Sequence[Interval] | Distribution
    bounds: Interval
    nominal: float
    description: str
    unit: str
    labels: Mapping[float, str]
    edit: Callable[[mujoco.MjSpec, float], None]


@dataclass(frozen=True)
class Variation:
    """How a target varies. Made by :func:`scale`, :func:`add`, :func:`set_to` and :func:`goal`."""

    mode: Literal["scale", "add", "set", "goal"]
    train: Distribution
    options: Options

    def __post_init__(self) -> None:
        for name in self.options:
            if name not in Options.__annotations__:
                way = "set_to" if self.mode == "set" else self.mode
                raise unknown("option", name, Options.__annotations__, where=way)


def scale(low: float | Distribution, high: float | None = None, **options: Unpack[Options]) -> Variation:
    """Multiplies the nominal value. Log-uniform on [low, high], so that halving is as likely as doubling.

    Args:
        low: Smallest multiplier, above 0; or a distribution, such as ``Uniform(0.0, 1.0)``.
        high: Largest multiplier.
        **options: See :class:`Options`.
    """
    return Variation("scale", _distribution("scale", low, high, LogUniform), options)


def add(low: float | Distribution, high: float | None = None, **options: Unpack[Options]) -> Variation:
    """Adds to the nominal value, in its unit. Uniform on [low, high], or a distribution; see :func:`scale`."""
    return Variation("add", _distribution("add", low, high, Uniform), options)


def set_to(low: float | Distribution, high: float | None = None, **options: Unpack[Options]) -> Variation:
    """Replaces the nominal value, in its unit. Uniform on [low, high], or a distribution; see :func:`scale`."""
    return Variation("set", _distribution("set_to", low, high, Uniform), options)


def goal(low: float | Distribution, high: float | None = None, **options: Unpack[Options]) -> Variation:
    """A number that only the reward reads, as ``step.task[NAME]``. The robot stays the same. See :func:`scale`."""
    return Variation("goal", _distribution("goal", low, high, Uniform), options)


def _distribution(
    way: str, low: float | Distribution, high: float | None, kind: type[Uniform] | type[LogUniform]
) -> Distribution:
    if not isinstance(low, int | float | np.number):
        if high is not None and _is_distribution(low):
            raise UserError(f"{way}({low}, {high!r}): give a distribution, or the smallest and the largest value")
        return as_distribution(way, low)
    low = checks.number(f"{way}: the smallest value", low, finite=False)
    if high is None:
        raise UserError(f"{way}({low:g}, {high}): give the smallest value, then the largest")
    high = checks.number(f"{way}: the largest value", high, finite=False)
    if not low < high:
        raise UserError(f"{way}({low:g}, {high:g}): give the smallest value, then the largest")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"{way}({low:g}, {high:g}): the range must be finite")
    if kind is LogUniform and low <= 0.0:
        raise UserError(
            f"{way}({low:g}, {high:g}) has no logarithm to be uniform in: write {way}(Uniform({low:g}, ...))"
        )
    return kind(float(low), float(high))


def _is_distribution(given: object) -> bool:
    return hasattr(given, "sample") and hasattr(given, "support") and not isinstance(given, type)


def as_distribution(way: str, given: object) -> Distribution:
    """Returns a distribution as it is.

    Raises:
        UserError: For anything else.
    """
    if not _is_distribution(given):
        raise UserError(
            f"{way}: {given!r} is not a distribution; give the smallest and the largest value, or a distribution such "
            "as Uniform(0.0, 1.0) or Choice((0.0, 1.0))"
        )
    return cast(Distribution, given)

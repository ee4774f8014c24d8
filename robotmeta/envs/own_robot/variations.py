"""Ways in which a robot of one's own can vary: ``{"torso.mass": scale(0.5, 2.0), "goal_speed": goal(0.0, 2.0)}``."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, Unpack, cast

import mujoco
import numpy as np

from robotmeta.envs import checks
from robotmeta.envs.distributions import Choice, Distribution, LogUniform, Uniform, Union
from robotmeta.envs.edits import Edit, SpecEdit
from robotmeta.envs.own_robot.targets import check, find
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.errors import UserError, unknown

Interval = tuple[float, float]

_REACH = 100.0  # a value that many times the largest one trained on is taken for a slip of the pen


class Options(TypedDict, total=False):
    """Keywords that every way of varying takes.

    Attributes:
        ood: Out-of-distribution values: an interval, several, or a distribution; none if left out.
        bounds: Physical range, outside which a value is refused; follows from the property if left out.
        nominal: Value of the unmodified robot where the model does not tell it: of a goal (the middle of its range if
            left out), or of ``set_to`` with an ``edit``.
        description: What it is, in a few words.
        unit: Unit of a goal, or of what an ``edit`` changes.
        labels: What the values of a ``Choice`` are called, such as ``{1.0: "forward", -1.0: "backward"}``.
        edit: ``(spec, value)``, a change of the ``MjSpec`` before it is compiled, for what has no property, such as the
            length of a link. The key of ``vary`` is then the parameter's name.
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
    """How one thing varies; made by :func:`scale`, :func:`add`, :func:`set_to` and :func:`goal`."""

    mode: Literal["scale", "add", "set", "goal"]
    train: Distribution
    options: Options

    def __post_init__(self) -> None:
        for name in self.options:
            if name not in Options.__annotations__:
                way = "set_to" if self.mode == "set" else self.mode
                raise unknown("option", name, Options.__annotations__, where=way)


def scale(low: float | Distribution, high: float | None = None, **options: Unpack[Options]) -> Variation:
    """Multiplies the nominal value. Log-uniform on [low, high]: halving is as likely as doubling.

    Args:
        low: Smallest multiplier, above 0; or a distribution, such as ``Uniform(0.0, 1.0)``.
        high: Largest multiplier.
        **options: See :class:`Options`.
    """
    if isinstance(low, int | float) and low <= 0.0:
        raise UserError(f"scale({low:g}, {high}) has no logarithm to be uniform in: write scale(Uniform({low:g}, ...))")
    return Variation("scale", _distribution("scale", low, high, LogUniform), options)


def add(low: float | Distribution, high: float | None = None, **options: Unpack[Options]) -> Variation:
    """Adds to the nominal value, in its unit. Uniform on [low, high], or a distribution; see :func:`scale`."""
    return Variation("add", _distribution("add", low, high, Uniform), options)


def set_to(low: float | Distribution, high: float | None = None, **options: Unpack[Options]) -> Variation:
    """Replaces the nominal value, in its unit. Uniform on [low, high], or a distribution; see :func:`scale`."""
    return Variation("set", _distribution("set_to", low, high, Uniform), options)


def goal(low: float | Distribution, high: float | None = None, **options: Unpack[Options]) -> Variation:
    """A number that only the reward reads, as ``step.task[NAME]``: the robot stays the same. See :func:`scale`."""
    return Variation("goal", _distribution("goal", low, high, Uniform), options)


def _distribution(
    way: str, low: float | Distribution, high: float | None, kind: type[Uniform] | type[LogUniform]
) -> Distribution:
    if not isinstance(low, int | float):
        return _as_distribution(way, low)
    if high is None or not low < high:
        raise UserError(f"{way}({low:g}, {high}): give the smallest value, then the largest")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"{way}({low:g}, {high:g}): values are drawn from a finite range")
    return kind(float(low), float(high))


def _as_distribution(way: str, given: object) -> Distribution:
    if not (hasattr(given, "sample") and hasattr(given, "support")):
        raise UserError(
            f"{way}: {given!r} is no distribution; give the smallest and the largest value, or one such as "
            "Uniform(0.0, 1.0) or Choice((0.0, 1.0))"
        )
    return cast(Distribution, given)


# -- from ways of varying to parameters --------------------------------------------------------------------------------


def parameter_space(vary: Mapping[str, Variation | Parameter], model: mujoco.MjModel, robot: str) -> ParameterSpace:
    """The parameters that a mapping from targets describes.

    The parameter of ``torso.mass`` is called ``torso_mass``; kinds of object and stars are left out.

    Args:
        vary: Targets (:mod:`robotmeta.envs.own_robot.targets`) and how they vary. A :class:`Parameter` is taken as it
            is, under the name of its key.
        model: The nominal model, in which every object has a name.
        robot: What errors call it, such as its file.

    Raises:
        UserError: For a target that does not exist or is ambiguous, or cannot vary in this way.
    """
    if not vary:
        raise UserError("vary is empty: name what differs from robot to robot, or a goal that only the reward reads")
    return ParameterSpace(tuple(_parameter(target, way, model, robot) for target, way in vary.items()))


def _parameter(text: str, way: Variation | Parameter, model: mujoco.MjModel, robot: str) -> Parameter:
    if isinstance(way, Parameter):
        return dataclasses.replace(way, name=_column(text))
    if not isinstance(way, Variation):
        raise UserError(f"{text}: {way!r} does not say how it varies: write scale, add, set_to or goal (low, high)")
    nominal, prefix = _NOMINAL[way.mode], _PREFIX[way.mode]
    edit = way.options.get("edit")
    if way.mode == "goal":
        if edit is not None:
            raise UserError(f"{text}: a goal leaves the robot as it is; an edit goes with scale, add or set_to")
        low, high = way.train.support
        middle = high if isinstance(way.train, Choice) else (low + high) / 2.0
        return _described(text, way, "goal, which only the reward reads", middle, None)
    if edit is not None:
        if way.mode == "set" and "nominal" not in way.options:
            raise UserError(f"{text}: with an edit, set_to needs the nominal value: set_to(low, high, nominal=...)")
        lowest = 0.01 if way.mode == "scale" else None
        return _described(text, way, prefix + text, nominal, lowest, edits=(SpecEdit(edit),))
    if "nominal" in way.options:
        raise UserError(f"{text}: the model tells its nominal value, leave nominal out")
    target = find(text, model, robot)
    check(target, way.mode, way.train.support[0], model, robot)
    return _described(
        target.column,
        way,
        f"{prefix}{target}",
        float(target.values.min()) if way.mode == "set" else nominal,
        target.lowest(way.mode),
        unit="1" if way.mode == "scale" else target.unit,
        edits=target.edits(way.mode),
    )


_NOMINAL = {"scale": 1.0, "add": 0.0, "set": 0.0, "goal": 0.0}
_PREFIX = {"scale": "multiplier of the ", "add": "added to the ", "set": "", "goal": ""}


def _column(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_")


def _described(
    name: str,
    way: Variation,
    what: str,
    nominal: float,
    lowest: float | None,
    *,
    unit: str = "1",
    edits: tuple[Edit, ...] = (),
) -> Parameter:
    """A parameter with what the user said of it, and otherwise what is given here; any sign for ``lowest`` None."""
    options, ood = way.options, _ood(name, way)
    nominal = checks.number(f"{name}: nominal", options.get("nominal", nominal))
    supports = [way.train.support, (nominal, nominal), *([] if ood is None else [ood.support])]
    largest = max(abs(value) for support in supports for value in support)
    reach = largest if isinstance(way.train, Choice) else _REACH * largest
    bounds = options.get("bounds", (-reach if lowest is None else lowest, reach))
    described, unit = options.get("description", what), options.get("unit", unit)
    labels = options.get("labels", {})
    return Parameter(
        _column(name),
        described,
        train=way.train,
        nominal=nominal,
        bounds=bounds,
        ood=ood,
        edits=edits,
        unit=unit,
        labels=labels,
    )


def _ood(name: str, way: Variation) -> Distribution | None:
    given = way.options.get("ood")
    if given is None:
        return None
    if not isinstance(given, Sequence):
        return _as_distribution(f"{name}: ood", given)
    low, high = way.train.support
    pairs = np.array(given, dtype=float).reshape(-1) if np.size(given) % 2 == 0 else None
    if pairs is None:
        raise UserError(f"{name}: ood {given} is not an interval (low, high), or several")
    intervals = [(float(start), float(end)) for start, end in pairs.reshape(-1, 2)]
    for start, end in intervals:
        if not start < end:
            raise UserError(f"{name}: ood ({start:g}, {end:g}): give the smallest value, then the largest")
        if start < high and end > low and not isinstance(way.train, Choice):
            raise UserError(f"{name}: ood ({start:g}, {end:g}) overlaps the training values, {way.train}")
    return Uniform(*intervals[0]) if len(intervals) == 1 else Union(tuple(intervals))

"""Ways in which a robot can vary: ``{"torso.mass": scale(0.5, 2.0), "goal_speed": goal(0.0, 2.0)}``."""

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

_REACH = 100.0  # by default, values up to this multiple of the largest training value are accepted


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
    """A number that only the reward reads, as ``step.task[NAME]``. The robot stays the same. See :func:`scale`."""
    return Variation("goal", _distribution("goal", low, high, Uniform), options)


def _distribution(
    way: str, low: float | Distribution, high: float | None, kind: type[Uniform] | type[LogUniform]
) -> Distribution:
    if not isinstance(low, int | float):
        return _as_distribution(way, low)
    if high is None or not low < high:
        raise UserError(f"{way}({low:g}, {high}): give the smallest value, then the largest")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"{way}({low:g}, {high:g}): the range must be finite")
    return kind(float(low), float(high))


def _as_distribution(way: str, given: object) -> Distribution:
    if not (hasattr(given, "sample") and hasattr(given, "support")):
        raise UserError(
            f"{way}: {given!r} is not a distribution; give the smallest and the largest value, or a distribution such "
            "as Uniform(0.0, 1.0) or Choice((0.0, 1.0))"
        )
    return cast(Distribution, given)


# -- from ways of varying to parameters --------------------------------------------------------------------------------


def parameter_space(vary: Mapping[str, Variation | Parameter], model: mujoco.MjModel, robot: str) -> ParameterSpace:
    """Returns the parameters that a mapping from targets describes.

    The parameter of ``torso.mass`` is called ``torso_mass``. Kinds of object and stars are left out of the name.

    Args:
        vary: Targets (:mod:`robotmeta.envs.own_robot.targets`) and how they vary. A :class:`Parameter` is used as it
            is, under the name of its key.
        model: The nominal model, with all objects named.
        robot: Name of the model in errors, such as its file.

    Raises:
        UserError: For a target that does not exist, is ambiguous, or cannot vary in this way.
    """
    if not vary:
        raise UserError("vary is empty: name what differs from robot to robot, or a goal that only the reward reads")
    return ParameterSpace(tuple(_parameter(target, way, model, robot) for target, way in vary.items()))


def _parameter(text: str, way: Variation | Parameter, model: mujoco.MjModel, robot: str) -> Parameter:
    if isinstance(way, Parameter):
        return dataclasses.replace(way, name=_column(text))
    if not isinstance(way, Variation):
        raise UserError(f"{text}: {way!r} is not a way of varying: write scale, add, set_to or goal (low, high)")
    nominal, prefix = _NOMINAL[way.mode], _PREFIX[way.mode]
    edit = way.options.get("edit")
    if way.mode == "goal":
        if edit is not None:
            raise UserError(f"{text}: a goal does not change the robot; use edit with scale, add or set_to")
        low, high = way.train.support
        middle = high if isinstance(way.train, Choice) else (low + high) / 2.0
        return _described(text, way, "goal, which only the reward reads", middle, None)
    if edit is not None:
        if way.mode == "set" and "nominal" not in way.options:
            raise UserError(f"{text}: with an edit, set_to needs the nominal value: set_to(low, high, nominal=...)")
        lowest = 0.01 if way.mode == "scale" else None
        return _described(text, way, prefix + text, nominal, lowest, edits=(SpecEdit(edit),))
    if "nominal" in way.options:
        raise UserError(f"{text}: leave out nominal, because the model has the nominal value")
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
    """Returns a parameter with the user's options, and the given defaults. Without ``lowest``, any sign is physical."""
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
        raise UserError(f"{name}: ood {given} is not an interval (low, high) or several intervals")
    intervals = [(float(start), float(end)) for start, end in pairs.reshape(-1, 2)]
    for start, end in intervals:
        if not start < end:
            raise UserError(f"{name}: ood ({start:g}, {end:g}): give the smallest value, then the largest")
        if start < high and end > low and not isinstance(way.train, Choice):
            raise UserError(f"{name}: ood ({start:g}, {end:g}) overlaps the training values, {way.train}")
    return Uniform(*intervals[0]) if len(intervals) == 1 else Union(tuple(intervals))

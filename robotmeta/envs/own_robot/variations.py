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
from robotmeta.envs.own_robot.targets import Target, check, find
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
        return _as_distribution(way, low)
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


def _as_distribution(way: str, given: object) -> Distribution:
    if not _is_distribution(given):
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
    if not isinstance(vary, Mapping):
        raise UserError(f'vary must be a mapping, such as {{"torso.mass": scale(0.5, 2.0)}}, not {vary!r}')
    if not vary:
        raise UserError("vary is empty: name what differs from robot to robot, or a goal that only the reward reads")
    for text in vary:
        if not isinstance(text, str):
            raise UserError(f"vary: {text!r} is not a target: write NAME.PROPERTY, such as torso.mass")
    targets = {text: find(text, model, robot) for text, way in vary.items() if _of_property(way)}
    _check_overlaps(targets, vary)
    pairs = [name for target in targets.values() if target.kind == "pair" for name in target.objects]
    return ParameterSpace(
        tuple(
            _of_target(targets[text], way, model, robot, pairs)
            if isinstance(way, Variation) and text in targets
            else _parameter(text, way)
            for text, way in vary.items()
        )
    )


def edits_structure(way: Variation | Parameter) -> bool:
    """Whether values change the structure before it is compiled."""
    if isinstance(way, Parameter):
        return any(isinstance(edit, SpecEdit) for edit in way.edits)
    return isinstance(way, Variation) and way.options.get("edit") is not None


def _of_property(way: Variation | Parameter) -> bool:
    return isinstance(way, Variation) and way.mode != "goal" and way.options.get("edit") is None


def _check_overlaps(targets: Mapping[str, Target], vary: Mapping[str, Variation | Parameter]) -> None:
    """Refuses a value that another one would replace. Factors and sums of the same quantity go together."""
    for text, target in targets.items():
        for other_text, other in targets.items():
            way = vary[text]
            shared = set(target.objects) & set(other.objects)
            same = (target.kind, target.quantity) == (other.kind, other.quantity)
            if text != other_text and same and shared and isinstance(way, Variation) and way.mode == "set":
                raise UserError(
                    f"{text} and {other_text} both change the {target.quantity.replace('_', ' ')} of "
                    f"'{min(shared)}': leave one of them out, or scale both"
                )


def _parameter(text: str, way: Variation | Parameter) -> Parameter:
    """Returns the parameter of a goal, of an edit, or one that is given whole."""
    if isinstance(way, Parameter):
        return dataclasses.replace(way, name=_column(text))
    if not isinstance(way, Variation):
        raise UserError(f"{text}: {way!r} is not a way of varying: write scale, add, set_to or goal (low, high)")
    nominal, prefix = _NOMINAL[way.mode], _PREFIX[way.mode]
    edit = way.options.get("edit")
    if edit is None:
        low, high = way.train.support
        middle = high if isinstance(way.train, Choice) else (low + high) / 2.0
        return _described(text, way, "goal, which only the reward reads", middle, None)
    if way.mode == "goal":
        raise UserError(f"{text}: a goal does not change the robot; use edit with scale, add or set_to")
    if not callable(edit):
        raise UserError(f"{text}: edit must be a function (spec, value), not {edit!r}")
    if way.mode == "set" and "nominal" not in way.options:
        raise UserError(f"{text}: with an edit, set_to needs the nominal value: set_to(low, high, nominal=...)")
    lowest = 0.01 if way.mode == "scale" else None
    return _described(text, way, prefix + text, nominal, lowest, edits=(SpecEdit(edit),))


def _of_target(target: Target, way: Variation, model: mujoco.MjModel, robot: str, pairs: Sequence[str]) -> Parameter:
    assert way.mode != "goal"
    if "nominal" in way.options:
        raise UserError(f"{target.text}: leave out nominal, because the model has the nominal value")
    low, high = way.train.support
    ood = _ood(target.column, way)
    check(target, way.mode, low, high if ood is None else max(high, ood.support[1]), model, robot, pairs)
    return _described(
        target.column,
        way,
        f"{_PREFIX[way.mode]}{target}",
        float(target.values.min()) if way.mode == "set" else _NOMINAL[way.mode],
        target.lowest(way.mode),
        unit="1" if way.mode == "scale" else target.unit,
        edits=target.edits(way.mode, model, robot),
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
    bounds = tuple(bounds.tolist()) if isinstance(bounds, np.ndarray) else bounds
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
    if not isinstance(given, Sequence | np.ndarray):
        return _as_distribution(f"{name}: ood", given)
    low, high = way.train.support
    intervals = _intervals(name, given)
    for start, end in intervals:
        if not start < end:
            raise UserError(f"{name}: ood ({start:g}, {end:g}): give the smallest value, then the largest")
        if start < high and end > low and not isinstance(way.train, Choice):
            raise UserError(f"{name}: ood ({start:g}, {end:g}) overlaps the training values, {way.train}")
    return Uniform(*intervals[0]) if len(intervals) == 1 else Union(tuple(intervals))


def _intervals(name: str, given: object) -> list[tuple[float, float]]:
    """Reads an interval, or several."""
    try:
        pairs = np.array(given, dtype=float)
    except (TypeError, ValueError):
        pairs = np.empty(0)
    if pairs.size == 0 or pairs.shape[-1] != 2 or pairs.ndim > 2:
        raise UserError(f"{name}: ood {given} is not an interval (low, high) or several intervals")
    return [(start, end) for start, end in pairs.reshape(-1, 2).tolist()]

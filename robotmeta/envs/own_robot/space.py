"""From ways of varying to parameters, and to the checks that each of them changes what is simulated."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Mapping, Sequence

import mujoco
import numpy as np

from robotmeta.envs import checks
from robotmeta.envs.distributions import Choice, Distribution, Uniform, Union
from robotmeta.envs.edits import Edit, SpecEdit
from robotmeta.envs.friction import KINDS
from robotmeta.envs.own_robot.targets import Target, check, find
from robotmeta.envs.own_robot.variations import Variation, as_distribution
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.errors import UserError

_REACH = 100.0  # by default, values up to this multiple of the largest training value are accepted


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
        if not isinstance(text, str) or not text.isprintable():
            raise UserError(f"vary: {text!r} is not a target: write NAME.PROPERTY, such as torso.mass")
    targets = {text: find(text, model, robot) for text, way in vary.items() if _of_property(way)}
    _check_overlaps(targets, vary)
    parameters = []
    for text, way in vary.items():
        if isinstance(way, Variation) and text in targets:
            others = [(target, vary[other]) for other, target in targets.items() if other != text]
            _check_target(targets[text], way, others, model, robot)
            parameters.append(_of_target(targets[text], way, model, robot))
        else:
            parameters.append(_parameter(text, way))
    return ParameterSpace(tuple(parameters))


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
            same = _same_quantity(target, other)
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


def _same_quantity(one: Target, other: Target) -> bool:
    return (one.kind, one.quantity) == (other.kind, other.quantity)


def _check_target(
    target: Target,
    way: Variation,
    others: Sequence[tuple[Target, Variation | Parameter]],
    model: mujoco.MjModel,
    robot: str,
) -> None:
    """Checks a target beside the largest values of the others, whose friction could hide its own."""
    assert way.mode != "goal"
    pairs = [name for other, _ in others if other.kind == "pair" for name in other.objects]
    rivals = [
        (other, its_way)
        for other, its_way in others
        if (other.kind, other.quantity) == (target.kind, target.quantity)
        and not set(other.objects) & set(target.objects)
    ]
    if target.quantity in KINDS and rivals:
        model = copy.copy(model)
        for other, its_way in rivals:
            assert isinstance(its_way, Variation)
            assert its_way.mode != "goal"
            for edit in other.edits(its_way.mode, model, robot):
                edit.apply(model, _span(other, its_way)[1], {})
    check(target, way.mode, *_span(target, way), model, robot, pairs)


def _span(target: Target, way: Variation) -> tuple[float, float]:
    """Returns the smallest and the largest value, in training or out of distribution."""
    ood = _ood(target.column, way)
    supports = [way.train.support, *([] if ood is None else [ood.support])]
    return min(low for low, _ in supports), max(high for _, high in supports)


def _of_target(target: Target, way: Variation, model: mujoco.MjModel, robot: str) -> Parameter:
    assert way.mode != "goal"
    if "nominal" in way.options:
        raise UserError(f"{target.text}: leave out nominal, because the model has the nominal value")
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
        return as_distribution(f"{name}: ood", given)
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
        shown = " ".join(repr(given).split())
        raise UserError(f"{name}: ood {shown} is not an interval (low, high) or several intervals")
    return [(start, end) for start, end in pairs.reshape(-1, 2).tolist()]

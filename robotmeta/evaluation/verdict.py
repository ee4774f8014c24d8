"""The result of an evaluation in words, judged by confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from robotmeta.evaluation.intervals import Curve
from robotmeta.evaluation.share import Share
from robotmeta.evaluation.stages import STAGES

Curves = Mapping[str, Curve | None]
"""Curves by name: ``adapted`` and the controls; None for a control that was not run."""

_FEWEST = 5  # tasks that a statement about a family needs
_NO_RIVALS = (
    "adapted",
    "zero_shot",
    "oracle",
    "specialist",
    "unchanged",
    *STAGES,
)  # not expected to be worse than the adapted policy
_EXPLAINED = 0.1  # share of a parameter's variance from which it is listed


def adaptation(episodes: int, returns: Curves, gains: Curves) -> str:
    """Whether adaptation helped, and which controls are better.

    Args:
        episodes: Number of adaptation episodes.
        returns: Curves of the return.
        gains: Return of the adapted policy minus that of each control, task by task.
    """
    adapted, control, gain = returns["adapted"], returns["zero_shot"], gains["zero_shot"]
    assert adapted is not None
    if control is None or gain is None:
        return "The zero-shot control was not run, so nothing can be said about adaptation."
    if not (np.isfinite(adapted.values).all() and np.isfinite(control.values).all()):
        return "Some returns are not finite numbers, so nothing can be said about adaptation."
    tasks, high = adapted.values.shape[1], adapted.ci95[-1][1]
    said = [
        f"The return is {adapted.mean[-1]:.1f} after {episodes} adaptation episode{'s' * (episodes > 1)} and "
        f"{control.mean[-1]:.1f} zero-shot, a gain of {_gain(gain)} on the same tasks.",
        f"{_too_few(tasks)} to tell whether adaptation helps." if tasks < _FEWEST else _judged(adapted, control, gain),
    ]
    over_randomized = gains["domain_randomized"]
    if over_randomized is not None:
        said.append(f"The gain over domain-randomized is {_gain(over_randomized)}.")
    better = [
        name.replace("_", "-")
        for name, curve in returns.items()
        if curve is not None and name not in _NO_RIVALS and curve.ci95[-1][0] > high
    ]
    if better and tasks >= _FEWEST:
        said.append(f"Clearly better than the adapted policy: {', '.join(better)}.")
    return " ".join(said)


def _judged(adapted: Curve, control: Curve, gain: Curve) -> str:
    (low, high), (least, most) = adapted.ci95[-1], gain.ci95[-1]
    visible = round(abs(gain.mean[-1]), 1) > 0.0  # a gain that is printed as +0.0 does not count, however certain
    if low > control.ci95[-1][1]:
        first_half = adapted.mean[0] - control.mean[0] > 0.5 * gain.mean[-1] and gain.ci95[0][0] > 0.0
        at_once = first_half and len(adapted.mean) > 1
        first = " Most of the gain comes within the first episode." if at_once else ""
        return f"Adaptation helps: the intervals do not overlap.{first}"
    if high < control.ci95[-1][0]:
        return "Adaptation reduces the return: the intervals do not overlap."
    if least > 0.0 and visible:
        return "Adaptation helps: the interval of the gain is above 0, though those of the returns overlap."
    if most < 0.0 and visible:
        return (
            "Adaptation reduces the return: the interval of the gain is below 0, though those of the returns overlap."
        )
    return "There is no clear gain from adaptation."


def success_and_distance(success: Curves, distance: Curves) -> str:
    """How often the adapted policy succeeds and how far from the goal it ends, next to zero-shot, where defined."""
    said = ""
    for curves, words, number in (
        (success, "It succeeds on {} of the tasks, zero-shot on {}", percent),
        (distance, "It ends {} cm from the goal, zero-shot {} cm", centimetres),
    ):
        adapted, control = curves.get("adapted"), curves.get("zero_shot")
        if adapted is None or control is None:
            continue
        (low, high), (least, most) = adapted.ci95[-1], control.ci95[-1]
        apart = (low > most or high < least) and adapted.values.shape[1] >= _FEWEST
        compared = words.format(number(adapted.mean[-1]), number(control.mean[-1]))
        said += f" {compared}{': the intervals do not overlap' if apart else ''}."
    return said


def stages(returns: Curves, success: Curves) -> str:
    """What fit and fine-tuning gain over the adapted policy, and over fine-tuning alone; empty without them."""
    adapted, fitted, alone = (returns.get(name) for name in ("adapted", "fit_fine_tuned", "fine_tuned"))
    if adapted is None or fitted is None:
        return ""
    said = f" Fit and fine-tuning change the return by {_gain(_last(fitted, adapted))}"
    if alone is not None:
        said += f", fine-tuning without a fit by {_gain(_last(alone, adapted))}"
    rates = [success.get(name) for name in ("fit_fine_tuned", "adapted")]
    after, before = (None if curve is None else percent(curve.mean[-1]) for curve in rates)
    return said + ("." if after is None else f"; success with both is {after}, before {before}.")


def _last(curve: Curve, other: Curve) -> Curve:
    """The difference after the last adaptation episode, task by task."""
    return Curve((curve.values - other.values)[-1:])


def share(reached: Share | None, left_out: Sequence[int]) -> str:
    """How much of the specialist's gain over a random policy the adapted policy has; empty without specialists.

    Args:
        reached: The share of the adapted policy.
        left_out: Tasks in which the specialist is not better than a random policy beyond doubt.
    """
    if reached is None:
        return " In no task is the specialist better than a random policy beyond doubt." if left_out else ""
    without = f"; without task{'s' * (len(left_out) > 1)} {', '.join(map(str, left_out))}, where " if left_out else ""
    no_gain = "the specialist is not better than a random policy beyond doubt" if left_out else ""
    above = " The specialists are no upper bound here." if reached.mean[-1] > 1.0 else ""
    return f" It reaches {reached.text()} of what a specialist gains over a random policy{without}{no_gain}.{above}"


def left_out(diverged: tuple[int, ...], tasks: int) -> str:
    """Which of the tasks were left out of the evaluation."""
    if not diverged:
        return ""
    which = f"task{'s' * (len(diverged) > 1)} {', '.join(map(str, diverged))}"
    return f" Left out, because a simulation diverged or numbers were not finite: {which} of {tasks}."


def explained(inferred: Mapping[str, float], tasks: int) -> str:
    """Which parameters the adapted policy estimates well.

    Args:
        inferred: Share of the variance over the tasks that the estimates explain, by parameter that varies.
        tasks: Number of tasks.
    """
    if not inferred:
        return ""
    if tasks < _FEWEST:
        return f"{_too_few(tasks)} to tell what it infers."
    if not all(map(math.isfinite, inferred.values())):
        return "Some of its estimates are not finite numbers, so nothing can be said about what it infers."
    well = sorted((name for name, share in inferred.items() if share >= _EXPLAINED), key=lambda n: -inferred[n])
    few = f"less than {percent(_EXPLAINED)}"
    if not well:
        return f"Its estimates explain {few} of the variance over the tasks of each parameter that varies."
    listed = ", ".join(f"{name} {percent(inferred[name])}" for name in well)
    others = f"; {few} of the others" if len(well) < len(inferred) else ""
    return f"Its estimates explain these shares of the parameters' variance over the tasks: {listed}{others}."


def _too_few(tasks: int) -> str:
    return f"{tasks} task{'s are' if tasks > 1 else ' is'} too few"


def _gain(curve: Curve) -> str:
    return curve.text(lambda value: f"{value:+.1f}")


def number(value: float) -> str:
    """A number with about three digits."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def percent(value: float) -> str:
    """A share in per cent."""
    return f"{value:.0%}"


def centimetres(value: float) -> str:
    """A distance of ``value`` metres, in centimetres."""
    return number(100.0 * value)

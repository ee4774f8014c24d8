"""Plots of a fit. They do not touch the global state of matplotlib."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from robotmeta.adaptation.fine_tuning.state import Compared
from robotmeta.adaptation.fitting.result import Fit, FittedParameter
from robotmeta.envs import Estimate
from robotmeta.envs.encoding import is_logarithmic
from robotmeta.envs.parameters import Parameter
from robotmeta.reporting.plots import AFTER, BEFORE, INK, decorate, literal, with_legend

_WIDTH, _ROW = 6.0, 0.62  # inches
_STEPS = 150  # most steps of a panel
_PANELS, _BARS = 6, 30  # most signals
_FARTHEST = 4.0  # standard deviations that the bars of residuals show at most
_Z90 = 1.645
_FAINT = 0.35
_LEVEL = 5  # most labels of kinds that fit side by side


def signals_before_and_after(fit: Fit, dt: float) -> Figure:
    """Measured signals, and those of replays of ten steps before and after the fit, along one episode.

    They are the reward and the signals with the largest improvement.

    Args:
        fit: The fit.
        dt: Duration of a control step, s.
    """
    names = shown_signals(fit)
    figure = Figure((_WIDTH, 0.5 + 1.35 * max(len(names), 1)), layout="constrained")
    panels = figure.subplots(max(len(names), 1), 1, sharex=True, squeeze=False)[:, 0]
    episode, window = _most_replayed(fit)
    times = dt * (np.arange(window.start, window.stop) + 1)
    for axes, name in zip(panels, names, strict=False):
        decorate(axes)
        column = fit.signals.index(name)
        axes.plot(times, fit.measured[episode, window, column], color=INK, linewidth=3, alpha=0.4, label="measured")
        for when, colour, line in (("before", BEFORE, "--"), ("after", AFTER, "-")):
            simulated = fit.simulated[when][episode, window, column]
            axes.plot(times, simulated, line, color=colour, linewidth=1.5, label=f"simulated, {when} the fit")
        axes.set_ylabel(literal(name), fontsize=8)
        axes.tick_params(labelsize=8)
        axes.yaxis.set_major_locator(MaxNLocator(3))
    panels[-1].set_xlabel("time in the episode [s]")
    return with_legend(figure, panels[0])


def shown_signals(fit: Fit) -> list[str]:
    """The signals with the largest improvement, and the reward first if it was measured."""
    gains = {name: fit.before[name] - fit.after[name] for name in fit.after}
    first = [name for name in ("reward",) if name in gains]
    others = sorted((name for name in gains if name not in first), key=lambda name: -gains[name])
    return [*first, *others][:_PANELS]


def _most_replayed(fit: Fit) -> tuple[int, slice]:
    """The episode and the steps that have the most replays."""
    replayed: np.ndarray = np.any(np.isfinite(fit.simulated["after"]), axis=-1)  # [episode, time]
    steps = replayed.shape[1]
    length = min(steps, _STEPS)
    totals = np.cumsum(np.pad(replayed, ((0, 0), (1, 0))), axis=1)
    counts = totals[:, length:] - totals[:, : steps - length + 1]
    episode, start = np.unravel_index(int(counts.argmax()), counts.shape)
    return int(episode), slice(int(start), int(start) + length)


def residuals_by_signal(fit: Fit) -> Figure:
    """Error of replays of each signal before and after the fit, in standard deviations of the signal."""
    worst = sorted(fit.after, key=lambda name: -max(fit.before[name], fit.after[name]))[:_BARS]
    names = [name for name in fit.after if name in worst]
    figure = Figure((_WIDTH, 1.0 + 0.3 * len(names)), layout="constrained")
    axes = figure.subplots()
    decorate(axes)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.8)
    places = np.arange(len(names))
    most = max((max(fit.before[name], fit.after[name]) for name in names), default=0.0)
    limit = min(max(1.05 * most, 0.55), _FARTHEST)
    for when, values, colour, move in (("before", fit.before, BEFORE, -0.2), ("after", fit.after, AFTER, 0.2)):
        lengths = np.array([values[name] for name in names])
        axes.barh(places + move, np.minimum(lengths, limit), 0.36, color=colour, label=f"{when} the fit")
        for place, length in zip(places, lengths, strict=True):
            if length > limit:
                axes.text(limit, place + move, f" {length:.3g}", va="center", fontsize=7, color=INK)
    axes.set_yticks(places, [literal(name) for name in names], fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0.0, limit)
    axes.set_xlabel("error [standard deviations of the signal]")
    return with_legend(figure, axes)


# -- parameters --------------------------------------------------------------------------------------------------------


def parameters_before_and_after(
    fit: Fit, parameters: Sequence[Parameter], truth: Mapping[str, float] | None = None
) -> Figure:
    """Training range, belief, 90 % interval and true value of each parameter, one row each.

    Args:
        fit: The fit.
        parameters: The parameters to show.
        truth: True values; None if they are not known.
    """
    figure = Figure((_WIDTH, 0.5 + _ROW * len(parameters)), layout="constrained")
    panels = figure.subplots(len(parameters), 1, squeeze=False)[:, 0]
    for axes, parameter in zip(panels, parameters, strict=True):
        decorate(axes)
        axes.spines["left"].set_visible(False)
        axes.set_yticks([])
        axes.set_ylim(-1.0, 1.0)
        axes.tick_params(labelsize=7)
        axes.set_ylabel(_name_and_unit(parameter), rotation=0, ha="right", va="center", fontsize=8)
        fitted = fit.parameters[parameter.name]
        estimate = None if fit.believed is None else fit.believed.get(parameter.name)
        draw = _kinds if fitted.kinds else _numbers
        draw(axes, parameter, fitted, estimate)
        if truth is not None:
            true = truth.get(parameter.name, parameter.nominal)
            place = _place(parameter, fitted, true) if fitted.kinds else true
            axes.axvline(place, color=INK, linewidth=1.5, linestyle=":")
    figure.legend(
        handles=list(_legend(fit, truth)), loc="outside upper left", ncols=4, frameon=False, labelcolor=INK, fontsize=8
    )
    return figure


def _name_and_unit(parameter: Parameter) -> str:
    name = literal(parameter.name)
    return name if parameter.unit == "1" or parameter.labels else f"{name}\n{literal(f'[{parameter.unit}]')}"


def _numbers(axes: Axes, parameter: Parameter, fitted: FittedParameter, estimate: Estimate | None) -> None:
    low, high = parameter.train.support
    axes.axvspan(low, high, color=INK, alpha=0.12, linewidth=0)
    faded = 1.0 if fitted.known else _FAINT
    if estimate is not None:
        ends = belief90(parameter, estimate)
        axes.plot(ends, (0.4, 0.4), color=BEFORE, linewidth=2)
        axes.plot(estimate.value, 0.4, "s", color=BEFORE, markersize=4)
    axes.plot((fitted.low, fitted.high), (-0.4, -0.4), color=AFTER, linewidth=3, alpha=faded)
    axes.plot(fitted.value, -0.4, "o", color=AFTER, markersize=5, alpha=faded)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.margins(x=0.05)


def _kinds(axes: Axes, parameter: Parameter, fitted: FittedParameter, estimate: Estimate | None) -> None:
    """A bar for the probability of each kind."""
    values = _all_kinds(parameter, fitted)
    for place, value in enumerate(values):
        height = 1.8 * fitted.kinds.get(value, 0.0)
        axes.bar(place, height, 0.5, bottom=-1.0, color=AFTER, alpha=1.0 if fitted.known else _FAINT)
    for kind in () if estimate is None else (estimate.kinds or (estimate.value,)):
        axes.plot(_place(parameter, fitted, kind), 0.85, "s", color=BEFORE, markersize=4)
    crowded = len(values) > _LEVEL
    axes.set_xticks(
        range(len(values)),
        [literal(parameter.text(value)) for value in values],
        rotation=40 if crowded else 0,
        ha="right" if crowded else "center",
    )
    axes.set_xlim(-0.6, len(values) - 0.4)


def _all_kinds(parameter: Parameter, fitted: FittedParameter) -> list[float]:
    return sorted({*(parameter.choices() or ()), *fitted.kinds})


def _place(parameter: Parameter, fitted: FittedParameter, value: float) -> float:
    """Where a kind is drawn."""
    return float(np.argmin(np.abs(np.array(_all_kinds(parameter, fitted)) - value)))


def belief90(parameter: Parameter, estimate: Estimate) -> tuple[float, float]:
    """Ends of the 90 % interval of a policy's belief, whose ends are one standard deviation away."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if is_logarithmic(parameter) and min(value, low, high) > 0.0:
        ends = value * (low / value) ** _Z90, value * (high / value) ** _Z90
    else:
        ends = value + _Z90 * (low - value), value + _Z90 * (high - value)
    return max(ends[0], parameter.bounds[0]), min(ends[1], parameter.bounds[1])


def _legend(fit: Fit, truth: Mapping[str, float] | None) -> Collection[Line2D | Patch]:
    handles: list[Line2D | Patch] = [Patch(color=INK, alpha=0.12, label="training range")]
    if fit.believed is not None:
        handles.append(Line2D([], [], color=BEFORE, marker="s", markersize=4, label="belief before, 90 %"))
    handles.append(Line2D([], [], color=AFTER, marker="o", linewidth=3, markersize=5, label="fit, 90 %"))
    if truth is not None:
        handles.append(Line2D([], [], color=INK, linestyle=":", label="true value"))
    return handles


# -- fine-tuning -------------------------------------------------------------------------------------------------------


def fine_tuning_curve(history: Sequence[Compared]) -> Figure:
    """Simulated return of the candidate at each comparison of fine-tuning, and of the best policy so far.

    Args:
        history: The comparisons.
    """
    figure = Figure((_WIDTH, 2.6), layout="constrained")
    axes = figure.subplots()
    decorate(axes)
    seconds = [compared.seconds for compared in history]
    returns = np.array([compared.mean_return for compared in history])
    best = np.fmax.accumulate(np.where([compared.best for compared in history], returns, -np.inf))
    axes.plot(seconds, returns, "o", color=AFTER, markersize=4, markerfacecolor="none", label="candidate")
    axes.step(seconds, np.where(np.isfinite(best), best, np.nan), color=AFTER, where="post", label="best so far")
    axes.set_xlabel("seconds of fine-tuning")
    axes.set_ylabel("simulated return")
    return with_legend(figure, axes)

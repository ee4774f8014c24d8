"""Plots of evaluations and runs. They do not touch the global state of matplotlib."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from robotmeta.envs import ParameterSpace, family_names, make
from robotmeta.errors import UserError, printable
from robotmeta.evaluation.evaluation import LABELS, Evaluation, Quantity
from robotmeta.evaluation.intervals import Curve
from robotmeta.files import replaced

INK = "#23272e"
"""Colour of text, axes and grid, and of nothing else, so that a page can replace it by its own."""

BEFORE, AFTER = "#d55e00", "#0072b2"
"""Colours before and after adaptation, from the colour-blind safe palette of Okabe and Ito."""

STYLES: dict[str, tuple[str, str, str]] = {
    "adapted": (AFTER, "-", "o"),
    "zero_shot": (BEFORE, "--", "s"),
    "domain_randomized": ("#009e73", "-.", "^"),
    "from_scratch": ("#8a8f98", ":", "D"),
    "oracle": ("#cc79a7", "--", "v"),
    "fit_fine_tuned": ("#56b4e9", "-", "P"),
    "fine_tuned": ("#e69f00", "-", "X"),
    "domain_randomized_fit_fine_tuned": ("#f0e442", "-", "*"),
    "specialist": (INK, ":", "."),
    "unchanged": (INK, ":", "."),
    "random": ("#c0c4ca", ":", "."),
}
"""Colour, line and marker of each curve."""

_WIDTH, _HEIGHT, _DPI = 5.0, 3.2, 200  # inches; pixels an inch in PNG files
_FORMATS = (".png", ".svg", ".pdf")
_FEW = 12  # most distinct values of a parameter for which tasks of the same value are drawn side by side
_LEVEL = 4  # most labels that fit side by side below a panel


def adaptation_curve(evaluation: Evaluation, *quantities: Quantity) -> Figure:
    """Mean over tasks with a 95 % band against adaptation episodes, for the policy and its controls.

    Args:
        evaluation: The evaluation to plot.
        quantities: One panel each, from :attr:`Evaluation.quantities`; the return by default.
    """
    chosen = quantities or ("return",)
    figure = Figure((_WIDTH * len(chosen), _HEIGHT), dpi=_DPI, layout="constrained")
    panels = figure.subplots(1, len(chosen), squeeze=False).flat
    for axes, quantity in zip(panels, chosen, strict=True):
        decorate(axes)
        for name, curve in evaluation.curves(quantity).items():
            _band(axes, evaluation.episodes, curve, name)
        axes.set_xlabel("adaptation episodes")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel(LABELS[quantity])
        if quantity == "success":
            axes.set_ylim(-0.03, 1.03)
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        elif quantity == "distance":
            axes.set_ylim(bottom=0.0)
            axes.yaxis.set_major_formatter(lambda metres, _: f"{100.0 * metres:g}")
    return with_legend(figure, panels[0])


def task_curve(evaluation: Evaluation, place: int) -> Figure:
    """Return in one task against adaptation episodes, for the policy and its controls.

    Args:
        evaluation: The evaluation to plot.
        place: Place of the task in it.
    """
    figure, axes = _figure()
    for name, curve in evaluation.curves("return").items():
        colour, line, marker = STYLES.get(name, (INK, "-", "."))
        label = name.replace("_", "-")
        axes.plot(
            evaluation.episodes, curve.values[:, place], line, color=colour, marker=marker, markersize=5, label=label
        )
    axes.set_xlabel("adaptation episodes")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(LABELS["return"])
    return with_legend(figure, axes)


def _band(axes: Axes, episodes: Sequence[int], curve: Curve, name: str) -> None:
    colour, line, marker = STYLES.get(name, (INK, "-", "."))
    low, high = curve.ci95.T
    axes.fill_between(episodes, low, high, color=colour, alpha=0.16, linewidth=0)
    axes.plot(episodes, curve.mean, line, color=colour, marker=marker, markersize=5, label=name.replace("_", "-"))


def learning_curve(metrics: Sequence[Mapping[str, Any]]) -> Figure:
    """Return of each meta-training iteration before and after adaptation against control steps, with a running mean.

    Args:
        metrics: Lines of ``metrics.jsonl`` (:func:`robotmeta.training.logs.read_metrics`).
    """
    figure, axes = _figure()
    steps = np.array([line["env_steps"] for line in metrics], dtype=float)
    pre, post = (np.array([line[f"return_{when}"] for line in metrics], dtype=float) for when in ("pre", "post"))
    curves = [("pre-adaptation", BEFORE, "--", pre), ("post-adaptation", AFTER, "-", post)]
    if np.array_equal(pre, post, equal_nan=True):  # a learner without adaptation steps
        curves = [("return", AFTER, "-", post)]
    for label, colour, line, values in curves:
        axes.plot(steps, values, ".", color=colour, markersize=3, alpha=0.35)
        axes.plot(steps, running_mean(values), line, color=colour, label=label)
    axes.set_xlabel("control steps of meta-training")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_ylabel("return")
    return with_legend(figure, axes)


def running_mean(values: np.ndarray) -> np.ndarray:
    """Mean over a window of one thirtieth of the iterations, without those that are NaN."""
    window = max(1, len(values) // 30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of a window of NaN is NaN
        return np.array([np.nanmean(values[max(0, i + 1 - window) : i + 1]) for i in range(len(values))])


def results_by_parameter(evaluation: Evaluation, space: ParameterSpace | None = None) -> Figure:
    """Return of each task before (zero-shot) and after adaptation, against each of its parameters.

    Args:
        evaluation: The evaluation to plot.
        space: The parameters, for units and labels; None for those of the registered family.
    """
    if space is None and evaluation.family in family_names():
        space = make(evaluation.family).space
    adapted, control = evaluation.returns["adapted"], evaluation.returns["zero_shot"]
    assert adapted is not None
    before, after = (control or adapted).values[0], adapted.values[-1]
    names = evaluation.tasks.names
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure = Figure((_WIDTH, 0.6 + (2.0 if rows > 1 else 2.6) * rows), dpi=_DPI, layout="constrained")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).flat
    for axes, name, values in zip(panels, names, evaluation.tasks.values.T, strict=False):
        decorate(axes)
        _before_and_after(
            axes, values, before, after, "zero-shot" if control else "0 episodes", evaluation.episodes[-1]
        )
        parameter = None if space is None else space[name]
        axes.set_xlabel(literal(name if parameter is None or parameter.unit == "1" else f"{name} [{parameter.unit}]"))
        if parameter is not None and parameter.labels:
            kinds = np.unique(values).tolist()
            labels = [literal(parameter.text(kind)) for kind in kinds]
            axes.set_xticks(kinds, labels, rotation=0 if len(kinds) <= _LEVEL else 90)
    for axes in panels[len(names) :]:
        axes.remove()
    for axes in panels[::columns]:
        axes.set_ylabel("return")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False, labelcolor=INK
    )
    return figure


def literal(text: str) -> str:
    """Text that a plot shows as it is: matplotlib reads a formula between two dollar signs."""
    return printable(text).replace("$", r"\$")


def _before_and_after(
    axes: Axes, values: np.ndarray, before: np.ndarray, after: np.ndarray, baseline: str, episodes: int
) -> None:
    """A ring (before), a dot (after) and a line for each task. Tasks of the same value are drawn side by side."""
    levels = np.unique(values)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    if len(levels) <= _FEW and len(levels) < len(values):
        gap = float(np.diff(levels).min()) if len(levels) > 1 else 1.0
        place = np.array([(np.flatnonzero(values == values[i]) < i).mean() for i in range(len(values))])
        values = values + 0.5 * gap * (place - 0.5)
        axes.set_xticks(levels, [f"{level:g}" for level in levels])
    axes.vlines(values, before, after, color=INK, alpha=0.25, linewidth=1)
    axes.plot(values, before, "o", color=BEFORE, markerfacecolor="none", markersize=5, label=baseline)
    axes.plot(values, after, "o", color=AFTER, markersize=5, label=f"after {episodes} episode{'s' * (episodes > 1)}")


def save_figure(figure: Figure, file: Path) -> None:
    """Writes a figure, in full or not at all.

    Args:
        figure: The figure.
        file: ``.png``, ``.svg`` or ``.pdf``.

    Raises:
        UserError: For another suffix, or if the file cannot be written.
    """
    check_format(file)
    with replaced(file) as partial:
        figure.savefig(partial)


def check_format(file: Path) -> None:
    """Raises UserError if the suffix of a file is not a plot format."""
    if file.suffix.lower() not in _FORMATS:
        raise UserError(f"no plot format '{file.suffix}' for {file}; there are: {', '.join(_FORMATS)}")


def _figure() -> tuple[Figure, Axes]:
    figure = Figure((_WIDTH, _HEIGHT), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    decorate(axes)
    return figure, axes


def decorate(axes: Axes) -> None:
    """Applies the style of all plots to axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.tick_params(colors=INK)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.grid(axis="y", color=INK, alpha=0.15, linewidth=0.8)
    axes.set_axisbelow(True)


def with_legend(figure: Figure, axes: Axes) -> Figure:
    """Adds a legend of the curves of some axes above a figure."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False, labelcolor=INK)
    return figure

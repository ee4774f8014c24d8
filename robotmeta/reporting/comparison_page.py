"""A comparison of learners as one self-contained HTML page."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from robotmeta.evaluation.comparison import Comparison
from robotmeta.reporting.page import rendered, svg, write_page
from robotmeta.reporting.plots import INK, decorate, with_legend
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8f98")
_POINTS = 60  # of each learning curve


def comparison_page(comparison: Comparison, folders: Mapping[str, RunFolder], file: Path) -> Path:
    """Writes the page in full or not at all.

    Args:
        comparison: At least one run.
        folders: Run folders by the names of the runs, for the learning curves.
        file: Where.

    Raises:
        UserError: If it cannot be written.
    """
    improvements = comparison.improvements()
    page = rendered(
        "comparison.html",
        comparison=comparison,
        verdict=comparison.verdict(),
        tasks=comparison.runs[0].returns.size,
        improvements=improvements,
        means=svg(_means(comparison), "Interquartile mean of each learner"),
        learning=svg(_learning(comparison, folders), "Return in meta-training"),
        by_task=svg(_by_task(comparison), "Return in each task"),
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    return write_page(file, page)


def _means(comparison: Comparison) -> Figure:
    names = comparison.learners
    figure = Figure((5.0, 0.7 + 0.35 * len(names)), layout="constrained")
    axes = figure.subplots()
    decorate(axes)
    axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.8)
    for place, (name, colour) in enumerate(zip(names, itertools.cycle(_COLOURS), strict=False)):
        found = comparison.interquartile_mean(name)
        low, high = found.ci95 or (found.value, found.value)
        axes.plot([low, high], [place, place], color=colour, linewidth=6, alpha=0.35, solid_capstyle="butt")
        axes.plot([found.value], [place], "o", color=colour)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("interquartile mean of the return")
    return figure


def _learning(comparison: Comparison, folders: Mapping[str, RunFolder]) -> Figure:
    """Mean and range over seeds of the return after adaptation in training, against control steps and minutes."""
    figure = Figure((10.0, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes in (left, right):
        decorate(axes)
    for name, colour in zip(comparison.learners, itertools.cycle(_COLOURS), strict=False):
        logs = [read_metrics(folders[f"{name}, seed {run.seed}"].metrics) for run in comparison.of(name)]
        for axes, quantity, scale in ((left, "env_steps", 1.0), (right, "seconds", 1.0 / 60.0)):
            last = min(log[-1][quantity] for log in logs) * scale
            at = np.linspace(0.0, last, _POINTS)
            curves = [_smooth(log, quantity, scale, at) for log in logs]
            axes.plot(at, np.mean(curves, axis=0), color=colour, label=name)
            axes.fill_between(at, np.min(curves, axis=0), np.max(curves, axis=0), color=colour, alpha=0.15, linewidth=0)
    left.set_xlabel("control steps of meta-training")
    left.xaxis.set_major_formatter(EngFormatter(sep=""))
    left.set_ylabel("return")
    right.set_xlabel("minutes of meta-training")
    return with_legend(figure, left)


def _smooth(log: list[dict[str, float]], quantity: str, scale: float, at: np.ndarray) -> np.ndarray:
    known = [line for line in log if line["return_post"] is not None]
    returns = np.array([line["return_post"] for line in known])
    window = max(1, len(returns) // 30)
    means = np.array([returns[max(0, place + 1 - window) : place + 1].mean() for place in range(len(returns))])
    return np.interp(at, [line[quantity] * scale for line in known], means)


def _by_task(comparison: Comparison) -> Figure:
    """Mean over seeds in each task, the tasks in the order of the first learner's returns."""
    figure = Figure((5.0, 3.2), layout="constrained")
    axes = figure.subplots()
    decorate(axes)
    order = np.argsort(comparison.returns(comparison.learners[0]).mean(axis=0))
    for name, colour in zip(comparison.learners, itertools.cycle(_COLOURS), strict=False):
        axes.plot(comparison.returns(name).mean(axis=0)[order], ".", color=colour, label=name)
    axes.set_xlabel("task, in the order of the first learner's return")
    axes.set_ylabel("return")
    return with_legend(figure, axes)

"""The plot of a curriculum: at which levels a training was, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, PercentFormatter

from robotmeta.reporting.plots import BEFORE, decorate, running_mean, with_legend

_LINES = ("-", "--", ":", "-.", (0, (8, 2, 2, 2)), (0, (1, 3)))


def level_curve(metrics: Sequence[Mapping[str, Any]]) -> Figure | None:
    """Share of the places of the meta-batch at each level of a curriculum, and their mean, against control steps.

    If places keep a kind of task, the mean level of each kind is shown too.

    Args:
        metrics: Lines of ``metrics.jsonl`` (:func:`robotmeta.training.logs.read_metrics`).

    Returns:
        None for a training without a curriculum.
    """
    lines = [line for line in metrics if "level" in line]
    if not lines:
        return None
    names = [name for name in lines[-1] if name.startswith("level_")]
    steps = [line["env_steps"] for line in lines]
    shares = [running_mean(np.array([line.get(name, np.nan) for line in lines], dtype=float)) for name in names]
    kinds = [name for name in lines[-1] if name.endswith("_level")]
    figure = Figure((5.0, 3.4), dpi=200, layout="constrained")
    axes = figure.subplots()
    decorate(axes)
    colours = [matplotlib.colormaps["viridis"](0.95 - 0.9 * place / (len(names) - 1)) for place in range(len(names))]
    labels = [name.replace("_", " ") for name in names]
    axes.stackplot(steps, shares, colors=colours, labels=labels, linewidth=0)
    for place, name in enumerate(["level", *kinds]):
        mean = running_mean(np.array([line.get(name, np.nan) for line in lines], dtype=float)) / (len(names) - 1)
        label = "mean level" if place == 0 else f"of {name.removesuffix('_level')}"
        axes.plot(
            steps,
            mean,
            color=BEFORE,
            label=label,
            linestyle=_LINES[place % len(_LINES)],
            linewidth=1.3 if place else 2.0,
        )
    axes.set_xlabel("control steps of meta-training")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylabel("share of the meta-batch")
    return with_legend(figure, axes)

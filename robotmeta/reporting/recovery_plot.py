"""A plot of what happens around a change within an episode."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from robotmeta.evaluation.recovery import STEADY, Recovery
from robotmeta.reporting.plots import INK, STYLES, decorate, literal, with_legend

_SIZE, _DPI = (6.5, 3.2), 200  # inches; pixels an inch
_SMOOTH = 0.1  # seconds over which the curves are averaged


def around_change(recovery: Recovery) -> Figure:
    """Mean of the measure over tasks against time, with 95 % bands, for each policy; the change is at 0.

    Args:
        recovery: What was measured, from :attr:`robotmeta.Evaluation.recovery`.
    """
    figure = Figure(_SIZE, dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    decorate(axes)
    width = max(1, round(_SMOOTH / recovery.dt))
    for name, recovered in recovery.policies.items():
        series = np.lib.stride_tricks.sliding_window_view(recovered.series, width, axis=1).mean(axis=-1)
        seconds = (np.arange(series.shape[1]) + width - recovery.step) * recovery.dt
        mean, error = series.mean(axis=0), 1.96 * series.std(axis=0) / np.sqrt(len(series))
        colour, line, _ = STYLES.get(name, (INK, "-", "."))
        shown = seconds >= -STEADY
        axes.fill_between(seconds[shown], (mean - error)[shown], (mean + error)[shown], color=colour, alpha=0.16, lw=0)
        axes.plot(seconds[shown], mean[shown], line, color=colour, label=name.replace("_", "-"))
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.set_xlabel("seconds from the change")
    axes.set_ylabel(literal(recovery.measure))
    return with_legend(figure, axes)

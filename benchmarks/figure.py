"""Draws docs/images/results.png: ``python benchmarks/figure.py``.

The figure shows, for each family, the runs of task inference with a domain-randomized control (``learning.py``), on
held-out tasks after the last adaptation episode. Of a family with a longer run it shows that run alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cells import headline
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from result_files import longer_run, runs

from robotmeta.reporting.plots import INK, STYLES, decorate, save_figure

FILE = Path(__file__).parents[1] / "docs" / "images" / "results.png"
_SHOWN = ("adapted", "zero_shot", "domain_randomized")  # from top to bottom
_COLUMNS = 3


def _families() -> dict[str, list[dict[str, Any]]]:
    """Evaluations on held-out tasks by family, one for each seed."""
    found: dict[str, list[dict[str, Any]]] = {}
    for run in runs():
        config, evaluation = run["config"], run["evaluations"]["test"]
        if config["learner"] == "task-inference" and evaluation["return"].get("domain_randomized") is not None:
            found.setdefault(config["family"], []).append(evaluation)
    for family in found:
        if run := longer_run(family):
            found[family] = [run["evaluations"]["test"]]
    return found


def figure(families: dict[str, list[dict[str, Any]]]) -> Figure:
    """One panel per family: means and 95 % intervals of its success rate, or of the return if it defines no success."""
    rows = -(-len(families) // _COLUMNS)
    drawn = Figure((9.0, 1.45 * rows), dpi=150, layout="constrained")
    panels = list(drawn.subplots(rows, _COLUMNS, sharey=True, squeeze=False).flat)
    for axes, (family, seeds) in zip(panels, families.items(), strict=False):
        _panel(axes, family, seeds)
    for axes in panels[len(families) :]:
        axes.remove()
    return drawn


def _panel(axes: Axes, family: str, seeds: list[dict[str, Any]]) -> None:
    decorate(axes)
    measure = headline(seeds[0])
    for place, kind in enumerate(_SHOWN):
        colour, _, marker = STYLES[kind]
        for seed, evaluation in enumerate(seeds):
            mean, (low, high) = (evaluation[measure][kind][key][-1] for key in ("mean", "ci95"))
            height = place + 0.2 * (seed - (len(seeds) - 1) / 2)
            axes.plot([low, high], [height, height], color=colour, linewidth=2, alpha=0.5)
            axes.plot(mean, height, marker, color=colour, markersize=6)
    axes.set_yticks(range(len(_SHOWN)), [kind.replace("_", "-") for kind in _SHOWN])
    axes.set_ylim(len(_SHOWN) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.8)
    axes.set_title(f"{family}, {measure}", loc="left", fontsize=10, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(labelsize=9)
    if measure == "success":
        axes.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0])
        axes.set_xlim(-0.03, 1.03)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))


if __name__ == "__main__":
    save_figure(figure(_families()), FILE)
    print(FILE)

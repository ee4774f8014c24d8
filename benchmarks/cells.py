"""Cells and rows of the Markdown tables of results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

MEASURES = {"return": (1.0, ".1f", ""), "success": (1.0, ".0%", ""), "distance": (100.0, ".1f", " cm")}
"""Factor, format and unit of each measure."""

Result = dict[str, Any]
"""The content of one result file of ``learning.py``."""

_SINCE = "since_then"  # in a result file: what varies in the family now and did not when it was measured


def headline(evaluation: dict[str, Any]) -> str:
    """The main measure of a family: the success rate if the family defines it, else the return."""
    return "success" if "success" in evaluation else "return"


def millions(run: Result) -> str:
    """Control steps of meta-training."""
    return f"{run['env_steps'] / 1e6:.1f}M"


def markdown(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table."""
    lines = columns, ["---"] * len(columns), *rows
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown_as(name: str, run: Result) -> str:
    """The name of a run or of its family, with a mark where the tasks of the family have varied more since the run."""
    return f"{name} †" if _SINCE in run else name


def with_note(table: str, runs: Iterable[Result]) -> str:
    """A table, and below it what the mark means, if a run has it."""
    families: dict[str, list[str]] = {}
    for run in (run for run in runs if _SINCE in run):
        families.setdefault(run[_SINCE], []).append(run["config"]["family"])
    what = "; ".join(f"{added} in {', '.join(dict.fromkeys(names))}" for added, names in families.items())
    note = f"\n\n† Measured before the tasks of the family varied as they do now. New since then: {what}."
    return table + note if what else table


def pooled(curves: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and 95 % interval over seeds and tasks, after the last adaptation episode.

    Seeds are resampled with replacement. All seeds meet the same tasks, so the error of the mean over tasks does not
    get smaller with more seeds: one normal error is added to all, with the mean of their intervals. The interval of a
    single seed is as it was measured, over tasks alone.

    Args:
        curves: Means and intervals over the tasks, for each seed.
    """
    if len(curves) == 1:
        return {key: curves[0][key][-1:] for key in ("mean", "ci95")}
    means = np.array([curve["mean"][-1] for curve in curves])
    error = np.mean([np.diff(curve["ci95"][-1])[0] for curve in curves]) / (2.0 * 1.96)
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(curves), size=(100_000, len(curves)))
    resampled = rng.normal(means[drawn].mean(axis=1), error)
    return {"mean": [float(means.mean())], "ci95": [np.quantile(resampled, [0.025, 0.975]).tolist()]}


def interval(form: str, mean: float, ends: Sequence[float]) -> str:
    """Mean and interval."""
    return f"{mean:{form}} [{ends[0]:{form}}, {ends[1]:{form}}]"


def cell(measure: str, curve: dict[str, Any] | None, index: int = -1) -> str:
    """Mean and interval, by default after the last adaptation episode; empty where it was not measured."""
    if curve is None:
        return ""
    scale, form, unit = MEASURES[measure]
    return interval(form, scale * curve["mean"][index], [scale * end for end in curve["ci95"][index]]) + unit

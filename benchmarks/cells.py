"""Cells and rows of the Markdown tables of learning results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MEASURES = {"return": (1.0, ".1f", ""), "success": (1.0, ".0%", ""), "distance": (100.0, ".1f", " cm")}
"""Factor, format and unit of each measure."""

Result = dict[str, Any]
"""The content of one result file of ``learning.py``."""


def headline(evaluation: dict[str, Any]) -> str:
    """The main measure of a family: the success rate if the family defines it, else the return."""
    return "success" if "success" in evaluation else "return"


def first_runs(runs: Iterable[Result]) -> dict[tuple[str, str], Result]:
    """The first run of each family and learner."""
    found: dict[tuple[str, str], Result] = {}
    for run in runs:
        found.setdefault((run["config"]["family"], run["config"]["learner"]), run)
    return found


def millions(run: Result) -> str:
    """Control steps of meta-training."""
    return f"{run['env_steps'] / 1e6:.1f}M"


def head(columns: Iterable[str]) -> list[str]:
    """The two lines above the rows of a table."""
    names = list(columns)
    return [row(names), row(["---"] * len(names))]


def row(cells: Iterable[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"


def cell(measure: str, curve: dict[str, Any], index: int = -1) -> str:
    """Mean and interval, by default after the last adaptation episode."""
    mean, (low, high) = curve["mean"][index], curve["ci95"][index]
    scale, form, unit = MEASURES[measure]
    return f"{scale * mean:{form}} [{scale * low:{form}}, {scale * high:{form}}]{unit}"

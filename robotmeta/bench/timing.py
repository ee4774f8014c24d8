"""Repeated timing of several things in one run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from robotmeta.console import plain_console

Timed = Callable[[], float]
"""Does some work and returns its rate, or its seconds."""


def medians(timed: Mapping[str, Timed], repeats: int, what: str) -> dict[str, float]:
    """The median figure of each, by name.

    Args:
        timed: What to measure.
        repeats: Number of repetitions. They are interleaved, so that a drift of the machine affects all alike.
        what: Label of the progress bar.
    """
    results: dict[str, list[float]] = {name: [] for name in timed}
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=plain_console(stderr=True)) as shown:
        for repeat in shown.track(range(repeats + 1), description=what):
            for name, work in timed.items():
                figure = work()
                if repeat:  # the first repetition warms up caches and threads
                    results[name].append(figure)
    return {name: statistics.median(figures) for name, figures in results.items()}

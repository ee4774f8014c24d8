"""Repeated timing of several things in one run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

from robotmeta.progress import stage_bar

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
    turns = [(repeat, name) for repeat in range(repeats + 1) for name in timed]
    with stage_bar(what) as bar:
        for done, (repeat, name) in enumerate(turns):
            bar.show(done / len(turns))
            figure = timed[name]()
            if repeat:  # the first repetition warms up caches and threads
                results[name].append(figure)
    return {name: statistics.median(figures) for name, figures in results.items()}

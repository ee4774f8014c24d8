"""Runs that train for a number of control steps, instead of iterations."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Sequence

from robotmeta.training.logs import read_metrics
from robotmeta.training.sweep import Planned


def to_budget(planned: Planned, steps: int, horizon: int) -> Planned:
    """The run with as many iterations as it needs for a number of control steps, by its pace so far.

    Episodes may end early, so a run that was extended may have to be extended again.

    Args:
        planned: The run, whose options have ``--iterations``.
        steps: Control steps.
        horizon: Control steps of an episode that does not end early.
    """
    hyper, done = planned.config.hyperparameters, planned.folder.iteration if planned.folder.exists() else 0
    made = progress(planned)[0] if done else 0
    pace = made / done if done else hyper.rollouts * hyper.tasks * hyper.episodes * horizon
    iterations = done if made >= steps else done + max(1, math.ceil((steps - made) / pace))
    place = planned.options.index("--iterations") + 1
    options = (*planned.options[:place], str(iterations), *planned.options[place + 1 :])
    return dataclasses.replace(
        planned, config=dataclasses.replace(planned.config, iterations=iterations), options=options
    )


def progress(planned: Planned) -> tuple[int, float]:
    """Control steps and minutes of a run until its last checkpoint."""
    lines = read_metrics(planned.folder.metrics)[: planned.folder.iteration]
    return (lines[-1]["env_steps"], lines[-1]["seconds"] / 60.0) if lines else (0, 0.0)


def share_done(plan: Sequence[Planned], steps: int) -> float:
    """How much of the budgets of all runs is done."""
    logs = (read_metrics(planned.folder.metrics) for planned in plan)
    return statistics.fmean(min(1.0, log[-1]["env_steps"] / steps) if log else 0.0 for log in logs)


def share_of_iterations(plan: Sequence[Planned]) -> float:
    """How much of the iterations of all runs is done."""
    done = (len(read_metrics(planned.folder.metrics)) / planned.config.iterations for planned in plan)
    return statistics.fmean(min(1.0, share) for share in done)

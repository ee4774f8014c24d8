"""Runs that train for a number of control steps, instead of iterations."""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections.abc import Sequence
from typing import Any

from robotmeta.errors import UserError
from robotmeta.training.logs import read_metrics
from robotmeta.training.sweep import Planned

_CLOSE = 0.1  # of a budget, which may be left or exceeded
_RECENT = 10  # iterations that the pace is measured over


def to_budget(planned: Planned, steps: int, horizon: int) -> Planned:
    """The run with as many iterations as it needs for a number of control steps, by its latest pace.

    Episodes may end early, and later ones may be longer. So a run is extended again and again: at most to twice its
    iterations, and never by so much that it would exceed the number of control steps if its pace doubled.

    Args:
        planned: The run, whose options have ``--iterations``.
        steps: Control steps.
        horizon: Control steps of an episode that does not end early.
    """
    hyper, done = planned.config.hyperparameters, planned.folder.iteration if planned.folder.exists() else 0
    made = progress(planned)[0] if done else 0
    full = hyper.rollouts * hyper.tasks * hyper.episodes * horizon  # if no episode ends early
    pace = statistics.fmean(_paces(planned)[-_RECENT:] or [full])
    expected = pace if steps - made <= _CLOSE * steps else max(pace, min(full, 2.0 * pace))
    iterations = done if made >= steps else done + math.ceil((steps - made) / expected)
    iterations = min(iterations, 2 * done) if pace < full else iterations
    place = planned.options.index("--iterations") + 1
    options = (*planned.options[:place], str(iterations), *planned.options[place + 1 :])
    return dataclasses.replace(
        planned, config=dataclasses.replace(planned.config, iterations=iterations), options=options
    )


def check_budget(planned: Planned, steps: int) -> None:
    """Checks that a run has not gone clearly beyond a budget, since it would be compared with shorter ones.

    Args:
        planned: The run.
        steps: Control steps of the budget.

    Raises:
        UserError: If it has.
    """
    made, paces = progress(planned)[0], _paces(planned)
    if paces and made > (1.0 + _CLOSE) * steps + max(paces):
        raise UserError(
            f"{planned.folder.path} holds a run of {made} control steps, beyond the budget of {steps}; choose "
            f"--budget {made} for all runs, or another --out"
        )


def progress(planned: Planned) -> tuple[int, float]:
    """Control steps and minutes of a run until its last checkpoint."""
    lines = _lines(planned)
    return (lines[-1]["env_steps"], lines[-1]["seconds"] / 60.0) if lines else (0, 0.0)


def _lines(planned: Planned) -> list[dict[str, Any]]:
    """The log of a run until its last checkpoint."""
    return read_metrics(planned.folder.metrics)[: planned.folder.iteration]


def _paces(planned: Planned) -> list[int]:
    """Control steps of each iteration of a run until its last checkpoint."""
    made = [0, *(line["env_steps"] for line in _lines(planned))]
    return [after - before for before, after in itertools.pairwise(made)]


def share_done(plan: Sequence[Planned], steps: int) -> float:
    """How much of the budgets of all runs is done."""
    logs = (read_metrics(planned.folder.metrics) for planned in plan)
    return statistics.fmean(min(1.0, log[-1]["env_steps"] / steps) if log else 0.0 for log in logs)


def share_of_iterations(plan: Sequence[Planned]) -> float:
    """How much of the iterations of all runs is done."""
    done = (len(read_metrics(planned.folder.metrics)) / planned.config.iterations for planned in plan)
    return statistics.fmean(min(1.0, share) for share in done)

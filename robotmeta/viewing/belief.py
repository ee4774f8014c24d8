"""What a policy believes of its task, beside the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robotmeta.envs import Estimate, Parameter, Tasks
from robotmeta.viewing.session import LiveSession


@dataclass(frozen=True)
class BeliefRow:
    """One parameter.

    Attributes:
        name: Name of the parameter.
        truth: Its true value as people read it.
        inferred: The most likely value as people read it, without a unit; for kinds, all plausible ones.
        spread: One standard deviation below and above it; "" for kinds.
        error: How far that value is from the true one, in standard deviations over the training tasks; infinite for
            another kind.
        known: How far the uncertainty is below the spread over all tasks, from 0 to 1.
        matters: Whether the parameter has an effect in this task.
    """

    name: str
    truth: str
    inferred: str
    spread: str
    error: float
    known: float
    matters: bool


def belief_rows(session: LiveSession) -> list[BeliefRow]:
    """The belief of a session beside the truth, in the order of the parameters; empty if the learner infers nothing."""
    policy = session.policy
    estimates = policy.estimates(session.belief)
    if estimates is None:
        return []
    space, true = policy.family.inferred, session.truth
    row = {parameter.name: true.get(parameter.name, parameter.nominal) for parameter in space}
    guess = {name: estimates[name].value for name in row}
    apart = policy.family.encoding.distances(_task(row), _task(guess))
    return [
        BeliefRow(
            parameter.name,
            parameter.text(row[parameter.name]),
            *_inferred(parameter, estimates[parameter.name]),
            apart[parameter.name],
            estimates[parameter.name].known,
            space.matters(parameter.name, row),
        )
        for parameter in space
    ]


def error_text(error: float) -> str:
    """An error as people read it."""
    return "other" if math.isinf(error) else f"{error:.1f}"


def _task(row: dict[str, float]) -> Tasks:
    return Tasks(tuple(row), np.array([list(row.values())]))


def _inferred(parameter: Parameter, estimate: Estimate) -> tuple[str, str]:
    """The inferred value, and its spread."""
    if estimate.kinds:
        return " or ".join(parameter.text(kind, unit=False) for kind in estimate.kinds), ""
    low, high = (f"{end:.2g}" if abs(end) < 100.0 else f"{end:.0f}" for end in (estimate.low, estimate.high))
    return parameter.text(estimate.value, unit=False), f"{low} to {high}"

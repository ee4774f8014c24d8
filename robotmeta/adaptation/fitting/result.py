"""The result of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robotmeta.adaptation.posterior import TaskPosterior
from robotmeta.envs import Estimate, Tasks
from robotmeta.versions import versions

_FEW = 0.2  # share of the signals


@dataclass(frozen=True)
class FittedParameter:
    """What a fit knows of one parameter.

    Attributes:
        value: The most likely value.
        low, high: Ends of the 90 % interval; for kinds, of the plausible ones.
        known: Whether the episodes tell it. If not, value and interval are those of the training distribution.
        kinds: Probability of each kind that is at least 1 %, the most likely first; empty for a number.
    """

    value: float
    low: float
    high: float
    known: bool
    kinds: Mapping[float, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Fit:
    """The result of a fit.

    Attributes:
        posterior: Tasks that explain the episodes.
        parameters: What is known of each parameter.
        best: The task with the smallest error.
        before, after: Error of each signal in replays of ten steps, in standard deviations of the signal, for the task
            that was believed before the fit and for the best one. Three quarters of the steps have a smaller error.
        believed: Estimates before the fit, of the policy; None without one.
        signals: Names of the observations, and ``"reward"``.
        measured: The recorded signals after each step, ``[episode, time, signal]``; NaN after the end of an episode.
        simulated: The same in replays of ten steps, for the task ``"before"`` the fit and the best one ``"after"`` it;
            NaN also where no step was replayed.
        unexplained: Signals that the best task does not explain: their error is above 0.15, and above twice the one
            that would be left if the robot were the best task itself.
        saturated: Share of the recorded actions that were at their limit.
        episodes: Number of episodes.
        steps: Control steps that were simulated.
        seconds: Duration.
    """

    posterior: TaskPosterior
    parameters: dict[str, FittedParameter]
    best: Tasks
    before: dict[str, float]
    after: dict[str, float]
    unexplained: tuple[str, ...]
    saturated: float
    episodes: int
    steps: int
    seconds: float
    believed: Mapping[str, Estimate] | None = None
    signals: tuple[str, ...] = ()
    measured: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)
    simulated: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def explained(self) -> bool:
        """Whether the robot is like one of the family: the best task explains most signals.

        Hard contacts leave a few signals unexplained in every family.
        """
        return len(self.unexplained) <= _FEW * len(self.after)

    def to_json(self) -> dict[str, Any]:
        """The JSON object that ``robotmeta fit --out`` writes."""
        return {
            "parameters": {
                name: {
                    "value": p.value,
                    "ci90": [p.low, p.high],
                    "known": p.known,
                    **({"kinds": {f"{kind:g}": share for kind, share in p.kinds.items()}} if p.kinds else {}),
                }
                for name, p in self.parameters.items()
            },
            "error": {"before": self.before, "after": self.after},
            "explained": self.explained,
            "unexplained": list(self.unexplained),
            "saturated_actions": self.saturated,
            "episodes": self.episodes,
            "env_steps": self.steps,
            "seconds": self.seconds,
            "posterior": {"names": self.posterior.tasks.names, "tasks": self.posterior.tasks.values.tolist()},
            "versions": versions(),
        }

"""What a robot may be asked to do: limits of its actions, its steps, and the time that a step takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from robotmeta.adapters.guard import Misfit
from robotmeta.envs import checks
from robotmeta.errors import TrainingDiverged, UserError, reason

Stop = Callable[[Any, float, dict[str, Any]], bool]
"""``stop(observation, reward, info)``, with what the environment returned."""


@dataclass(frozen=True)
class Limits:
    """Limits of an environment. None is no limit.

    Attributes:
        max_steps: Control steps in all, over all episodes.
        timeout: Seconds a step or a reset may take.
        action_limit: Largest absolute value of an action, in the policy's range of [-1, 1].
        action_rate: Largest change of an action from one control step to the next, in the same range. Each episode
            starts from 0, the middle of the bounds.
        stop: Called after each step; True ends the adaptation. No further step is made.

    Raises:
        UserError: For a limit that is not positive, or a ``stop`` that cannot be called.
    """

    max_steps: int | None = None
    timeout: float | None = None
    action_limit: float | None = None
    action_rate: float | None = None
    stop: Stop | None = None

    def __post_init__(self) -> None:
        if self.max_steps is not None:
            checks.count("max_steps", self.max_steps)
        for name in ("timeout", "action_limit", "action_rate"):
            if getattr(self, name) is not None:
                checks.positive(name, getattr(self, name))
        if self.stop is not None and not callable(self.stop):
            raise UserError(f"stop must be a function of (observation, reward, info), not {self.stop!r}")

    def applied(self, action: np.ndarray, last: np.ndarray) -> np.ndarray:
        """The action that is allowed, ``[action]``, after the last one.

        Raises:
            TrainingDiverged: For an action that is not finite, which no robot gets.
        """
        if not np.isfinite(action).all():
            raise TrainingDiverged("the policy's actions are not finite numbers")
        largest = 1.0 if self.action_limit is None else min(1.0, self.action_limit)
        action = np.clip(action, -largest, largest)
        if self.action_rate is not None:
            action = np.clip(action, last - self.action_rate, last + self.action_rate)
        return action

    def stops(self, observation: Any, reward: float, info: dict[str, Any]) -> bool:
        """Whether the ``stop`` function ends the adaptation after a step.

        Raises:
            Misfit: If it raises an error.
        """
        try:
            return self.stop is not None and bool(self.stop(observation, reward, info))
        except Exception as error:  # the user's own code
            raise Misfit(f"its stop function raised {reason(error)}") from error

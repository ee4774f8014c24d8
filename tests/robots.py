"""A small environment with the interface of point navigation, whose faults a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from robotmeta.config import RunConfig, hyperparameters
from robotmeta.policy import Policy, new_policy

Returned = tuple[Any, ...]
Fault = Callable[[Returned], Any]
"""Gets what ``step`` or ``reset`` would return, and returns something else or raises."""


class Robot(gymnasium.Env[Any, np.ndarray]):
    """A point that its action moves; the reward is its distance from (0.3, 0).

    Args:
        at: The step, counted over all episodes, that has the fault.
        step: The fault of that step.
        reset: The fault of the first reset after it; of the first of all if ``at`` is 0.
    """

    def __init__(self, *, at: int = 0, step: Fault | None = None, reset: Fault | None = None) -> None:
        self.observation_space: spaces.Space[Any] = spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.action_space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.at, self.faults = at, {"step": step, "reset": reset}
        self.place = np.zeros(2, np.float32)
        self.actions: list[np.ndarray] = []
        self.closed = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.place = self.np_random.uniform(-0.01, 0.01, 2).astype(np.float32)
        return self._with_fault("reset", (self.seen(), {}), len(self.actions) >= self.at)

    def step(self, action: np.ndarray) -> Any:
        self.actions.append(np.array(action))
        self.place = self.place + 0.1 * np.asarray(action, np.float32)
        reward = -float(np.hypot(self.place[0] - 0.3, self.place[1]))
        return self._with_fault("step", (self.seen(), reward, False, False, {}), len(self.actions) == self.at)

    def close(self) -> None:
        self.closed += 1

    def seen(self) -> Any:
        """The observation; other robots observe in other ways."""
        return self.place.copy()

    def _with_fault(self, where: str, returned: Returned, now: bool) -> Any:
        fault = self.faults[where]
        return returned if fault is None or not now else fault(returned)


def point_policy(learner: str = "rl2", **changes: Any) -> Policy:
    """An untrained policy of point navigation."""
    return new_policy(RunConfig("point-navigation", learner, hyperparameters(learner, changes)))


def arrays(file: Path) -> dict[str, np.ndarray]:
    """The content of an episodes file."""
    with np.load(file) as loaded:
        return dict(loaded)


def raising(error: BaseException) -> Fault:
    """A fault that raises."""

    def fault(returned: Returned) -> Any:
        raise error

    return fault


def replacing(index: int, value: Any) -> Fault:
    """A fault that replaces one entry of what is returned."""
    return lambda returned: (*returned[:index], value, *returned[index + 1 :])

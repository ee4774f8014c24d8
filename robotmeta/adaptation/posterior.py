"""What is known about one task: weighted tasks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robotmeta.envs import Tasks


@dataclass(frozen=True)
class TaskPosterior:
    """A distribution over tasks, as weighted tasks.

    Attributes:
        tasks: The tasks.
        weights: Their probabilities, ``[task]``; they sum to 1.
    """

    tasks: Tasks
    weights: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights, np.float64)
        if weights.shape != (len(self.tasks),):
            raise ValueError(f"{len(self.tasks)} tasks need as many weights, not {weights.shape}")
        if not (np.isfinite(weights).all() and (weights >= 0.0).all() and weights.sum() > 0.0):
            raise ValueError("weights must be finite and not negative, and one of them positive")
        object.__setattr__(self, "weights", weights / weights.sum())

    @classmethod
    def of(cls, tasks: Tasks) -> TaskPosterior:
        """Tasks that are equally likely; one task is a task that is known."""
        return cls(tasks, np.full(len(tasks), 1.0 / len(tasks)))

    def sample(self, count: int, rng: np.random.Generator) -> Tasks:
        """Draws tasks, with as little repetition as the weights allow (systematic resampling)."""
        ends = np.cumsum(self.weights)
        places = (rng.uniform() + np.arange(count)) / count
        chosen = np.minimum(np.searchsorted(ends, places * ends[-1], side="right"), len(self.tasks) - 1)
        return self.tasks[rng.permutation(chosen)]

"""What follows the adaptation episodes: stages that take place in simulation alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from robotmeta.adaptation.fine_tune import FineTuned, FineTuning, check_fine_tuning, fine_tune
from robotmeta.adaptation.posterior import TaskPosterior
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Rollout
from robotmeta.policy import Policy


@dataclass(frozen=True)
class Stages:
    """Fine-tuning, if there is a budget for it.

    Attributes:
        budget: Budget of fine-tuning; None for no fine-tuning.
        tasks: The tasks to fine-tune in; None for the training distribution.
        seed: Determines what is drawn.
        simulator: Physics backend; None for that of the policy's run.
        out: Folder for its state; None to save none.
        on_progress: Called after each iteration.
    """

    budget: str | int | None
    tasks: TaskPosterior | None
    seed: int
    simulator: str | None
    out: str | Path | None
    on_progress: Callable[[FineTuning], None] | None

    def check(self, policy: Policy) -> None:
        """Raises UserError for what fine-tuning refuses, before the robot runs."""
        if self.budget is not None:
            check_fine_tuning(policy, self.tasks, self.budget, simulator=self.simulator, out=self.out)
        elif (self.tasks, self.out, self.on_progress) != (None, None, None):
            raise UserError("fine_tune_tasks, fine_tune_out and on_fine_tuning are for fine-tuning: give fine_tune too")

    def run(self, adapted: Policy, rollouts: Sequence[Rollout]) -> FineTuned | None:
        """Fine-tunes an adapted policy.

        Args:
            adapted: The policy with the belief that it formed in the robot's episodes.
            rollouts: These episodes.
        """
        if self.budget is None:
            return None
        return fine_tune(
            adapted,
            self.tasks,
            budget=self.budget,
            seed=self.seed,
            rollouts=rollouts,
            simulator=self.simulator,
            out=self.out,
            on_progress=self.on_progress,
        )

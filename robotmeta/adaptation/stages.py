"""What follows the adaptation episodes: stages that take place in simulation alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from robotmeta.adaptation.fine_tune import KL_WEIGHT, FineTuned, FineTuning, check_fine_tuning, fine_tune
from robotmeta.adaptation.fitting.fit_episodes import check_fit, fit_episodes
from robotmeta.adaptation.fitting.result import Fit
from robotmeta.adaptation.known import tasks_with
from robotmeta.adaptation.posterior import TaskPosterior
from robotmeta.adaptation.target import Collected
from robotmeta.envs import Tasks
from robotmeta.errors import UserError
from robotmeta.policy import Policy


class _Learning(TypedDict):
    learning_rate: float | None
    kl_weight: float


def check_stages(policy: Policy, *, fit: bool, fine_tune: str | int | None) -> None:
    """Checks that a policy can go through a fit and fine-tuning, if they are asked for, before anything runs.

    Raises:
        UserError: For a family that cannot be fitted, a learner that cannot be fine-tuned, or a wrong budget.
    """
    if fit:
        check_fit(policy.family, None)
    if fine_tune is not None:
        check_fine_tuning(policy, None, fine_tune)


@dataclass(frozen=True)
class Stages:
    """A fit, if asked for, and fine-tuning, if there is a budget for it.

    Attributes:
        fit: Whether to fit the simulator to the adaptation episodes. Fine-tuning then takes place in the tasks that the
            fit finds.
        known: Parameters that are known, by name. The fit does not search them. Without a fit, fine-tuning takes place
            in training tasks that have these values.
        force: Whether to fine-tune although the fit does not explain the episodes.
        on_fitting: Called when the fit begins and after each cycle, with the number of finished cycles and of all.
        budget: Budget of fine-tuning; None for no fine-tuning.
        tasks: The tasks to fine-tune in; None for the training distribution, or what ``known`` leaves of it.
        learning_rate: Learning rate of fine-tuning; None for the learner's.
        kl_weight: Weight of the divergence from the adapted policy; None for the default.
        seed: Determines what is drawn.
        simulator: Physics backend; None for that of the policy's run.
        out: Folder for its state; None to save none.
        on_progress: Called after each iteration.
        rounds: How often adaptation episodes are collected, each time followed by a fit to all of them and fine-tuning.
    """

    fit: bool
    known: Mapping[str, float | str] | None
    force: bool
    on_fitting: Callable[[int, int], None] | None
    budget: str | int | None
    tasks: TaskPosterior | Tasks | None
    learning_rate: float | None
    kl_weight: float | None
    seed: int
    simulator: str | None
    out: str | Path | None
    on_progress: Callable[[FineTuning], None] | None
    rounds: int = 1

    def check(self, policy: Policy) -> None:
        """Raises UserError for what fine-tuning refuses, before the robot runs."""
        if self.budget is not None:
            tasks = self._without_fit(policy)
            check_fine_tuning(policy, tasks, self.budget, **self._learning, simulator=self.simulator, out=self.out)
        if not self.fit and self.on_fitting is not None:
            raise UserError("on_fitting is for a fit: give fit=True too")
        if self.known and not self.fit and self.budget is None:
            raise UserError("known is for a fit or fine-tuning: give fit=True or fine_tune too")
        if self.known and self.tasks is not None and not self.fit:
            raise UserError("give either known or fine_tune_tasks: both say what to fine-tune in")
        if self.fit:
            check_fit(policy.family, self.known)
        if self.fit and self.tasks is not None:
            raise UserError("give either fit=True or fine_tune_tasks: both say what to fine-tune in")
        if self.rounds > 1 and (not self.fit or self.budget is None):
            raise UserError("rounds are for a fit with fine-tuning: give fit=True and fine_tune too")
        for name in ("tasks", "learning_rate", "kl_weight", "out", "on_progress"):
            if self.budget is None and getattr(self, name) is not None:
                given = "on_fine_tuning" if name == "on_progress" else f"fine_tune_{name}"
                raise UserError(f"{given} is for fine-tuning: give fine_tune too")

    def fitted(self, collected: Collected) -> Fit | None:
        """The fit to all episodes so far; None if it is not asked for."""
        adapted = collected.adapted
        if not self.fit or adapted.belief is None:
            return None
        return fit_episodes(
            adapted.family,
            collected.recorded,
            believed=adapted.estimates(adapted.belief),
            known=self.known,
            seed=self.seed,
            simulator=self.simulator or adapted.config.simulator,
            on_progress=self.on_fitting,
        )

    def fine_tuned(self, collected: Collected, found: Fit | None, number: int) -> FineTuned | None:
        """Fine-tuning of the policy that collected the episodes, in the tasks of a fit if there is one.

        Args:
            collected: The episodes.
            found: The fit.
            number: Number of the round, counted from 0.

        Returns:
            None if it is not asked for, or if no task of the family explains the episodes.
        """
        if self.budget is None or (found is not None and not found.explained and not self.force):
            return None
        return fine_tune(
            collected.adapted,
            self._without_fit(collected.adapted) if found is None else found.posterior,
            budget=self.budget,
            **self._learning,
            seed=self.seed + number,
            rollouts=collected.rollouts,
            simulator=self.simulator,
            out=self.out if self.out is None or number == 0 else Path(self.out) / f"round-{number + 1}",
            on_progress=self.on_progress,
        )

    def _without_fit(self, policy: Policy) -> TaskPosterior | Tasks | None:
        """The tasks to fine-tune in where no fit finds them; None for the training distribution."""
        if self.fit or not self.known:
            return self.tasks
        return tasks_with(policy.family, self.known, self.seed)

    @property
    def _learning(self) -> _Learning:
        kl_weight = KL_WEIGHT if self.kl_weight is None else self.kl_weight
        return {"learning_rate": self.learning_rate, "kl_weight": kl_weight}

"""The outer loop of fine-tuning: update, compare, keep the better policy."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from robotmeta.adaptation.fine_tuning.budget import Budget
from robotmeta.adaptation.fine_tuning.candidate import Candidate
from robotmeta.adaptation.fine_tuning.comparison import Comparison
from robotmeta.adaptation.fine_tuning.state import Compared, StateFolder
from robotmeta.envs import TaskBatchEnv, Tasks
from robotmeta.errors import SimulationDiverged, TrainingDiverged
from robotmeta.interrupts import StopSignal
from robotmeta.metalearners.protocol import Anchor
from robotmeta.metalearners.trials import Trials
from robotmeta.metalearners.updates import Updates
from robotmeta.seeding import streams

_EVERY = 5  # iterations from one comparison to the next
_LATELY = 8  # comparisons that tell whether anything is still gained


class TaskSource(Protocol):
    """Where tasks are drawn from: a posterior, or a family."""

    def sample(self, count: int, rng: np.random.Generator) -> Tasks: ...


@dataclass(frozen=True)
class FineTuning:
    """How far a fine-tuning is.

    Attributes:
        iteration: Number of iterations so far, each of an episode in every world.
        steps: Control steps of simulation so far.
        seconds: Seconds so far.
        share: Share of the budget that is used, at most 1.
        left: Seconds until the budget is spent, if it goes on like this.
        return_before: Mean simulated return of the policy that it began with.
        return_best: That of the best policy so far, in the same tasks.
    """

    iteration: int
    steps: int
    seconds: float
    share: float
    left: float
    return_before: float
    return_best: float


class Loop:
    """One fine-tuning.

    Args:
        candidate: What is trained.
        env: Its worlds.
        source: Where their tasks are drawn from.
        comparison: What decides which policy is kept.
        budget: When it ends.
        folder: Where its state is saved after each comparison, and read from at the start.
        seed: Determines tasks, initial states, exploration and shuffling.
        kl_weight: Weight of the divergence from the candidate as it is at first.
        on_progress: Called after each iteration.

    Attributes:
        best: The best policy so far.
        progress: How far it is.
        history: The comparisons so far.
        stopped: Why it ended before its budget was spent; None if it did not.
    """

    def __init__(
        self,
        candidate: Candidate,
        env: TaskBatchEnv,
        source: TaskSource,
        comparison: Comparison,
        budget: Budget,
        folder: StateFolder,
        *,
        seed: int,
        kl_weight: float,
        on_progress: Callable[[FineTuning], None] | None = None,
    ) -> None:
        self._candidate, self._source = candidate, source
        self._comparison, self._budget, self._folder = comparison, budget, folder
        self._seed, self._on_progress = seed, on_progress
        self._anchor = Anchor(candidate.copy(), kl_weight)
        self._began = time.perf_counter()
        self.best, self.progress, self.history = folder.load(candidate)
        self._trials = Trials(env, candidate.learner, folder.trials())
        self._began -= self.progress.seconds
        self._best_returns = comparison.returns(self.best)
        if not self.history:
            self._count(self._best_returns.steps)
            self._note(self._best_returns.mean().mean, best=True)
        self.stopped = self._why_enough()

    def run(self, stop: StopSignal) -> None:
        """Goes on until the budget is spent, nothing is gained any more, the update diverges, or a signal comes."""
        # until the budget is spent:
        #     tasks ~ posterior                        a meta-batch
        #     trial = collect(tasks)                   experience of the candidate
        #     update(trial, anchor)                    outer loop, with w KL(pi, pi_anchor) in its loss
        #     now and then: keep the candidate if its return is higher than the best policy's in the same worlds
        while self.stopped is None and (self._used() < 1.0 or self.progress.iteration == 0):
            try:
                self._update()
            except (SimulationDiverged, TrainingDiverged) as error:
                self.stopped = f"it diverged: {error}"
                return
            if self.progress.iteration % _EVERY == 0:
                self._compare()
                self._save()
                self.stopped = self._why_enough()
            self._report()
            if stop:
                self.stopped = "a signal stopped it"
        if self.history[-1].iteration < self.progress.iteration:
            self._save()  # without this comparison, which a fine-tuning that goes on would not have made
            self._compare()

    def _update(self) -> None:
        learner = self._candidate.learner
        generator, rng = streams(self._seed, "fine-tuning", self.progress.iteration)
        updates = Updates(learner, generator, self._anchor)
        for part in self._trials.parts(partial(self._source.sample, rng=rng), generator):
            updates(part)
        self._candidate.check_finite()
        self._count(self._trials.whole.steps)
        self.progress = dataclasses.replace(self.progress, iteration=self.progress.iteration + 1)

    def _compare(self) -> None:
        """Compares the candidate with the best policy so far, and keeps the better one."""
        policy = self._candidate.policy()
        returns = self._comparison.returns(policy)
        self._count(returns.steps)
        better = returns.gain(self._best_returns).mean > 0.0
        if better:
            self.best, self._best_returns = policy, returns
            self.progress = dataclasses.replace(self.progress, kept=self.progress.iteration)
        self._note(returns.mean().mean, best=better)

    def _save(self) -> None:
        policy, learner = self._candidate.policy(), self._candidate.learner
        self._folder.save(policy, learner, self._trials.state(), self.best, self.progress, self.history)

    def _why_enough(self) -> str | None:
        return f"{_LATELY} comparisons in succession gained nothing" if is_enough(self.history) else None

    def _note(self, mean_return: float, *, best: bool) -> None:
        now = self.progress
        self.history.append(Compared(now.iteration, now.steps, now.seconds, mean_return, best))

    def _count(self, steps: int) -> None:
        seconds = time.perf_counter() - self._began
        self.progress = dataclasses.replace(self.progress, steps=self.progress.steps + steps, seconds=seconds)

    def _used(self) -> float:
        return self._budget.used(self.progress.steps, time.perf_counter() - self._began)

    def _report(self) -> None:
        if self._on_progress is None:
            return
        now, share = self.progress, min(self._used(), 1.0)
        left = now.seconds * (1.0 - share) / max(share, 1e-9)
        best = self._best_returns.mean().mean
        before = self.history[0].mean_return
        self._on_progress(FineTuning(now.iteration, now.steps, now.seconds, share, left, before, best))


def is_enough(history: Sequence[Compared]) -> bool:
    """Whether the last comparisons gained nothing: none was the best, and their mean is not above that before them.

    A comparison is noisy. A policy that gets better slowly may not be the best for a while.
    """
    lately, before = history[-_LATELY:], history[:-_LATELY][-_LATELY:]
    if not before or any(compared.best for compared in lately):
        return False
    means = [float(np.mean([compared.mean_return for compared in part])) for part in (before, lately)]
    return not means[1] > means[0]

"""Seconds of the parts of a meta-training iteration."""

from __future__ import annotations

import time
from functools import partial

from robotmeta.bench.timing import Timed
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.experience.rollout import Trial
from robotmeta.metalearners import DEFAULT
from robotmeta.metalearners.promp import ProMP, ProMPConfig
from robotmeta.metalearners.trials import Trials
from robotmeta.metalearners.updates import Updates
from robotmeta.policy import Policy, new_policy
from robotmeta.seeding import streams
from robotmeta.threads import available_cores, one_torch_thread, torch_threads
from robotmeta.training.train import training_env

LEARNERS = {"promp": {**ProMPConfig.presets["paper"], "max_kl": 1e6}, "rl2": {}, DEFAULT: {}}
"""Hyper-parameters by learner."""


def updates(family: str, threads: int) -> dict[str, Timed]:
    """Collection and update of an iteration, for the default learner, RL2, and ProMP as published (40 x 20 episodes).

    ProMP runs all its epochs, without early stopping, so that it compares with a loop that has none.
    """
    figures: dict[str, Timed] = {}
    for learner, hyper in LEARNERS.items():
        iteration = _Iteration(new_policy(RunConfig(family, learner, hyperparameters(learner, hyper))), threads)
        figures[f"{learner}: collect"] = iteration.collect
        figures[f"{learner}: meta-update"] = iteration.update
        if learner == "promp":
            figures["promp: meta-update, Python loop over tasks"] = iteration.update_in_loop
    return figures


class _Iteration:
    """One meta-training iteration in parts. Updates use what was collected last."""

    def __init__(self, policy: Policy, threads: int) -> None:
        self._policy = policy
        self._trials = Trials(training_env(policy, threads), policy.learner)

    def collect(self) -> float:
        generator, rng = streams(0, "bench")
        began = time.perf_counter()
        self._parts = list(self._trials.parts(partial(self._policy.family.sample, rng=rng), generator))
        return time.perf_counter() - began

    def update(self) -> float:
        generator, _ = streams(0, "bench")
        with one_torch_thread():
            began = time.perf_counter()
            updates = Updates(self._policy.learner, generator)
            for part in self._parts:
                updates(part)
            return time.perf_counter() - began

    def update_in_loop(self) -> float:
        """The update as a Python loop over tasks, with one torch thread or one per core, whichever is faster."""
        learner = self._policy.learner
        assert isinstance(learner, ProMP)
        seconds = []
        for count in {1, available_cores()}:
            with torch_threads(count):
                began = time.perf_counter()
                loop_over_tasks(learner, self._trials.whole)
                seconds.append(time.perf_counter() - began)
        return min(seconds)


def loop_over_tasks(learner: ProMP, trial: Trial) -> None:
    """The gradients of an update of ProMP, one task at a time, for comparison with the batched update."""
    before, after = (learner.samples(rollout) for rollout in trial.rollouts)
    for _ in range(learner.config.epochs):
        for task in range(len(after.mask)):
            row = slice(task, task + 1)
            learner.losses([before.tasks(row)], after.tasks(row))["loss"].backward()

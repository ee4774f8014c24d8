"""Staggered trials: which episodes a meta-update gets, and with which beliefs."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import torch

from robotmeta.config import RunConfig
from robotmeta.experience.rollout import Trial, concatenate_episodes
from robotmeta.metalearners.task_inference import TaskInference
from robotmeta.metalearners.trials import Trials
from robotmeta.policy import Policy
from robotmeta.training.outcomes import outcomes_of
from robotmeta.training.train import training_env
from tests.learning import ending_early, generator, learner_of

_FAMILY = ending_early()


def task_inference() -> tuple[TaskInference, Trials]:
    learner = learner_of("task-inference", _FAMILY, meta_batch=4, adaptation_steps=2)
    assert isinstance(learner, TaskInference)
    env = training_env(Policy(_FAMILY, RunConfig(_FAMILY.name, "task-inference", learner.config), learner))
    return learner, Trials(env, learner)


def staggered(updates: int) -> tuple[TaskInference, list[Trial]]:
    """Some meta-updates and the experience of each."""
    (learner, trials), rng, collected = task_inference(), np.random.default_rng(0), []
    for update in range(updates):
        collected.append(trials.next(partial(_FAMILY.sample, rng=rng), generator(update)))
        learner.update(collected[-1], generator(update))
    return learner, collected


def test_a_task_stays_for_three_episodes_and_as_many_begin_with_each_update() -> None:
    _, trials = staggered(6)
    assert all(len(trial.tasks) == 12 and len(trial.rollouts) == 1 for trial in trials)
    for before, after in itertools.pairwise(trials[2:]):
        assert before.episode is not None
        assert after.episode is not None
        assert torch.bincount(after.episode).tolist() == [4, 4, 4]
        goes_on = after.episode > 0
        assert torch.equal(after.episode[goes_on], before.episode[goes_on] + 1)
        assert torch.equal(after.tasks[goes_on], before.tasks[goes_on])
        assert not bool((after.tasks[~goes_on] == before.tasks[~goes_on]).all(dim=1).any())


def test_a_new_trial_begins_with_the_initial_belief_and_the_others_with_what_they_remember() -> None:
    learner, trials = staggered(4)
    begin, last = learner.begin(12), trials[-1]
    assert last.episode is not None
    new = last.episode == 0
    for name, value in last.belief.items():
        assert torch.equal(value[new], begin[name][new])
    assert bool((last.belief["hidden"][~new] != 0.0).any(dim=-1).all())
    assert torch.equal(last.belief["reward"][~new, 0], _last_rewards(trials[-2])[~new])


def _last_rewards(trial: Trial) -> torch.Tensor:
    (rollout,) = trial.rollouts
    return rollout.rewards.gather(2, rollout.mask.sum(dim=-1, keepdim=True).long() - 1).squeeze(1)


def test_the_policy_is_trained_on_the_estimates_it_acted_on_in_the_middle_of_a_trial() -> None:
    learner, trials = task_inference()
    for update in range(3):
        trial = trials.next(partial(_FAMILY.sample, rng=np.random.default_rng(update)), generator(update))
        rollout = concatenate_episodes(trial.rollouts)
        with torch.no_grad():
            seen, _ = learner._training_data(trial, rollout)
            means = learner.network(seen.actor).mean
        happened = rollout.mask > 0
        torch.testing.assert_close(means[happened], rollout.distribution.mean[happened], rtol=1e-4, atol=1e-5)
        learner.update(trial, generator(update))


def test_returns_before_and_after_adaptation_are_of_first_and_last_episodes() -> None:
    _, trials = staggered(4)
    trial = trials[-1]
    assert trial.episode is not None
    outcomes, returns = outcomes_of(trial), trial.rollouts[0].returns
    torch.testing.assert_close(outcomes.first.returns, returns[trial.episode == 0])
    torch.testing.assert_close(outcomes.last.returns, returns[trial.episode == 2])

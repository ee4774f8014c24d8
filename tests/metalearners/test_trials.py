"""Staggered trials: which episodes a meta-update gets, and with which beliefs."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.config import RunConfig
from robotmeta.envs.changes import random_changes
from robotmeta.experience.rollout import Trial, concatenate_episodes
from robotmeta.metalearners.task_inference import TaskInference
from robotmeta.metalearners.trials import Trials
from robotmeta.policy import Policy
from robotmeta.training.outcomes import outcomes_of
from robotmeta.training.train import training_env
from tests.learning import HYPER, ending_early, generator, learner_of, same, short, weights

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


# -- tasks that change within an episode -------------------------------------------------------------------------------

_MOVING = short(12, changing=("goal_x",), name="moving-goal")


@pytest.mark.parametrize("whole", [True, False])
def test_the_estimator_learns_the_task_of_each_step(whole: bool) -> None:
    hyper = {"meta_batch": 6, "adaptation_steps": 2, "changing": 1.0, "staggered": not whole, "unroll_length": 0}
    learner = learner_of("task-inference", _MOVING, **hyper)
    assert isinstance(learner, TaskInference)
    env = training_env(Policy(_MOVING, RunConfig(_MOVING.name, "task-inference", learner.config), learner))
    trials, rng = Trials(env, learner), np.random.default_rng(0)
    updates = [trials.next(partial(_MOVING.sample, rng=rng), generator(i), rng) for i in range(2)]
    for trial in updates:
        assert trial.changing is not None
        assert len(trial.changing) == len(trial.rollouts)
        for number, at in enumerate(trial.changing):
            assert at.shape == (len(trial.tasks), 1, 13, _MOVING.encoding.size)
            assert torch.equal(at[:, 0, 0], trial.changing[number - 1][:, 0, -1] if number else trial.tasks)
            assert bool((at[:, 0, 0] != at[:, 0, -1]).any(dim=-1).all())
            assert torch.equal(at[:, 0, 0, 1], at[:, 0, -1, 1]), "the other parameter stays"
        learner.update(trial, generator())
    first, second = updates
    if not whole:
        assert second.episode is not None
        assert first.changing is not None
        goes_on = second.episode > 0
        assert torch.equal(second.tasks[goes_on], first.changing[0][goes_on, 0, -1]), (
            "an episode begins as the last ended"
        )


def test_a_training_with_changes_that_is_resumed_equals_one_that_was_not(tmp_path: Path) -> None:
    hyper = {**HYPER["task-inference"], "changing": 0.5}
    whole = rm.meta_train(_MOVING, iterations=4, out=tmp_path / "whole", hyper=hyper, progress=False)
    rm.meta_train(_MOVING, iterations=2, out=tmp_path / "parts", hyper=hyper, progress=False)
    parts = rm.resume(tmp_path / "parts", family=_MOVING, iterations=4, progress=False)
    assert same(weights(whole), weights(parts))
    constant = rm.meta_train(
        _MOVING, iterations=4, out=tmp_path / "constant", hyper=HYPER["task-inference"], progress=False
    )
    assert not same(weights(whole), weights(constant))
    with pytest.raises(rm.UserError, match="has no changing split"):
        rm.meta_train(short(12), iterations=1, out=tmp_path / "none", hyper=hyper, progress=False)


def test_a_parameter_that_is_a_factor_of_others_changes_with_the_robots_own_numbers() -> None:
    family, rng = rm.make("quadruped"), np.random.default_rng(0)
    tasks = family.sample(400, rng)
    changes = random_changes(family.space, ("payload_mass",), tasks, share=0.5, horizon=250, rng=rng)
    load, trunk = (changes.after.values[:, tasks.names.index(name)] for name in ("payload_mass", "trunk_mass"))
    assert bool((load <= 0.4 * trunk).all())
    assert sum(map(bool, changes.parameters)) == pytest.approx(200, abs=40)
    assert 1 <= changes.step < 250

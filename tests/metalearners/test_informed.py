"""Trials of task inference in which the policy is told the task."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.config import RunConfig
from robotmeta.experience.rollout import PolicyInput
from robotmeta.metalearners import MetaLearner
from robotmeta.metalearners.trials import Trials
from robotmeta.metalearners.updates import Updates
from robotmeta.policy import Policy
from robotmeta.training.outcomes import outcomes_of
from robotmeta.training.train import training_env
from tests.learning import HYPER, ending_early, generator, learner_of, same, weights

_FAMILY = ending_early()


def begun(informed: float, **hyper: float) -> tuple[MetaLearner, Trials]:
    learner = learner_of("task-inference", _FAMILY, informed=informed, **{"meta_batch": 8, "unroll_length": 5, **hyper})
    env = training_env(Policy(_FAMILY, RunConfig(_FAMILY.name, "task-inference", learner.config), learner))
    return learner, Trials(env, learner)


def test_the_policy_acts_on_what_it_is_told() -> None:
    learner, _ = begun(1.0)
    rng = np.random.default_rng(0)
    one, other = (_FAMILY.encoding.encode(_FAMILY.sample(3, rng)) for _ in range(2))
    observed = PolicyInput(torch.zeros(3, 1, 2), torch.zeros(3, 1, 2), torch.zeros(3, 1), True)

    def action(told: torch.Tensor | None) -> torch.Tensor:
        begin = learner.begin(3)
        belief = begin if told is None else learner.inform(begin, told, generator())
        with torch.no_grad():
            return learner.act(belief, observed)[0].parameters()["mean"]

    assert not torch.equal(action(one), action(other))
    assert torch.equal(action(one), action(one))
    assert not torch.equal(action(one), action(None))


@pytest.mark.parametrize("staggered", [True, False])
def test_the_policy_is_trained_on_what_it_was_told_while_weights_change(staggered: bool) -> None:
    learner, trials = begun(0.5, staggered=staggered, unroll_length=5 if staggered else 0)
    told = []
    for update in range(4):
        updates = Updates(learner, generator(update))
        for trial in trials.parts(partial(_FAMILY.sample, rng=np.random.default_rng(update)), generator(update)):
            assert trial.informed is not None
            told.append(trial.informed)
            for key in ("informed", "told"):
                assert len(trial.belief[key]) == len(trial.tasks)
            assert torch.equal(trial.belief["told"][:, 0], trial.tasks), "a new trial is told its own task"
            with torch.no_grad():
                means = learner.distributions(trial).parameters()["mean"]
            acted = torch.cat([rollout.distribution.parameters()["mean"] for rollout in trial.rollouts], dim=1)
            happened = torch.cat([rollout.mask for rollout in trial.rollouts], dim=1) > 0
            torch.testing.assert_close(means[happened], acted[happened], rtol=1e-4, atol=1e-5)
            updates(trial)
    assert 0.2 < float(torch.cat(told).float().mean()) < 0.8


def test_returns_are_those_of_trials_without_the_task() -> None:
    _, trials = begun(0.5)
    rng = np.random.default_rng(0)
    trial = [trials.next(partial(_FAMILY.sample, rng=rng), generator(update)) for update in range(4)][-1]
    assert trial.episode is not None
    assert trial.informed is not None
    kept = (trial.episode == 1) & ~trial.informed
    assert 0 < int(kept.sum()) < int((trial.episode == 1).sum())
    torch.testing.assert_close(outcomes_of(trial).last.returns, trial.rollouts[0].returns[kept])


def test_a_training_that_is_resumed_equals_one_that_was_not(tmp_path: Path) -> None:
    hyper = {**HYPER["task-inference"], "informed": 0.5, "unroll_length": 5}
    whole = rm.meta_train(_FAMILY, iterations=4, out=tmp_path / "whole", hyper=hyper, progress=False)
    rm.meta_train(_FAMILY, iterations=2, out=tmp_path / "parts", hyper=hyper, progress=False)
    resumed = rm.resume(tmp_path / "parts", family=_FAMILY, iterations=4, progress=False)
    assert same(weights(whole), weights(resumed))
    without = rm.meta_train(
        _FAMILY, iterations=4, out=tmp_path / "without", hyper=hyper | {"informed": 0.0}, progress=False
    )
    assert not same(weights(whole), weights(without))


def test_a_task_that_changes_cannot_be_told() -> None:
    with pytest.raises(rm.UserError, match="informed must be 0 where tasks change"):
        begun(0.5, changing=1)

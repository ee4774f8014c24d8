"""The oracle: domain randomization with the task's parameters in its observation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from robotmeta.config import RunConfig, hyperparameters
from robotmeta.experience.rollout import Trial
from robotmeta.metalearners.trials import collect_trial
from robotmeta.policy import Policy, new_policy
from robotmeta.training.train import training_env
from tests.learning import generator, short


def oracle(**hyper: Any) -> Policy:
    name, family = "domain-randomization", short()
    config = hyperparameters(name, {"oracle": True, "meta_batch": 4, "epochs": 2, **hyper})
    return new_policy(RunConfig(family.name, name, config), family=family)


def trial_of(policy: Policy) -> Trial:
    env = training_env(policy)
    env.load(policy.family.sample(env.num_tasks, np.random.default_rng(0)))
    return collect_trial(env, policy.learner, generator())


def depends_on_the_task(policy: Policy, trial: Trial) -> bool:
    """Whether the mean actions differ if every episode is said to be of another task."""
    learner: Any = policy.learner
    observations = trial.rollouts[0].observations
    assert isinstance(observations, torch.Tensor)
    others = torch.cat([observations[..., :2], observations.roll(1, dims=0)[..., 2:]], dim=-1)
    means = (learner.network(learner._inputs(each)).mean for each in (observations, others))
    return not torch.equal(*means)


def test_an_oracle_begins_as_a_domain_randomized_policy_and_learns_to_use_what_it_knows() -> None:
    policy = oracle()
    trial = trial_of(policy)
    assert not depends_on_the_task(policy, trial)
    policy.learner.update(trial, generator())
    assert depends_on_the_task(policy, trial)


def test_an_oracle_that_concatenates_acts_on_what_it_knows_from_the_start() -> None:
    policy = oracle(conditioning="concatenate")
    assert depends_on_the_task(policy, trial_of(policy))


def test_an_oracle_knows_its_task_at_a_total_variance_of_one() -> None:
    policy = oracle()
    trial, learner = trial_of(policy), policy.learner
    seen: Any = learner
    inputs = seen._inputs(trial.rollouts[0].observations)
    assert torch.allclose(inputs[:, 0, 0, 2:], trial.tasks / math.sqrt(2), atol=1e-6)

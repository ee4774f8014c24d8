"""PPO: bootstrapping, the KL divergence and the learning rate that follows it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from robotmeta.experience.rollout import collect
from robotmeta.metalearners.domain_randomization import DomainRandomization
from robotmeta.metalearners.ppo import PPOConfig, adjust_learning_rate, last_values, policy_loss
from robotmeta.metalearners.rl2 import RL2
from robotmeta.metalearners.task_inference import TaskInference
from robotmeta.policies import DiagonalGaussian
from robotmeta.training.train import meta_train
from tests.learning import HYPER, ending_early, env_of, generator, learner_of, short


def test_values_are_bootstrapped_at_a_time_limit_and_not_at_a_termination() -> None:
    family = ending_early(40)
    learner = learner_of("domain-randomization", family)
    assert isinstance(learner, DomainRandomization)
    rollout, _ = collect(env_of(family, learner), learner, learner.begin(4), generator())
    ended = rollout.terminated
    assert bool(ended.any())
    assert not bool(ended.all())
    with torch.no_grad():
        last = learner.normalizer(rollout.last_observations)
        values, seen = last_values(learner.config, learner.network, rollout, last), learner.network.value(last)
    assert torch.equal(values[~ended], seen[~ended])
    assert not bool(values[ended].any())
    limited = learner_of("domain-randomization", family, bootstrap=False)
    assert isinstance(limited, DomainRandomization)
    assert not bool(last_values(limited.config, limited.network, rollout, last).any())


@pytest.mark.parametrize("name", ["task-inference", "rl2", "domain-randomization"])
@pytest.mark.parametrize(("desired_kl", "shorter"), [(1e-6, True), (0.0, False), (10.0, False)])
def test_the_learning_rate_falls_where_the_kl_divergence_exceeds_the_desired_one(
    name: str, desired_kl: float, shorter: bool, tmp_path: Path
) -> None:
    hyper = HYPER[name] | {"desired_kl": desired_kl, "learning_rate": 1e-3}
    run = meta_train(short(), name, iterations=1, hyper=hyper, out=tmp_path, progress=False)
    learner = run.policy.learner
    assert isinstance(learner, RL2 | TaskInference | DomainRandomization)
    (group,) = learner.adam.param_groups
    assert 1e-5 <= group["lr"] < 1e-3 if shorter else group["lr"] == 1e-3


def test_the_learning_rate_rises_again_up_to_its_initial_value() -> None:
    config = PPOConfig(learning_rate=1e-3, desired_kl=0.01)
    adam = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1e-3)
    rates = []
    for kl in (0.03, 0.03, 0.01, *[0.001] * 4):
        adjust_learning_rate(config, adam, kl)
        rates.append(adam.param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3 / 1.5, 1e-3 / 2.25, 1e-3 / 2.25, 1e-3 / 1.5, 1e-3, 1e-3, 1e-3])


def test_the_kl_estimate_of_ppo_is_the_divergence_from_the_policy_that_acted() -> None:
    count = 200_000
    old = DiagonalGaussian(torch.zeros(count, 1), torch.zeros(1))
    new = DiagonalGaussian(torch.full((count, 1), 0.2), torch.full((1,), -0.1))
    actions = old.sample(torch.randn(count, 1, generator=generator()))
    _, kl = policy_loss(PPOConfig(), new, actions, old.log_prob(actions), torch.zeros(count))
    assert float(kl.mean()) == pytest.approx(float(old.kl(new)[0]), rel=0.03)

"""RL2: its training sequences, and the return of a trial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from robotmeta.envs import TaskFamily
from robotmeta.metalearners.rl2 import RL2
from robotmeta.metalearners.trials import collect_trial
from tests.learning import ending_early, env_of, generator, learner_of, short


def rl2_of(family: TaskFamily, **hyper: Any) -> RL2:
    learner = learner_of("rl2", family, **hyper)
    assert isinstance(learner, RL2)
    return learner


@pytest.mark.parametrize("bptt", [0, 12, 5])
@pytest.mark.parametrize("build", [short, ending_early], ids=["full episodes", "episodes that end early"])
def test_the_update_reproduces_the_log_probs_of_acting_step_by_step(build: Callable[[], TaskFamily], bptt: int) -> None:
    family = build()
    learner = rl2_of(family, meta_batch=8, adaptation_steps=2, bptt=bptt)
    env = env_of(family, learner)
    # After one update, biases and normalizer are no longer the initial ones.
    learner.update(collect_trial(env, learner, generator(1)), generator(1))
    data = learner._sequences(collect_trial(env, learner, generator(2)))
    with torch.no_grad():
        distribution, _, _ = learner.network(data.steps["inputs"], data.state)
    happened = data.steps["mask"] > 0
    torch.testing.assert_close(
        distribution.log_prob(data.steps["actions"])[happened], data.steps["log_probs"][happened], rtol=1e-4, atol=1e-4
    )


def test_padding_never_enters_the_training_sequences() -> None:
    family = ending_early()
    learner = rl2_of(family, meta_batch=8, adaptation_steps=2, bptt=5)
    trial = collect_trial(env_of(family, learner), learner, generator())
    data = learner._sequences(trial)
    assert bool((data.steps["mask"].sum(dim=0) > 0).all())
    assert data.steps["mask"].sum() == trial.steps
    assert data.steps["mask"].shape[1] < 8 * (3 * family.horizon // 5)  # as many as there would be with padding


def test_advantages_reach_across_the_episodes_of_a_trial() -> None:
    # With discount and lambda one, the reward of the last episode is in the advantage of the first step.
    family = short()
    learner = rl2_of(family, discount=1.0, gae_lambda=1.0, bptt=0)
    trial = collect_trial(env_of(family, learner), learner, generator())
    data = learner._sequences(trial)
    returns = torch.cat([rollout.rewards.flatten(0, 1) for rollout in trial.rollouts], dim=1).sum(dim=1)
    torch.testing.assert_close(data.steps["targets"][0] * learner.return_scale(), returns, rtol=1e-4, atol=1e-4)


def test_an_early_end_does_not_discount_the_next_episode_less() -> None:
    # The next episode is discounted by the full horizon, so that falling early gains nothing.
    family = ending_early()
    learner = rl2_of(family, discount=0.9, gae_lambda=1.0, bptt=0, meta_batch=8, adaptation_steps=1)
    trial = collect_trial(env_of(family, learner), learner, generator())
    data, (first, second) = learner._sequences(trial), trial.rollouts
    lengths = first.mask.sum(dim=-1).flatten().long()
    assert bool((lengths < family.horizon).any())
    for task, length in enumerate(lengths.tolist()):
        rewards = [*first.rewards[task, 0, :length].tolist(), *([0.0] * (family.horizon - length))]
        whole = torch.tensor([*rewards, *second.rewards[task, 0].tolist()])
        expected = float((whole * 0.9 ** torch.arange(len(whole))).sum() / learner.return_scale())
        assert float(data.steps["targets"][0, task]) == pytest.approx(expected, rel=1e-4)

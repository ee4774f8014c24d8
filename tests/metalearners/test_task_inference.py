"""Task inference: the estimator, and what policy and critic observe."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from robotmeta.envs import TaskFamily
from robotmeta.experience.rollout import Trial, concatenate_episodes
from robotmeta.metalearners.task_inference import TaskInference
from robotmeta.metalearners.trials import collect_trial
from tests.learning import ending_early, env_of, generator, learner_of, partly_observed, same, short


def task_inference_of(family: TaskFamily, **hyper: Any) -> TaskInference:
    learner = learner_of("task-inference", family, **hyper)
    assert isinstance(learner, TaskInference)
    return learner


def second_trial(learner: TaskInference, family: TaskFamily) -> Trial:
    """A trial collected after one update, so that weights and normalizer are no longer the initial ones."""
    env = env_of(family, learner)
    learner.update(collect_trial(env, learner, generator(1)), generator(1))
    return collect_trial(env, learner, generator(2))


@pytest.mark.slow
@pytest.mark.parametrize("bptt", [0, 12, 5])
@pytest.mark.parametrize(
    "build",
    [short, ending_early, partly_observed],
    ids=["full episodes", "episodes that end early", "privileged state"],
)
def test_the_policy_is_trained_on_the_estimates_it_acted_on(build: Callable[[], TaskFamily], bptt: int) -> None:
    family = build()
    learner = task_inference_of(family, meta_batch=8, adaptation_steps=2, bptt=bptt)
    trial = second_trial(learner, family)
    rollout = concatenate_episodes(trial.rollouts)
    with torch.no_grad():
        seen, data = learner._training_data(trial, concatenate_episodes(trial.rollouts))
        means = learner.network(seen.actor).mean
    happened = rollout.mask > 0
    torch.testing.assert_close(means[happened], rollout.distribution.mean[happened], rtol=1e-4, atol=1e-5)
    truths = 2 + len(family.privileged_state)  # a goal, and the privileged state
    assert seen.actor.shape[-1] == family.observation_size + 2 * truths  # and mean and deviation of each
    assert data.steps["inputs"].shape[-1] == learner.input_size
    assert data.steps["truth"].shape[-1] == truths
    assert data.steps["mask"].sum() == trial.steps


def test_the_critic_observes_the_task_at_a_total_variance_of_one() -> None:
    family = ending_early()
    learner = task_inference_of(family, meta_batch=8, adaptation_steps=2)
    trial = second_trial(learner, family)
    seen, _ = learner._training_data(trial, concatenate_episodes(trial.rollouts))
    # In training the critic observes the task. Neither the policy nor the estimator does.
    task = trial.tasks / math.sqrt(2)  # two parameters, each of unit variance
    assert torch.equal(seen.critic[:, 0, 0, -2:], task)
    assert torch.equal(seen.last[:, 0, -2:], task)


def test_the_critic_observes_the_privileged_state_and_the_posterior_leaves_it_out() -> None:
    family = partly_observed()
    learner = task_inference_of(family, meta_batch=8, adaptation_steps=2, bptt=5)
    trial = second_trial(learner, family)
    rollout = concatenate_episodes(trial.rollouts)
    seen, _ = learner._training_data(trial, concatenate_episodes(trial.rollouts))
    happened = rollout.mask > 0
    y = learner.privileged_normalizer(rollout.privileged_states).squeeze(-1)
    assert torch.equal(seen.critic[..., -1][happened], y[:, :, :-1][happened])
    whole = ~rollout.terminated
    assert bool(whole.any())
    assert torch.equal(seen.last[..., -1][whole], y[:, :, -1][whole])
    assert learner.infer(learner.begin(8)).mean.shape == (8, 2)


@pytest.mark.slow
def test_the_estimator_learns_an_unobserved_coordinate_from_the_actions() -> None:
    # The point starts at the origin, so its actions say where it is.
    family = partly_observed()
    learner = task_inference_of(family, meta_batch=40, estimator_learning_rate=0.01, estimator_epochs=4)
    env = env_of(family, learner)
    errors = []
    for i in range(12):
        env.load(family.sample(40, np.random.default_rng(i)))
        errors.append(learner.update(collect_trial(env, learner, generator(i)), generator(i))["privileged_state_error"])
    assert max(errors) > 0.7  # in the first one, the scale of y is not known yet
    assert errors[-1] < 0.2


def test_policy_gradients_never_reach_the_estimator() -> None:
    # The estimator's own learning rate is zero. So only a gradient of the policy's loss could change it.
    family = short()
    states = []
    for sign in (1.0, -1.0):
        learner = task_inference_of(family, estimator_learning_rate=0.0)
        trial = collect_trial(env_of(family, learner), learner, generator())
        scaled = [dataclasses.replace(r, rewards=sign * r.rewards) for r in trial.rollouts]
        before = {name: value.clone() for name, value in learner.estimator.state_dict().items()}
        learner.update(trial._replace(rollouts=scaled), generator())
        assert same(before, dict(learner.estimator.state_dict()))
        states.append({name: value.clone() for name, value in learner.network.state_dict().items()})
    assert not same(*states)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [2.0, 0.002, 2000.0])
def test_the_estimator_learns_the_task_parameter_that_the_reward_reveals(unit: float) -> None:
    # The reward depends on one coordinate of the goal and not on the other. Its unit does not matter.
    family = short(reward=lambda step: unit * step.task["goal_x"].expand(step.action.shape[:2]))
    fast = {"estimator_epochs": 6, "estimator_minibatches": 2, "estimator_learning_rate": 5e-3}
    learner = task_inference_of(family, meta_batch=64, epochs=1, hidden_size=32, **fast)
    errors = []
    for i in range(12):
        env = env_of(family, learner, seed=i)
        errors.append(learner.update(collect_trial(env, learner, generator(i)), generator(i))["task_error"])
    assert errors[0] == pytest.approx(1.0, abs=0.2)  # before learning: encoded tasks have unit variance
    assert errors[-1] == pytest.approx(0.5, abs=0.15)

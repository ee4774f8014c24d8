"""What every learner guarantees, whatever its method."""

from __future__ import annotations

import pytest
import torch

from robotmeta.config import RunConfig, hyperparameters
from robotmeta.experience.rollout import Belief, collect
from robotmeta.metalearners import LEARNERS
from robotmeta.metalearners.maml import MAML
from robotmeta.metalearners.trials import collect_trial
from robotmeta.policy import new_policy
from tests.learning import (
    all_finite,
    diverging,
    diverging_cheetah,
    ending_early,
    env_of,
    generator,
    learner_of,
    same,
    short,
)


@pytest.mark.parametrize("name", ["domain-randomization", "task-inference", "rl2", "promp", "maml"])
def test_shaping_rewards_change_the_meta_update_and_not_the_adaptation(name: str) -> None:
    after = []
    for family in (short(), short(shaping_reward=lambda step: 100.0 * step.after["position"][..., 0])):
        learner = learner_of(name, family)
        env = env_of(family, learner)
        rollout, _ = collect(env, learner, learner.begin(env.num_tasks), generator())
        adapted = learner.adapt(learner.begin(env.num_tasks), rollout)
        learner.update(collect_trial(env, learner, generator()), generator())
        after.append((adapted, {key: value.clone() for key, value in learner.state_dict().items()}))
    (adapted, plain), (adapted_too, guided) = after
    assert all(torch.equal(adapted[key], adapted_too[key]) for key in adapted)
    assert any(not torch.equal(plain[key], guided[key]) for key in plain)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_meta_update_succeeds_when_some_worlds_diverge(name: str) -> None:
    family = diverging_cheetah()
    learner = learner_of(name, family)
    before = {key: value.clone() for key, value in learner.state_dict().items()}
    trial = collect_trial(env_of(family, learner), learner, generator())
    assert any(bool(rollout.diverged.any()) for rollout in trial.rollouts)
    learner.update(trial, generator())
    assert all_finite(learner)
    assert not same(before, dict(learner.state_dict()))


@pytest.mark.filterwarnings("ignore::robotmeta.errors.RobotmetaWarning")
@pytest.mark.parametrize("name", LEARNERS)
def test_nan_observations_of_diverged_worlds_reach_neither_rollouts_nor_weights(name: str) -> None:
    family = diverging()
    learner = learner_of(name, family, meta_batch=8)
    trial = collect_trial(env_of(family, learner), learner, generator())
    for rollout in trial.rollouts:
        assert bool(rollout.diverged.any())
        assert not bool(rollout.diverged.all())
        for value in (rollout.observations, rollout.actions, rollout.distribution.mean, rollout.rewards):
            assert bool(value.isfinite().all())
    learner.update(trial, generator())
    assert all_finite(learner)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_meta_update_adds_exactly_the_steps_that_happened_to_the_normalizer(name: str) -> None:
    family = ending_early()
    learner = learner_of(name, family)
    trial = collect_trial(env_of(family, learner), learner, generator())
    learner.update(trial, generator())
    seen = torch.cat([rollout.observations[rollout.mask > 0] for rollout in trial.rollouts])
    torch.testing.assert_close(learner.normalizer.mean, seen.mean(dim=0))
    torch.testing.assert_close(learner.normalizer.variance, seen.var(dim=0, correction=0))
    assert learner.normalizer.count == trial.steps


@pytest.mark.parametrize("name", LEARNERS)
def test_adapting_changes_the_belief_and_never_the_learner(name: str) -> None:
    family = short()
    learner = learner_of(name, family)
    env = env_of(family, learner)
    learner.update(collect_trial(env, learner, generator(1)), generator(1))
    before = {key: value.clone() for key, value in learner.state_dict().items()}
    start: Belief = {key: value.clone() for key, value in learner.begin(4).items()}
    kept = {key: value.clone() for key, value in start.items()}
    rollout, belief = collect(env, learner, start, generator(2))
    adapted = learner.adapt(belief, rollout)
    assert same(before, dict(learner.state_dict()))
    assert same(kept, dict(start))
    assert adapted.keys() == start.keys()
    if name != "domain-randomization":
        assert not same(kept, dict(adapted))


@pytest.mark.parametrize("name", LEARNERS)
def test_constant_rewards_keep_the_weights_finite(name: str) -> None:
    family = short(reward=lambda step: torch.zeros_like(step.action[..., 0]))
    learner = learner_of(name, family)
    before = {key: value.detach().clone() for key, value in learner.named_parameters()}
    learner.update(collect_trial(env_of(family, learner), learner, generator()), generator())
    assert all_finite(learner)
    if isinstance(learner, MAML):  # nothing to gain: the line search keeps the policy
        assert same(before, {key: value.detach() for key, value in learner.named_parameters()})


@pytest.mark.parametrize("name", LEARNERS)
def test_initial_weights_do_not_depend_on_the_number_of_torch_threads(name: str) -> None:
    config = RunConfig("cheetah-direction", name, hyperparameters(name, {}))
    drawn = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        drawn.append(dict(new_policy(config).learner.state_dict()))
    assert same(*drawn)

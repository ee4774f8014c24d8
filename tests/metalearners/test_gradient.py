"""Learners that adapt by gradient steps: ProMP and MAML."""

from __future__ import annotations

from typing import Any

import torch

from robotmeta.envs import TaskFamily
from robotmeta.experience.rollout import collect
from robotmeta.metalearners.inner_loop import adapt
from robotmeta.metalearners.maml import MAMLConfig
from robotmeta.metalearners.parallel import moments
from robotmeta.metalearners.promp import ProMP
from robotmeta.metalearners.trials import collect_trial
from tests.learning import ending_early, env_of, generator, learner_of, same, short


def promp_of(family: TaskFamily, **hyper: Any) -> ProMP:
    learner = learner_of("promp", family, **hyper)
    assert isinstance(learner, ProMP)
    return learner


def test_log_probs_of_a_rollout_are_those_of_the_policy_that_acted() -> None:
    family = ending_early()
    learner = promp_of(family)
    learner.normalizer.update(moments(torch.randn(50, 2, generator=generator())))
    env, g = env_of(family, learner), generator()
    first, belief = collect(env, learner, learner.begin(4), g)
    adapted = learner.adapt(belief, first)
    second, _ = collect(env, learner, adapted, g)
    for rollout, parameters in ((first, belief), (second, adapted)):
        policy = learner.policy(parameters, learner.normalizer(rollout.observations))
        happened = rollout.mask > 0
        recorded, recomputed = (d.log_prob(rollout.actions)[happened] for d in (rollout.distribution, policy))
        torch.testing.assert_close(recorded, recomputed)
        assert torch.equal(learner.samples(rollout).log_probs, rollout.distribution.log_prob(rollout.actions))


def test_a_gradient_learner_adapts_by_the_inner_loop_it_is_trained_through() -> None:
    family = short()
    learner = promp_of(family)
    rollout, belief = collect(env_of(family, learner), learner, learner.begin(4), generator())
    by_hand = adapt(learner.policy, learner.start(4), learner.samples(rollout), learner.config.inner_step)
    deployed, trained = learner.adapt(belief, rollout), learner.adapted(learner.start(4), [learner.samples(rollout)])
    for name, value in by_hand.items():
        torch.testing.assert_close(deployed[name], value)
        torch.testing.assert_close(trained[name].detach(), value)


def test_each_adaptation_step_has_its_own_step_sizes() -> None:
    family = short()
    learner = promp_of(family, adaptation_steps=2)
    env = env_of(family, learner)
    with torch.no_grad():
        for steps in learner.step_sizes.values():
            steps[0] = 0.0
    first, belief = collect(env, learner, learner.begin(4), generator(1))
    unmoved = learner.adapt(belief, first)
    moved = learner.adapt(unmoved, first)
    beyond = learner.adapt(moved, first)  # more adaptation steps than were trained: the last one's step sizes
    for name in learner.theta:
        assert torch.equal(unmoved[name], belief[name])
        assert not torch.equal(moved[name], unmoved[name])
        assert not torch.equal(beyond[name], moved[name])


def test_maml_improves_within_its_trust_region() -> None:
    family = short()
    learner = learner_of("maml", family)
    env = env_of(family, learner)
    accepted = 0
    for seed in range(3):
        metrics = learner.update(collect_trial(env, learner, generator(seed)), generator(seed))
        assert 0.0 <= metrics["kl"] <= MAMLConfig().max_kl
        assert metrics["objective"] >= 0.0
        accepted += metrics["step"] > 0.0
    assert accepted >= 2


def test_maml_keeps_its_policy_where_the_line_search_finds_nothing() -> None:
    family = short()
    learner = learner_of("maml", family, backtracks=0)
    before = {key: value.detach().clone() for key, value in learner.named_parameters()}
    metrics = learner.update(collect_trial(env_of(family, learner), learner, generator()), generator())
    assert metrics["step"] == 0.0
    assert same(before, {key: value.detach() for key, value in learner.named_parameters()})

"""Collecting rollouts: masks, ends, what is recorded, and worlds that diverge."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from robotmeta.envs import make
from robotmeta.experience.rollout import collect, concatenate_episodes
from robotmeta.metalearners import LEARNERS
from robotmeta.metalearners.trials import collect_trial
from tests.learning import (
    diverging,
    diverging_cheetah,
    ending_early,
    env_of,
    generator,
    learner_of,
    partly_observed,
    same,
    short,
    tensors,
)


def test_an_episode_is_masked_from_the_step_after_its_end() -> None:
    family = ending_early()
    learner = learner_of("promp", family, meta_batch=6)
    rollout, _ = collect(env_of(family, learner), learner, learner.begin(6), generator())
    x = rollout.observations[..., 0] + 0.1 * rollout.actions[..., 0].clamp(-1.0, 1.0)  # after each step
    beyond = (x > 0.05) & (rollout.mask > 0)
    lengths = rollout.mask.sum(dim=-1)
    assert bool(rollout.terminated.any())
    assert not bool(rollout.terminated.all())
    assert torch.equal(rollout.mask, (torch.arange(12) < lengths.unsqueeze(-1)).float())
    assert torch.equal(beyond.sum(dim=-1), rollout.terminated.long())
    last = (lengths - 1).long().unsqueeze(-1)
    assert torch.equal(beyond.gather(-1, last).squeeze(-1), rollout.terminated)
    assert bool((lengths[~rollout.terminated] == 12).all())
    assert not bool(rollout.rewards[rollout.mask == 0].any())
    assert bool((rollout.rewards[rollout.mask > 0] < 0.0).all())
    assert rollout.steps == int(lengths.sum())
    assert not bool(rollout.diverged.any())


def test_collecting_stops_when_every_episode_has_ended() -> None:
    family = short(terminated=lambda state, task: torch.ones_like(state["position"][..., 0], dtype=torch.bool))
    learner = learner_of("promp", family)
    rollout, _ = collect(env_of(family, learner), learner, learner.begin(4), generator())
    assert torch.equal(rollout.mask, torch.eye(12)[:1].expand(4, 3, 12))
    assert bool(rollout.terminated.all())


@pytest.mark.filterwarnings("ignore::robotmeta.errors.RobotmetaWarning")
def test_the_last_observation_is_that_after_the_last_step() -> None:
    family = diverging()
    learner = learner_of("domain-randomization", family, init_std=1.0)
    env = env_of(family, learner)
    rollout, _ = collect(env, learner, learner.begin(4), generator())
    broke = rollout.diverged
    assert bool(broke.any())
    assert not bool(broke.all())
    whole = ~broke
    expected = rollout.observations[:, :, -1] + 0.1 * rollout.actions[:, :, -1].clamp(-1.0, 1.0)
    torch.testing.assert_close(rollout.last_observations[whole], expected[whole])
    last = (rollout.mask.sum(dim=-1).long() - 1)[broke]
    assert torch.equal(rollout.last_observations[broke], rollout.observations[broke][torch.arange(len(last)), last])


def test_the_privileged_state_is_recorded_before_each_step_and_at_the_time_limit() -> None:
    family = partly_observed()
    learner = learner_of("promp", family, meta_batch=6)
    rollout, _ = collect(env_of(family, learner), learner, learner.begin(6), generator())
    assert rollout.observations.shape[-1] == 1
    whole = ~rollout.terminated
    assert bool(whole.any())
    assert not bool(whole.all())
    moved = 0.1 * rollout.actions[..., 1:].clamp(-1.0, 1.0)
    y = torch.cat([torch.zeros_like(moved[:, :, :1]), moved.cumsum(dim=2)], dim=2)
    torch.testing.assert_close(rollout.privileged_states[whole], y[whole])
    ended = torch.arange(13) >= rollout.mask.sum(dim=-1, keepdim=True)
    torch.testing.assert_close(rollout.privileged_states[~whole], y.masked_fill(ended.unsqueeze(-1), 0.0)[~whole])


def test_shaping_rewards_enter_the_training_reward_and_nothing_that_a_policy_observes() -> None:
    family = dataclasses.replace(ending_early(), shaping_reward=lambda step: step.after["position"][..., 0])
    learner = learner_of("promp", family, meta_batch=6)
    guided, _ = collect(env_of(family, learner), learner, learner.begin(6), generator())
    plain, _ = collect(env_of(ending_early(), learner), learner, learner.begin(6), generator())
    assert torch.equal(guided.rewards, plain.rewards)
    assert torch.equal(guided.actions, plain.actions)
    assert torch.equal(plain.training_rewards, plain.rewards)
    assert bool(guided.terminated.any())
    x = (0.1 * guided.actions[..., 0].clamp(-1.0, 1.0) * guided.mask).cumsum(dim=-1)
    torch.testing.assert_close(guided.training_rewards, plain.rewards + x * guided.mask)


def test_success_and_distance_are_measured_where_the_episode_ended() -> None:
    family = ending_early()
    family = dataclasses.replace(
        family, success=family.terminated, distance=lambda state, task: state["position"][..., 0]
    )
    learner = learner_of("promp", family, meta_batch=6)
    rollout, _ = collect(env_of(family, learner), learner, learner.begin(6), generator())
    assert rollout.success is not None
    assert torch.equal(rollout.success, rollout.terminated)
    assert rollout.distance is not None
    assert torch.equal(rollout.distance > 0.05, rollout.terminated)


def test_without_exploration_the_action_is_the_mean() -> None:
    family = short()
    learner = learner_of("promp", family)
    env = env_of(family, learner)
    rollout, _ = collect(env, learner, learner.begin(4), generator(), explore=False)
    assert torch.equal(rollout.actions, rollout.distribution.mean)
    explored, _ = collect(env, learner, learner.begin(4), generator())
    assert float((explored.actions - explored.distribution.mean).std()) == pytest.approx(0.6, abs=0.1)


@pytest.mark.parametrize("name", LEARNERS)
def test_the_same_generator_collects_the_same_bits_on_any_number_of_threads(name: str) -> None:
    family = dataclasses.replace(make("cheetah-direction"), horizon=10)
    learner = learner_of(name, family)
    trials = [collect_trial(env_of(family, learner, threads=threads), learner, generator()) for threads in (1, 2)]
    for one, other in zip(*(trial.rollouts for trial in trials), strict=True):
        assert same(tensors(one), tensors(other))


def test_rollouts_are_joined_along_the_episodes() -> None:
    family = short()
    learner = learner_of("promp", family)
    env, g = env_of(family, learner), generator()
    parts = [collect(env, learner, learner.begin(4), g)[0] for _ in range(2)]
    both = concatenate_episodes(parts)
    assert both.actions.shape == (4, 6, 12, 2)
    assert torch.equal(both.rewards, torch.cat([part.rewards for part in parts], dim=1))
    assert both.steps == sum(part.steps for part in parts)


def test_a_diverged_world_is_masked_and_leaves_the_others_unchanged() -> None:
    broken = diverging_cheetah()
    learner = learner_of("promp", broken)
    rollouts = [
        collect(env_of(family, learner), learner, learner.begin(4), generator())[0]
        for family in (broken, dataclasses.replace(make("cheetah-direction"), horizon=6))
    ]
    rollout, whole = rollouts
    assert rollout.diverged.nonzero().tolist() == [[0, 0]]
    assert not bool(rollout.mask[0, 0].any())
    assert not bool(rollout.rewards[0, 0].any())
    assert not bool(rollout.terminated.any())
    assert rollout.mean_return() == pytest.approx(float(rollout.returns[~rollout.diverged].mean()))
    others = ~rollout.diverged
    for name in ("observations", "actions", "rewards", "mask"):
        assert torch.equal(getattr(rollout, name)[others], getattr(whole, name)[others])

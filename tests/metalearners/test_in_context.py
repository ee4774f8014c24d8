"""Learners that adapt as they act: the memory within and across episodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch

from robotmeta.envs import TaskFamily
from robotmeta.experience.rollout import PolicyInput, collect
from robotmeta.metalearners.in_context import InContext
from robotmeta.metalearners.sequences import Timeline
from robotmeta.metalearners.trials import collect_trial
from tests.learning import IN_CONTEXT, ending_early, env_of, generator, learner_of, short


def in_context_of(name: str, family: TaskFamily, **hyper: Any) -> InContext[Any]:
    learner = learner_of(name, family, **hyper)
    assert isinstance(learner, InContext)
    return learner


@pytest.mark.parametrize("name", IN_CONTEXT)
def test_the_belief_is_carried_from_one_episode_to_the_next(name: str) -> None:
    family = short()
    learner = in_context_of(name, family)
    env = env_of(family, learner)
    fresh = learner.begin(4)
    first, belief = collect(env, learner, fresh, generator(1))
    assert bool(belief["hidden"].any())
    belief = learner.adapt(belief, first)
    carried, _ = collect(env, learner, belief, generator(2))
    afresh, _ = collect(env, learner, fresh, generator(2))
    assert not torch.equal(carried.distribution.mean[:, :, 0], afresh.distribution.mean[:, :, 0])
    observed = PolicyInput(carried.observations[:, :, 0], torch.zeros(4, 1, 2), torch.zeros(4, 1), True)
    with torch.no_grad():
        torch.testing.assert_close(learner.act(belief, observed)[0].mean, carried.distribution.mean[:, :, 0])


@pytest.mark.parametrize("name", IN_CONTEXT)
@pytest.mark.parametrize("build", [short, ending_early], ids=["full episodes", "episodes that end early"])
def test_the_last_action_and_reward_of_an_episode_enter_the_next_one(
    build: Callable[[], TaskFamily], name: str
) -> None:
    family = build()
    learner = in_context_of(name, family)
    rollout, belief = collect(env_of(family, learner), learner, learner.begin(4), generator(1))
    adapted = learner.adapt(belief, rollout)
    last = rollout.mask.sum(dim=-1).long() - 1
    for task in range(4):
        assert torch.equal(adapted["action"][task, 0], rollout.actions[task, 0, last[task, 0]])
        assert torch.equal(adapted["reward"][task, 0, 0], rollout.rewards[task, 0, last[task, 0]])
    # The reward of the last step, such as that of success, changes the first action of the next episode.
    richer = dataclasses.replace(rollout, rewards=rollout.rewards + 10.0 * rollout.mask)
    observed = PolicyInput(rollout.observations[:, :, 0], torch.zeros(4, 1, 2), torch.zeros(4, 1), True)
    with torch.no_grad():
        means = [learner.act(learner.adapt(belief, seen), observed)[0].mean for seen in (rollout, richer)]
    assert not torch.equal(*means)


@pytest.mark.parametrize("name", IN_CONTEXT)
def test_without_memory_every_step_acts_as_the_first_step(name: str) -> None:
    family = short()
    learner = in_context_of(name, family)
    env = env_of(family, learner)
    start = learner.begin(4)
    rollout, _ = collect(env, learner, start, generator(), remember=False)
    for t in range(family.horizon):
        observed = PolicyInput(rollout.observations[:, :, t], torch.zeros(4, 1, 2), torch.zeros(4, 1), True)
        with torch.no_grad():
            assert torch.equal(learner.act(start, observed)[0].mean, rollout.distribution.mean[:, :, t])
    remembering, _ = collect(env, learner, start, generator())
    assert torch.equal(remembering.distribution.mean[:, :, 0], rollout.distribution.mean[:, :, 0])
    assert not torch.equal(remembering.distribution.mean[:, :, 1], rollout.distribution.mean[:, :, 1])


@pytest.mark.parametrize("build", [short, ending_early], ids=["full episodes", "episodes that end early"])
def test_a_timeline_joins_the_steps_of_a_trial_in_order_and_parts_them_again(build: Callable[[], TaskFamily]) -> None:
    family = build()
    learner = in_context_of("task-inference", family, meta_batch=8, adaptation_steps=2)
    rollouts = collect_trial(env_of(family, learner), learner, generator()).rollouts
    timeline = Timeline(rollouts)
    mask, observed = timeline.concatenate(lambda r: r.mask), timeline.concatenate(lambda r: r.observations)
    lengths = mask.sum(dim=0).long()
    assert torch.equal(mask, (torch.arange(len(mask)).unsqueeze(1) < lengths).float())
    for task, length in enumerate(lengths.tolist()):
        by_hand = torch.cat([r.observations[task, 0, : int(r.mask[task, 0].sum())] for r in rollouts])
        assert torch.equal(observed[:length, task], by_hand)
    for part, rollout in zip(timeline.split(observed), rollouts, strict=True):
        assert torch.equal(part, rollout.observations)

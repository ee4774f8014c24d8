"""Collecting experience and learning from it: what every learner promises."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.adaptation.adapt import adapt as deploy
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import TaskBatchEnv, TaskFamily, make
from robotmeta.envs.family import ClosedFormWorld
from robotmeta.evaluation.evaluate import evaluate
from robotmeta.experience.rollout import Belief, PolicyInput, Rollout, Trial, collect, joined
from robotmeta.metalearners import LEARNERS, MetaLearner, Sizes, learner_class
from robotmeta.metalearners.domain_randomization import DomainRandomization
from robotmeta.metalearners.gradient import GradientConfig
from robotmeta.metalearners.in_context import InContext, Timeline
from robotmeta.metalearners.inner_loop import adapt
from robotmeta.metalearners.maml import MAML, MAMLConfig
from robotmeta.metalearners.ppo import PPOConfig, adjust_learning_rate, last_values, ppo_loss
from robotmeta.metalearners.promp import ProMP, ProMPConfig
from robotmeta.metalearners.rl2 import RL2
from robotmeta.metalearners.task_inference import TaskInference
from robotmeta.policies import DiagonalGaussian, ObservationNormalizer
from robotmeta.policy import new_policy
from robotmeta.threads import torch_threads
from robotmeta.training.checkpoint import checkpoints, load, load_training
from robotmeta.training.train import Run, collect_trial, meta_train, resume

_SMALL = {"meta_batch": 4, "adaptation_steps": 1, "init_std": 0.6}
HYPER: dict[str, dict[str, Any]] = {
    "promp": {**_SMALL, "episodes": 3},
    "maml": {**_SMALL, "episodes": 3},
    "rl2": {**_SMALL, "episodes": 1, "epochs": 2, "hidden_size": 16},
    "task-inference": {**_SMALL, "episodes": 1, "epochs": 2, "hidden_size": 16},
    "domain-randomization": {**_SMALL, "adaptation_steps": 0, "episodes": 2, "epochs": 2},
}
"""Small batches, so that learning takes seconds."""
IN_CONTEXT = ("rl2", "task-inference")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def short(horizon: int = 12, **changes: Any) -> TaskFamily:
    """Point navigation with short episodes."""
    return dataclasses.replace(make("point-navigation"), horizon=horizon, **changes)


def ending_early(horizon: int = 12) -> TaskFamily:
    """Episodes end where the point is 5 cm to the right of its start: some soon, some never."""
    return short(horizon, terminated=lambda state, task: state["position"][..., 0] > 0.05)


def breaking(horizon: int = 12) -> TaskFamily:
    """A world's numbers break where the point is 15 cm to the right of its start."""
    world = make("point-navigation").world
    assert isinstance(world, ClosedFormWorld)

    def dynamics(state, action, task):
        position = world.dynamics(state, action, task)["position"]
        return {"position": position.masked_fill(position[..., :1] > 0.15, float("nan"))}

    return short(horizon, world=dataclasses.replace(world, dynamics=dynamics))


def half_blind(horizon: int = 12) -> TaskFamily:
    """A point that does not see one of its coordinates; some episodes end soon, some never."""
    return dataclasses.replace(
        ending_early(horizon),
        observations=(("x", "m"),),
        observe=lambda state, task: state["position"][..., :1],
        privileged_state=(("y", "m"),),
        observe_privileged_state=lambda state, task: state["position"][..., 1:],
    )


def learner_of(name: str, family: TaskFamily, seed: int = 0, **hyper: Any) -> MetaLearner:
    config = hyperparameters(name, {**HYPER[name], **hyper})
    sizes = Sizes(family.observation_size, family.action_size, family.encoding.size, len(family.privileged_state))
    return learner_class(name)(sizes, config, generator(seed))


def env_of(family: TaskFamily, learner: MetaLearner, *, seed: int = 0, threads: int | None = None) -> TaskBatchEnv:
    env = TaskBatchEnv(family, learner.config.meta_batch, learner.config.episodes, threads=threads)
    env.load(family.sample(env.num_tasks, np.random.default_rng(seed)))
    return env


def rl2_of(family: TaskFamily, **hyper: Any) -> RL2:
    learner = learner_of("rl2", family, **hyper)
    assert isinstance(learner, RL2)
    return learner


def in_context_of(name: str, family: TaskFamily, **hyper: Any) -> InContext[Any]:
    learner = learner_of(name, family, **hyper)
    assert isinstance(learner, InContext)
    return learner


def promp_of(family: TaskFamily, **hyper: Any) -> ProMP:
    learner = learner_of("promp", family, **hyper)
    assert isinstance(learner, ProMP)
    return learner


def same(one: Any, other: Any) -> bool:
    """Whether nested containers hold equal numbers, tensors bit for bit."""
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def tensors(rollout: Rollout) -> dict[str, Tensor | None]:
    return dict(vars(rollout))


def all_finite(module: torch.nn.Module) -> bool:
    return all(bool(value.isfinite().all()) for value in module.state_dict().values())


# -- collecting --------------------------------------------------------------------------------------------------------


def test_an_episode_is_masked_from_the_step_after_it_ended() -> None:
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


def test_the_last_observation_is_that_after_the_last_step() -> None:
    family = breaking()
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


def test_what_is_not_observed_is_recorded_before_each_step_and_at_the_time_limit() -> None:
    family = half_blind()
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


def test_learners_are_paid_for_what_the_family_guides_to_and_policies_are_not_told() -> None:
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


@pytest.mark.parametrize("name", ["domain-randomization", "task-inference", "rl2", "promp", "maml"])
def test_guidance_changes_what_is_lrewards_and_not_what_an_inner_step_adapts_to(name: str) -> None:
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


def test_a_time_limit_is_bootstrapped_and_an_end_is_not() -> None:
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


def test_success_and_distance_are_judged_where_the_episode_ended() -> None:
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


def test_without_exploration_the_policy_does_its_mean() -> None:
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
    both = joined(parts)
    assert both.actions.shape == (4, 6, 12, 2)
    assert torch.equal(both.rewards, torch.cat([part.rewards for part in parts], dim=1))
    assert both.steps == sum(part.steps for part in parts)


def test_log_probs_of_a_rollout_are_those_of_the_policy_that_acted() -> None:
    family = ending_early()
    learner = promp_of(family)
    learner.normalizer.update(torch.randn(50, 2, generator=generator()))
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


# -- worlds that break -------------------------------------------------------------------------------------------------


def broken_cheetah() -> TaskFamily:
    """The first world starts with a velocity that the physics cannot bear."""
    family = dataclasses.replace(make("cheetah-direction"), horizon=6)

    def reset(nominal, noise, task):
        state = family.reset(nominal, noise, task)
        state["qvel"][0, 0, 0] = 1e12
        return state

    return dataclasses.replace(family, reset=reset)


def test_a_world_that_breaks_is_masked_and_leaves_the_others_alone() -> None:
    broken = broken_cheetah()
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


@pytest.mark.parametrize("name", LEARNERS)
def test_learning_goes_on_when_some_worlds_break(name: str) -> None:
    family = broken_cheetah()
    learner = learner_of(name, family)
    before = {key: value.clone() for key, value in learner.state_dict().items()}
    trial = collect_trial(env_of(family, learner), learner, generator())
    assert any(bool(rollout.diverged.any()) for rollout in trial.rollouts)
    learner.update(trial, generator())
    assert all_finite(learner)
    assert not same(before, dict(learner.state_dict()))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_broken_world_that_shows_no_numbers_poisons_nothing(name: str) -> None:
    family = breaking()
    learner = learner_of(name, family, meta_batch=8)
    trial = collect_trial(env_of(family, learner), learner, generator())
    for rollout in trial.rollouts:
        assert bool(rollout.diverged.any())
        assert not bool(rollout.diverged.all())
        for value in (rollout.observations, rollout.actions, rollout.distribution.mean, rollout.rewards):
            assert bool(value.isfinite().all())
    learner.update(trial, generator())
    assert all_finite(learner)


# -- the belief of learners that adapt by acting -----------------------------------------------------------------------


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
    told = PolicyInput(carried.observations[:, :, 0], torch.zeros(4, 1, 2), torch.zeros(4, 1), True)
    with torch.no_grad():
        torch.testing.assert_close(learner.act(belief, told)[0].mean, carried.distribution.mean[:, :, 0])


@pytest.mark.parametrize("name", IN_CONTEXT)
@pytest.mark.parametrize("build", [short, ending_early], ids=["full episodes", "episodes that end early"])
def test_the_last_step_of_an_episode_is_told_in_the_next(build: Callable[[], TaskFamily], name: str) -> None:
    family = build()
    learner = in_context_of(name, family)
    rollout, belief = collect(env_of(family, learner), learner, learner.begin(4), generator(1))
    adapted = learner.adapt(belief, rollout)
    last = rollout.mask.sum(dim=-1).long() - 1
    for task in range(4):
        assert torch.equal(adapted["action"][task, 0], rollout.actions[task, 0, last[task, 0]])
        assert torch.equal(adapted["reward"][task, 0, 0], rollout.rewards[task, 0, last[task, 0]])
    # A reward that comes with the end, as success does, changes what happens next.
    richer = dataclasses.replace(rollout, rewards=rollout.rewards + 10.0 * rollout.mask)
    told = PolicyInput(rollout.observations[:, :, 0], torch.zeros(4, 1, 2), torch.zeros(4, 1), True)
    with torch.no_grad():
        means = [learner.act(learner.adapt(belief, seen), told)[0].mean for seen in (rollout, richer)]
    assert not torch.equal(*means)


@pytest.mark.parametrize("name", IN_CONTEXT)
def test_without_memory_every_step_is_a_first_step(name: str) -> None:
    family = short()
    learner = in_context_of(name, family)
    env = env_of(family, learner)
    start = learner.begin(4)
    rollout, _ = collect(env, learner, start, generator(), remember=False)
    for t in range(family.horizon):
        told = PolicyInput(rollout.observations[:, :, t], torch.zeros(4, 1, 2), torch.zeros(4, 1), True)
        with torch.no_grad():
            assert torch.equal(learner.act(start, told)[0].mean, rollout.distribution.mean[:, :, t])
    remembering, _ = collect(env, learner, start, generator())
    assert torch.equal(remembering.distribution.mean[:, :, 0], rollout.distribution.mean[:, :, 0])
    assert not torch.equal(remembering.distribution.mean[:, :, 1], rollout.distribution.mean[:, :, 1])


@pytest.mark.parametrize("bptt", [0, 12, 5])
@pytest.mark.parametrize("build", [short, ending_early], ids=["full episodes", "episodes that end early"])
def test_acting_step_by_step_is_the_sequence_that_is_lrewards_from(build: Callable[[], TaskFamily], bptt: int) -> None:
    family = build()
    learner = rl2_of(family, meta_batch=8, adaptation_steps=2, bptt=bptt)
    env = env_of(family, learner)
    learner.update(
        collect_trial(env, learner, generator(1)), generator(1)
    )  # away from zero biases and a bare normalizer
    data = learner._sequences(collect_trial(env, learner, generator(2)).rollouts)
    with torch.no_grad():
        distribution, _, _ = learner.network(data.steps["inputs"], data.state)
    happened = data.steps["mask"] > 0
    torch.testing.assert_close(
        distribution.log_prob(data.steps["actions"])[happened], data.steps["log_probs"][happened], rtol=1e-4, atol=1e-4
    )


def test_steps_that_did_not_happen_are_not_lrewards_from() -> None:
    family = ending_early()
    learner = rl2_of(family, meta_batch=8, adaptation_steps=2, bptt=5)
    trial = collect_trial(env_of(family, learner), learner, generator())
    data = learner._sequences(trial.rollouts)
    assert bool((data.steps["mask"].sum(dim=0) > 0).all())
    assert data.steps["mask"].sum() == trial.steps
    assert data.steps["mask"].shape[1] < 8 * (3 * family.horizon // 5)  # as many as there would be with padding


def test_a_trial_is_valued_as_a_whole() -> None:
    # With discount and lambda one, the reward of the last episode is in the advantage of the first step.
    family = short()
    learner = rl2_of(family, discount=1.0, gae_lambda=1.0, bptt=0)
    rollouts = collect_trial(env_of(family, learner), learner, generator()).rollouts
    data = learner._sequences(rollouts)
    returns = torch.cat([rollout.rewards.flatten(0, 1) for rollout in rollouts], dim=1).sum(dim=1)
    torch.testing.assert_close(data.steps["targets"][0] * learner.return_scale(), returns, rtol=1e-4, atol=1e-4)


def test_an_episode_that_ends_early_is_no_shorter_way_to_the_next_one() -> None:
    # What follows a fall is discounted by the steps that the episode could have gone on for.
    family = ending_early()
    learner = rl2_of(family, discount=0.9, gae_lambda=1.0, bptt=0, meta_batch=8, adaptation_steps=1)
    first, second = collect_trial(env_of(family, learner), learner, generator()).rollouts
    data = learner._sequences([first, second])
    lengths = first.mask.sum(dim=-1).flatten().long()
    assert bool((lengths < family.horizon).any())
    for task, length in enumerate(lengths.tolist()):
        rewards = [*first.rewards[task, 0, :length].tolist(), *([0.0] * (family.horizon - length))]
        whole = torch.tensor([*rewards, *second.rewards[task, 0].tolist()])
        worth = float((whole * 0.9 ** torch.arange(len(whole))).sum() / learner.return_scale())
        assert float(data.steps["targets"][0, task]) == pytest.approx(worth, rel=1e-4)


@pytest.mark.parametrize("build", [short, ending_early], ids=["full episodes", "episodes that end early"])
def test_a_trial_is_laid_out_as_it_was_lived_and_taken_apart_again(build: Callable[[], TaskFamily]) -> None:
    family = build()
    learner = in_context_of("task-inference", family, meta_batch=8, adaptation_steps=2)
    rollouts = collect_trial(env_of(family, learner), learner, generator()).rollouts
    timeline = Timeline(rollouts)
    mask, lived = timeline.concatenate(lambda r: r.mask), timeline.concatenate(lambda r: r.observations)
    lengths = mask.sum(dim=0).long()
    assert torch.equal(mask, (torch.arange(len(mask)).unsqueeze(1) < lengths).float())
    for task, length in enumerate(lengths.tolist()):
        by_hand = torch.cat([r.observations[task, 0, : int(r.mask[task, 0].sum())] for r in rollouts])
        assert torch.equal(lived[:length, task], by_hand)
    for part, rollout in zip(timeline.split(lived), rollouts, strict=True):
        assert torch.equal(part, rollout.observations)


# -- inferring the task ------------------------------------------------------------------------------------------------


def task_inference_of(family: TaskFamily, **hyper: Any) -> TaskInference:
    learner = learner_of("task-inference", family, **hyper)
    assert isinstance(learner, TaskInference)
    return learner


def second_trial(learner: TaskInference, family: TaskFamily) -> Trial:
    """Gathered after an update: away from small weights and a bare normalizer."""
    env = env_of(family, learner)
    learner.update(collect_trial(env, learner, generator(1)), generator(1))
    return collect_trial(env, learner, generator(2))


@pytest.mark.parametrize("bptt", [0, 12, 5])
@pytest.mark.parametrize(
    "build",
    [short, ending_early, half_blind],
    ids=["full episodes", "episodes that end early", "half blind"],
)
def test_the_policy_is_trained_on_the_estimates_it_acted_on(build: Callable[[], TaskFamily], bptt: int) -> None:
    family = build()
    learner = task_inference_of(family, meta_batch=8, adaptation_steps=2, bptt=bptt)
    trial = second_trial(learner, family)
    rollout = joined(trial.rollouts)
    with torch.no_grad():
        seen, data = learner._training_data(trial)
        means = learner.network(seen.actor).mean
    happened = rollout.mask > 0
    torch.testing.assert_close(means[happened], rollout.distribution.mean[happened], rtol=1e-4, atol=1e-5)
    truths = 2 + len(family.privileged_state)  # a goal, and what is not observed
    assert seen.actor.shape[-1] == family.observation_size + 2 * truths  # and mean and deviation of each
    assert data.steps["inputs"].shape[-1] == learner.input_size
    assert data.steps["truth"].shape[-1] == truths
    assert data.steps["mask"].sum() == trial.steps


def test_the_critic_is_told_the_task_as_large_in_all_as_one_number() -> None:
    family = ending_early()
    learner = task_inference_of(family, meta_batch=8, adaptation_steps=2)
    trial = second_trial(learner, family)
    seen, _ = learner._training_data(trial)
    # The critic is told the task, in training, and neither the policy nor the estimator's input is.
    told = trial.tasks / math.sqrt(2)  # of two parameters
    assert torch.equal(seen.critic[:, 0, 0, -2:], told)
    assert torch.equal(seen.last[:, 0, -2:], told)


def test_the_critic_is_told_what_is_not_observed_and_a_belief_says_nothing_of_it() -> None:
    family = half_blind()
    learner = task_inference_of(family, meta_batch=8, adaptation_steps=2, bptt=5)
    trial = second_trial(learner, family)
    rollout = joined(trial.rollouts)
    seen, _ = learner._training_data(trial)
    happened = rollout.mask > 0
    y = learner.privileged_normalizer(rollout.privileged_states).squeeze(-1)
    assert torch.equal(seen.critic[..., -1][happened], y[:, :, :-1][happened])
    whole = ~rollout.terminated
    assert bool(whole.any())
    assert torch.equal(seen.last[..., -1][whole], y[:, :, -1][whole])
    assert learner.infer(learner.begin(8)).mean.shape == (8, 2)


def test_the_estimator_learns_where_a_point_is_that_it_does_not_see() -> None:
    # It starts at the origin and remembers where it went.
    family = half_blind()
    learner = task_inference_of(family, meta_batch=40, estimator_learning_rate=0.01, estimator_epochs=4)
    env = env_of(family, learner)
    errors = []
    for i in range(12):
        env.load(family.sample(40, np.random.default_rng(i)))
        errors.append(learner.update(collect_trial(env, learner, generator(i)), generator(i))["privileged_state_error"])
    assert max(errors) > 0.7  # in the first one, the scale of y is not known yet
    assert errors[-1] < 0.2


def test_what_a_policy_is_paid_never_reaches_the_memory() -> None:
    # With an estimator that does not learn of itself, whatever the policy learns from leaves it as it was.
    family = short()
    states = []
    for worth in (1.0, -1.0):
        learner = task_inference_of(family, estimator_learning_rate=0.0)
        trial = collect_trial(env_of(family, learner), learner, generator())
        scaled = [dataclasses.replace(r, rewards=worth * r.rewards) for r in trial.rollouts]
        before = {name: value.clone() for name, value in learner.estimator.state_dict().items()}
        learner.update(trial._replace(rollouts=scaled), generator())
        assert same(before, dict(learner.estimator.state_dict()))
        states.append({name: value.clone() for name, value in learner.network.state_dict().items()})
    assert not same(*states)


def test_the_estimator_learns_which_task_it_is() -> None:
    # The reward tells one coordinate of the goal and nothing of the other.
    family = short(reward=lambda step: 2.0 * step.task["goal_x"].expand(step.action.shape[:2]))
    fast = {"estimator_epochs": 6, "estimator_minibatches": 2, "estimator_learning_rate": 5e-3}
    learner = task_inference_of(family, meta_batch=64, epochs=1, hidden_size=32, **fast)
    errors = []
    for i in range(12):
        env = env_of(family, learner, seed=i)
        errors.append(learner.update(collect_trial(env, learner, generator(i)), generator(i))["task_error"])
    assert errors[0] == pytest.approx(1.0, abs=0.2)  # knowing nothing: encoded tasks have unit variance
    assert errors[-1] == pytest.approx(0.5, abs=0.15)


# -- the normalizer ----------------------------------------------------------------------------------------------------


def test_normalizer_statistics_are_those_of_everything_it_saw() -> None:
    g = generator()
    batches = [3.0 + 2.0 * torch.randn(n, 3, generator=g) * torch.tensor([1.0, 5.0, 0.1]) for n in (7, 100, 1, 33)]
    normalizer = ObservationNormalizer(3)
    for batch in batches:
        normalizer.update(batch)
    everything = torch.cat(batches)
    torch.testing.assert_close(normalizer.mean, everything.mean(dim=0))
    torch.testing.assert_close(normalizer.variance, everything.var(dim=0, correction=0))
    assert normalizer.count == len(everything)


def test_normalizer_ignores_an_empty_batch_and_clips_what_is_far_out() -> None:
    normalizer = ObservationNormalizer(2)
    normalizer.update(torch.zeros(0, 2))
    assert normalizer.count == 0
    assert normalizer(torch.tensor([[0.5, -1e6]])).tolist() == [[0.5, -10.0]]


@pytest.mark.parametrize("name", LEARNERS)
def test_a_meta_update_teaches_the_normalizer_the_steps_that_happened(name: str) -> None:
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


def test_a_gradient_learner_adapts_by_the_inner_loop_it_is_trained_through() -> None:
    family = short()
    learner = promp_of(family)
    rollout, belief = collect(env_of(family, learner), learner, learner.begin(4), generator())
    by_hand = adapt(learner.policy, learner.start(4), learner.samples(rollout), learner.config.inner_step)
    deployed, trained = learner.adapt(belief, rollout), learner.adapted(learner.start(4), [learner.samples(rollout)])
    for name, value in by_hand.items():
        torch.testing.assert_close(deployed[name], value)
        torch.testing.assert_close(trained[name].detach(), value)


def test_each_round_of_adaptation_has_step_sizes_of_its_own() -> None:
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


# -- meta-updates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LEARNERS)
def test_rewards_that_say_nothing_do_no_harm(name: str) -> None:
    family = short(reward=lambda step: torch.zeros_like(step.action[..., 0]))
    learner = learner_of(name, family)
    before = {key: value.detach().clone() for key, value in learner.named_parameters()}
    learner.update(collect_trial(env_of(family, learner), learner, generator()), generator())
    assert all_finite(learner)
    if isinstance(learner, MAML):  # nothing to gain: the line search keeps the policy
        assert same(before, {key: value.detach() for key, value in learner.named_parameters()})


def test_maml_gains_within_its_trust_region() -> None:
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


# -- meta-training -----------------------------------------------------------------------------------------------------


def train(learner: str, folder: Path, *, iterations: int = 4, seed: int = 0) -> Run:
    return meta_train(
        "point-navigation", learner, iterations=iterations, seed=seed, out=folder, hyper=HYPER[learner], progress=False
    )


def weights(run: Run) -> dict[str, Tensor]:
    return dict(run.policy.learner.state_dict())


@pytest.fixture(scope="module", params=LEARNERS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Four meta-updates of each learner, never interrupted."""
    return train(request.param, tmp_path_factory.mktemp("runs") / request.param)


def test_meta_updates_change_the_weights_and_keep_them_finite(run: Run) -> None:
    untrained = new_policy(run.policy.config).learner
    trained = dict(run.policy.learner.named_parameters())
    assert all_finite(run.policy.learner)
    changed = [name for name, value in untrained.named_parameters() if not torch.equal(value, trained[name])]
    assert len(changed) >= len(trained) // 2
    assert run.policy.iteration == 4
    assert not run.interrupted


def test_resuming_equals_never_having_stopped_bit_for_bit(run: Run, tmp_path: Path) -> None:
    name = run.policy.config.learner
    halfway = train(name, tmp_path / "run", iterations=2)
    assert not same(weights(halfway), weights(run))
    resumed = resume(halfway.folder, iterations=4, progress=False)
    assert same(weights(resumed), weights(run))
    assert same(resumed.policy.learner.training_state(), run.policy.learner.training_state())
    assert resumed.policy.env_steps == run.policy.env_steps
    assert (resumed.policy.iteration, resumed.interrupted) == (4, False)


def test_a_family_says_how_widely_to_explore_until_the_user_does(tmp_path: Path) -> None:
    family = short(3, init_std=0.1)

    def begins_with(name: str, hyper: dict[str, float]) -> float:
        run = meta_train(family, name, iterations=1, hyper=hyper, out=tmp_path / str(len(hyper)) / name, progress=False)
        config = run.policy.config.hyperparameters
        assert isinstance(config, PPOConfig | GradientConfig)
        return config.init_std

    assert begins_with("task-inference", {}) == 0.1
    assert begins_with("task-inference", {"init_std": 0.2}) == 0.2
    assert begins_with("promp", {}) == ProMPConfig().init_std  # its inner loop needs to explore


@pytest.mark.parametrize("name", ["task-inference", "rl2", "domain-randomization"])
@pytest.mark.parametrize(("desired_kl", "shorter"), [(1e-6, True), (0.0, False), (10.0, False)])
def test_steps_get_shorter_where_the_policy_moves_too_far(
    name: str, desired_kl: float, shorter: bool, tmp_path: Path
) -> None:
    hyper = HYPER[name] | {"desired_kl": desired_kl, "learning_rate": 1e-3}
    run = meta_train(short(), name, iterations=1, hyper=hyper, out=tmp_path, progress=False)
    learner = run.policy.learner
    assert isinstance(learner, RL2 | TaskInference | DomainRandomization)
    (group,) = learner.adam.param_groups
    assert 1e-5 <= group["lr"] < 1e-3 if shorter else group["lr"] == 1e-3


def test_steps_that_got_shorter_get_longer_again_and_no_longer_than_they_were() -> None:
    config = PPOConfig(learning_rate=1e-3, desired_kl=0.01)
    adam = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1e-3)
    rates = []
    for kl in (0.03, 0.03, 0.01, *[0.001] * 4):
        adjust_learning_rate(config, adam, kl)
        rates.append(adam.param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3 / 1.5, 1e-3 / 2.25, 1e-3 / 2.25, 1e-3 / 1.5, 1e-3, 1e-3, 1e-3])


def test_the_divergence_of_ppo_is_that_from_the_policy_that_acted() -> None:
    count = 200_000
    old = DiagonalGaussian(torch.zeros(count, 1), torch.zeros(1))
    new = DiagonalGaussian(torch.full((count, 1), 0.2), torch.full((1,), -0.1))
    actions = old.sample(torch.randn(count, 1, generator=generator()))
    nothing, ones = torch.zeros(count), torch.ones(count)
    found = ppo_loss(PPOConfig(), new, actions, old.log_prob(actions), nothing, nothing, nothing, ones, count)
    assert float(found["kl"]) == pytest.approx(float(old.kl(new)[0]), rel=0.03)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(run: Run, tmp_path: Path) -> None:
    name = run.policy.config.learner
    first, again, other = (
        weights(train(name, tmp_path / folder, iterations=1, seed=seed))
        for folder, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.parametrize("name", LEARNERS)
def test_initial_weights_do_not_depend_on_the_cores_of_the_machine(name: str) -> None:
    config = RunConfig("cheetah-direction", name, hyperparameters(name, {}))
    drawn = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        drawn.append(dict(new_policy(config).learner.state_dict()))
    assert same(*drawn)


def test_a_run_folder_gives_back_the_policy_and_its_training_state(run: Run) -> None:
    loaded = load(run.folder)
    assert same(dict(loaded.learner.state_dict()), weights(run))
    (state,) = (torch.load(file, weights_only=True) for file in checkpoints(run.folder)[-1].glob("*.pt"))
    assert same(state, run.policy.learner.training_state())
    load_training(run.folder, loaded)
    assert same(loaded.learner.training_state(), run.policy.learner.training_state())


def test_evaluation_is_deterministic_and_leaves_the_policy_alone(run: Run) -> None:
    before = {name: value.clone() for name, value in weights(run).items()}
    first, second = (evaluate(run.policy, tasks=3, episodes=2, threads=threads) for threads in (1, 2))
    assert first.returns.keys() == second.returns.keys()
    for name, curve in first.returns.items():
        other = second.returns[name]
        assert (curve is None) == (other is None)
        if curve is not None and other is not None:
            assert np.array_equal(curve.values, other.values)
            assert curve.values.shape == (3, 3)  # after 0, 1 and 2 episodes, 3 tasks
    assert first.tasks.digest == run.policy.family.tasks("test", 3).digest
    assert same(before, weights(run))


def test_deployment_is_deterministic_and_leaves_the_policy_alone(run: Run) -> None:
    before = {name: value.clone() for name, value in weights(run).items()}
    task = run.policy.family.task(goal_x=0.3, goal_y=-0.2)
    first, second = (deploy(run.policy, task, episodes=3, evaluation_episodes=2) for _ in range(2))
    assert first.policy.belief is not None
    assert second.policy.belief is not None
    assert same(dict(first.policy.belief), dict(second.policy.belief))
    assert (first.return_before, first.return_after) == (second.return_before, second.return_after)
    assert run.policy.belief is None
    assert same(before, weights(run))


@pytest.mark.parametrize("name", LEARNERS)
def test_weights_do_not_depend_on_the_number_of_threads(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Physics threads, the threads of a meta-update and torch's own threads: none of them changes a bit."""
    states = []
    for threads in (1, 2):
        with ThreadPoolExecutor(threads) as pool, torch_threads(threads):
            monkeypatch.setattr("robotmeta.metalearners.parallel._pool", lambda pool=pool: pool)
            run = meta_train(
                "cheetah-direction",
                name,
                iterations=2,
                out=tmp_path / str(threads),
                hyper={"meta_batch": 24, "episodes": 1 if name in IN_CONTEXT else 6},
                threads=threads,
                progress=False,
            )
            states.append(run.policy.learner.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])

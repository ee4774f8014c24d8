"""Rollouts: what a policy experienced in a batch of worlds, and how it is collected."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from robotmeta.envs import BatchEnv, Step
from robotmeta.policies import DiagonalGaussian
from robotmeta.threads import one_torch_thread

Belief = Mapping[str, Tensor]
"""What a learner believes about each task, each entry ``[task, ...]``: adapted parameters, a hidden state, nothing.

Entries named ``action`` and ``reward`` are those of the last step of the episode before."""


class PolicyInput(NamedTuple):
    """What a policy observes before each action; leading axes ``[task, episode]``."""

    observation: Tensor
    """``[task, episode, observation]``."""
    action: Tensor
    """Last action of this episode, ``[task, episode, action]``; zero at its start: the belief keeps earlier ones."""
    reward: Tensor
    """Last reward of this episode, ``[task, episode]``; zero at its start."""
    start: bool
    """Whether this is the first step of an episode."""
    active: Tensor | None = None
    """bool ``[task, episode]``, episodes still running; None for all. Beliefs about the others must not move."""


class Actor(Protocol):
    """What acting needs of a learner."""

    @property
    def device(self) -> torch.device:
        """Where the policy lives."""
        ...

    def act(self, belief: Belief, policy_input: PolicyInput) -> tuple[DiagonalGaussian, Belief]:
        """The action distribution ``[task, episode, action]``, and the belief after this input."""
        ...


@dataclass(frozen=True)
class Rollout:
    """Experience of one policy in ``[task, episode]`` worlds.

    Attributes:
        observations: What the policy observed, before normalization, ``[task, episode, time, observation]``.
        last_observations: What it observed after its last step, ``[task, episode, observation]``; in a diverged
            episode, what it observed last before the divergence.
        actions: Actions before clipping, ``[task, episode, time, action]``.
        rewards: ``[task, episode, time]``; zero where ``mask`` is.
        shaping_rewards: ``[task, episode, time]``; zero where ``mask`` is, None where the family has none.
        means: Mean of the action distribution, ``[task, episode, time, action]``.
        log_stds: Log standard deviation of that distribution, ``[task, episode, 1, action]``.
        mask: 1.0 for steps that happened, 0.0 after the end of an episode, ``[task, episode, time]``.
        terminated: bool ``[task, episode]``, episodes that ended for good before the time limit.
        diverged: bool ``[task, episode]``, episodes cut short because their simulation broke.
        success: bool ``[task, episode]`` where the family defines it.
        distance: How far from its goal each episode ended, m ``[task, episode]``, where the family defines it; of a
            diverged one, how far it started.
        privileged_states: Privileged state before each step and at the time limit,
            ``[task, episode, time + 1, privileged_state]``; zero where an episode has ended.
    """

    observations: Tensor
    last_observations: Tensor
    actions: Tensor
    rewards: Tensor
    shaping_rewards: Tensor | None
    means: Tensor
    log_stds: Tensor
    mask: Tensor
    terminated: Tensor
    diverged: Tensor
    success: Tensor | None
    distance: Tensor | None
    privileged_states: Tensor

    @property
    def distribution(self) -> DiagonalGaussian:
        """The distribution each action was drawn from, ``[task, episode, time, action]``."""
        return DiagonalGaussian(self.means, self.log_stds)

    @property
    def training_rewards(self) -> Tensor:
        """What meta-training maximizes: rewards plus shaping rewards, ``[task, episode, time]``."""
        return self.rewards if self.shaping_rewards is None else self.rewards + self.shaping_rewards

    @property
    def returns(self) -> Tensor:
        """Undiscounted return of each episode, ``[task, episode]``; of a diverged one, up to where it broke."""
        return self.rewards.sum(dim=-1)

    @property
    def steps(self) -> int:
        """Control steps that happened."""
        return int(self.mask.sum())

    def mean_return(self) -> float:
        """Mean return over the episodes whose simulation did not break."""
        kept = ~self.diverged
        return float(self.returns[kept].mean()) if bool(kept.any()) else float("nan")

    def to(self, device: torch.device | str) -> Rollout:
        """The same experience on another device."""
        if self.rewards.device == torch.device(device):
            return self
        return replace(self, **{name: value.to(device) for name, value in vars(self).items() if value is not None})


class Trial(NamedTuple):
    """What a meta-update learns from."""

    rollouts: list[Rollout]
    """Rounds of experience of the same tasks; the belief was adapted after each but the last."""
    tasks: Tensor
    """Those tasks, encoded, ``[task, encoding]``. Known in meta-training, never when a policy adapts."""

    @property
    def steps(self) -> int:
        """Control steps that happened."""
        return sum(rollout.steps for rollout in self.rollouts)

    def observations(self) -> Tensor:
        """All observations that were really seen, ``[sample, observation]``."""
        return torch.cat([r.observations[r.mask > 0] for r in self.rollouts])

    def to(self, device: torch.device | str) -> Trial:
        """The same trial on another device."""
        return Trial([rollout.to(device) for rollout in self.rollouts], self.tasks.to(device))


def joined(rollouts: list[Rollout]) -> Rollout:
    """Rollouts of the same tasks side by side, along the episode axis."""
    parts = {name: [value for r in rollouts if (value := getattr(r, name)) is not None] for name in vars(rollouts[0])}
    return replace(rollouts[0], **{name: torch.cat(values, dim=1) for name, values in parts.items() if values})


class PolicyStep(NamedTuple):
    """One control step of :func:`play`; leading axes ``[task, episode]``, tensors on the env's device."""

    observation: Tensor
    """What the policy saw, ``[task, episode, observation]``."""
    privileged_state: Tensor
    """What it did not see, ``[task, episode, privileged_state]``."""
    distribution: DiagonalGaussian
    """The distribution the action was drawn from, ``[task, episode, action]``."""
    action: Tensor
    """What it did, ``[task, episode, action]``."""
    active: Tensor | None
    """bool ``[task, episode]``, the episodes that were still running; None for all."""
    step: Step
    """What came of it."""
    belief: Belief
    """The belief after acting."""


@torch.no_grad()
def play(
    env: BatchEnv,
    learner: Actor,
    belief: Belief,
    generator: torch.Generator,
    *,
    explore: bool = True,
    remember: bool = True,
) -> Iterator[PolicyStep]:
    """Runs one episode in every world, a control step at a time. The arguments are those of :func:`collect`."""
    observation = env.reset(generator)
    here = observation.device
    shape = (env.num_tasks, env.num_episodes, env.action_size)
    noise = None
    if explore:  # drawn at once, on the CPU: the same numbers whatever the device and the policy
        noise = torch.randn(env.horizon, *shape, generator=generator).to(here)
    first, privileged = belief, env.privileged_state()
    policy_input = nothing = PolicyInput(
        observation, torch.zeros(shape, device=here), torch.zeros(shape[:2], device=here), True
    )
    active: Tensor | None = None
    for t in range(env.horizon):
        observed = policy_input if remember else nothing._replace(observation=observation, active=active)
        distribution, belief = learner.act(belief if remember else first, _move(observed, learner.device))
        mean, log_std = distribution.mean.to(here), distribution.log_std.to(here)
        action = mean if noise is None else mean + log_std.exp() * noise[t]
        step = env.step(action, active)
        yield PolicyStep(observation, privileged, DiagonalGaussian(mean, log_std), action, active, step, belief)
        if step.terminated is not None or step.diverged is not None:
            running = torch.ones(shape[:2], dtype=torch.bool, device=here) if active is None else active.clone()
            for ended in (step.terminated, step.diverged):
                if ended is not None:
                    running &= ~ended
            if not bool(running.any()):
                return
            active = None if bool(running.all()) else running
        observation, privileged = (_shown(value, active) for value in (step.observation, env.privileged_state()))
        policy_input = PolicyInput(observation, action, step.reward, False, active)


def collect(
    env: BatchEnv,
    learner: Actor,
    belief: Belief,
    generator: torch.Generator,
    *,
    explore: bool = True,
    remember: bool = True,
) -> tuple[Rollout, Belief]:
    """Runs one episode in every world.

    Args:
        env: ``[task, episode]`` worlds, already loaded with their tasks.
        learner: Whose policy acts.
        belief: What the learner believes about each task.
        generator: A CPU generator; fixes reset noise and exploration whatever the device.
        explore: Draw actions from the distribution; otherwise take its mean.
        remember: Let the belief develop while acting; otherwise every step acts from ``belief`` as if it were the
            first one (the zero-shot control of learners that adapt within an episode).

    Returns:
        The rollout, on the learner's device, and the belief after it.
    """
    shape = (env.horizon, env.num_tasks, env.num_episodes)
    with one_torch_thread():
        steps = play(env, learner, belief, generator, explore=explore, remember=remember)
        first = played = next(steps)
        new = partial(torch.zeros, device=played.action.device)
        # Time comes first while collecting, so that each step writes one contiguous block.
        observations, mask = new(*shape, env.observation_size), new(*shape)
        rewards, shaping_rewards = new(*shape), None
        actions, means = new(*shape, env.action_size), new(*shape, env.action_size)
        terminated, diverged = new(shape[1:], dtype=torch.bool), new(shape[1:], dtype=torch.bool)
        running = torch.ones_like(terminated)
        privileged = new(1 + env.horizon, *played.privileged_state.shape)
        happened, t = running, 0
        for t, played in enumerate(itertools.chain([first], steps)):
            step = played.step
            happened = running if played.active is None else played.active
            if step.diverged is not None:
                diverged |= step.diverged & happened
                happened = happened & ~step.diverged
            if step.terminated is not None:
                terminated |= step.terminated & happened
            observations[t], actions[t], means[t] = played.observation, played.action, played.distribution.mean
            rewards[t] = torch.where(happened, step.reward, 0.0)
            if step.shaping_reward is not None:
                shaping_rewards = torch.zeros_like(rewards) if shaping_rewards is None else shaping_rewards
                shaping_rewards[t] = torch.where(happened, step.shaping_reward, 0.0)
            mask[t] = happened
            privileged[t] = played.privileged_state
        last = played.step.observation
        if bool(diverged.any()):
            step_before = (mask.sum(dim=0).long() - 1).clamp(min=0)[None, :, :, None].expand(1, *last.shape)
            last = torch.where(diverged.unsqueeze(-1), observations.gather(0, step_before).squeeze(0), last)
        privileged[t + 1] = _shown(env.privileged_state(), happened & ~terminated)
        success, distance = env.success(), env.distance()
    rollout = Rollout(
        observations=observations.permute(1, 2, 0, 3),
        last_observations=last,
        actions=actions.permute(1, 2, 0, 3),
        rewards=rewards.permute(1, 2, 0),
        shaping_rewards=None if shaping_rewards is None else shaping_rewards.permute(1, 2, 0),
        means=means.permute(1, 2, 0, 3),
        log_stds=played.distribution.log_std.expand(*shape[1:], env.action_size).unsqueeze(2),
        mask=mask.permute(1, 2, 0),
        terminated=terminated,
        diverged=diverged,
        success=None if success is None else success & ~diverged,
        distance=distance,
        privileged_states=privileged.permute(1, 2, 0, 3),
    )
    return rollout.to(learner.device), played.belief


def _shown(value: Tensor, active: Tensor | None) -> Tensor:
    """Zero where an episode has ended: a broken world may show anything."""
    return value if active is None else value.masked_fill(~active.unsqueeze(-1), 0.0)


def _move(policy_input: PolicyInput, device: torch.device) -> PolicyInput:
    if policy_input.observation.device == device:
        return policy_input
    return PolicyInput(
        policy_input.observation.to(device),
        policy_input.action.to(device),
        policy_input.reward.to(device),
        policy_input.start,
        None if policy_input.active is None else policy_input.active.to(device),
    )

"""Rollouts: what a policy experienced in a batch of worlds, and how it is collected."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from robotmeta.envs import BatchEnv
from robotmeta.policies import DiagonalGaussian

if TYPE_CHECKING:
    from robotmeta.metalearners import Belief, MetaLearner


class Signal(NamedTuple):
    """What a policy is told before each action; leading axes ``[task, episode]``."""

    observation: Tensor
    """``[task, episode, observation]``."""
    action: Tensor
    """Last action of this episode, zero at its start, ``[task, episode, action]``."""
    reward: Tensor
    """Last reward of this episode, zero at its start, ``[task, episode]``."""
    start: bool
    """Whether this is the first step of an episode."""


@dataclass(frozen=True)
class Rollout:
    """Experience of one policy in ``[task, episode]`` worlds. Arrays are ``[task, episode, time, ...]``.

    Attributes:
        observations: What the policy saw, before normalization.
        actions: What it did, before clipping.
        rewards: What it got; zero where ``mask`` is.
        means: Mean of the action distribution it acted from.
        log_stds: Log standard deviation of that distribution, broadcasts against ``means``.
        mask: 1.0 for steps that happened, 0.0 after the end of an episode.
        terminated: bool ``[task, episode]``, episodes that ended for good before the time limit.
        diverged: bool ``[task, episode]``, episodes cut short because their simulation broke.
        last_observations: Observation after the last step, ``[task, episode, observation]``.
        success: bool ``[task, episode]`` where the family defines it.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    means: Tensor
    log_stds: Tensor
    mask: Tensor
    terminated: Tensor
    diverged: Tensor
    last_observations: Tensor
    success: Tensor | None

    @property
    def distribution(self) -> DiagonalGaussian:
        """The distribution each action was drawn from."""
        return DiagonalGaussian(self.means, self.log_stds)

    @property
    def returns(self) -> Tensor:
        """Undiscounted return of each episode, ``[task, episode]``; diverged episodes are NaN-free partial sums."""
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
        moved = {name: value if value is None else value.to(device) for name, value in vars(self).items()}
        return Rollout(**moved)


@contextlib.contextmanager
def one_torch_thread() -> Iterator[None]:
    """Keeps torch's thread pool from spinning on the cores the physics threads need."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def collect(
    env: BatchEnv,
    learner: MetaLearner,
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
    with one_torch_thread():
        tasks, episodes, horizon = env.num_tasks, env.num_episodes, env.horizon
        device = learner.device
        observation = env.reset(generator)
        here = observation.device
        noise = torch.zeros(horizon, tasks, episodes, env.action_size, device=here)
        if explore:
            noise = torch.randn(noise.shape, generator=generator).to(here)
        # Time comes first while collecting, so that each step writes one contiguous block.
        observations = torch.empty(horizon, tasks, episodes, env.observation_size, device=here)
        actions, means = torch.empty_like(noise), torch.empty_like(noise)
        log_stds = None
        rewards = torch.zeros(horizon, tasks, episodes, device=here)
        mask = torch.zeros_like(rewards)
        terminated = torch.zeros(tasks, episodes, dtype=torch.bool, device=here)
        diverged = torch.zeros_like(terminated)
        active: Tensor | None = None  # None while every world is still running

        first = belief
        nothing = Signal(observation, torch.zeros_like(noise[0]), torch.zeros_like(rewards[0]), True)
        signal = nothing
        for t in range(horizon):
            seen = signal if remember else nothing._replace(observation=observation)
            distribution, acted = learner.act(belief if remember else first, _move(seen, device))
            belief = acted
            means[t] = distribution.mean
            if log_stds is None:
                log_stds = distribution.log_std.to(here).expand(tasks, episodes, -1).unsqueeze(2)
            actions[t] = means[t] + log_stds[:, :, 0].exp() * noise[t]
            observations[t] = observation
            step = env.step(actions[t], active)
            if active is None:
                rewards[t], mask[t] = step.reward, 1.0
            else:
                rewards[t], mask[t] = step.reward * active, active.float()
            observation = step.observation
            if step.diverged is not None:
                new = step.diverged if active is None else step.diverged & active
                diverged |= new
                mask[t].masked_fill_(new, 0.0)
            if step.terminated is not None:
                terminated |= step.terminated if active is None else step.terminated & active
            if step.diverged is not None or step.terminated is not None:
                running = ~(terminated | diverged)
                if not bool(running.any()):
                    break
                active = None if bool(running.all()) else running
            signal = Signal(observation, actions[t], rewards[t], False)
        assert log_stds is not None
        success = env.success()
        rollout = Rollout(
            observations=observations.permute(1, 2, 0, 3),
            actions=actions.permute(1, 2, 0, 3),
            rewards=rewards.permute(1, 2, 0),
            means=means.permute(1, 2, 0, 3),
            log_stds=log_stds,
            mask=mask.permute(1, 2, 0),
            terminated=terminated,
            diverged=diverged,
            last_observations=observation,
            success=None if success is None else success & ~diverged,
        )
    return rollout if device == here else rollout.to(device), belief


def _move(signal: Signal, device: torch.device) -> Signal:
    if signal.observation.device == device:
        return signal
    return Signal(
        signal.observation.to(device), signal.action.to(device), signal.reward.to(device), signal.start
    )

"""A policy in a single task: what its training starts from, and what it reaches."""

from __future__ import annotations

import dataclasses
import math

import torch

from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief, collect_episodes
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import TaskFamily, Tasks
from robotmeta.experience.rollout import Rollout
from robotmeta.metalearners import CONTROL
from robotmeta.policy import Policy, new_policy
from robotmeta.seeding import streams

ADAPTATION_EPISODES = 3
"""Adaptation episodes before a policy that adapts is measured."""

_INIT_STD = 0.6  # where the family states none; in a single task, little exploration ends in a worse gait


def untrained(family: TaskFamily, *, seed: int = 0, worlds: int = 32, simulator: str = "auto") -> Policy:
    """A policy without memory and with random weights. Its updates have ``worlds`` episodes of one task."""
    std = _INIT_STD if family.init_std is None else family.init_std
    chosen = hyperparameters(CONTROL, {"meta_batch": 1, "episodes": worlds, "init_std": std}, family=family)
    return new_policy(RunConfig(family.name, CONTROL, chosen, seed=seed, simulator=simulator), family=family)


def with_episodes(policy: Policy, worlds: int) -> Policy:
    """A meta-trained policy whose next updates have about ``worlds`` episodes instead of those of many tasks.

    Its optimizers start anew, it is never told its task, and it explores at least as much as when it is fine-tuned. A
    policy that was trained for long hardly explores any more, and would stay in the gait that it has.
    """
    hyper = policy.config.hyperparameters
    each = hyper.episodes * (hyper.adaptation_steps + 1)
    untold = {"informed": 0.0} if hasattr(hyper, "informed") else {}
    fewer = dataclasses.replace(hyper, meta_batch=max(1, round(worlds / each)), **untold)
    config = dataclasses.replace(policy.config, hyperparameters=fewer)
    fresh = new_policy(config, policy.learner.device, policy.family)
    fresh.learner.load_state_dict(policy.learner.state_dict())
    least = getattr(hyper.fine_tuning(), "min_std", 0.0)
    with torch.no_grad():
        for name, parameter in fresh.learner.named_parameters():
            if least and name.endswith("log_std"):
                parameter.clamp_(min=math.log(least))
    return fresh


def measured(
    policy: Policy,
    task: Tasks,
    episodes: int,
    *,
    seed: int = 0,
    purpose: str = "trials",
    adaptation_episodes: int = ADAPTATION_EPISODES,
    threads: int | None = None,
) -> Rollout:
    """Episodes of one task that act by the mean of the policy, after adaptation episodes if it adapts.

    Args:
        policy: The policy.
        task: The task.
        episodes: Number of episodes.
        seed: Determines initial states and exploration.
        purpose: What the episodes are for: other purposes have other initial states.
        adaptation_episodes: Adaptation episodes before them.
        threads: Number of physics threads.
    """
    worlds = TaskWorlds(policy, task, threads=threads)
    belief = policy.begin(1)
    if policy.learner.adapts and adaptation_episodes:
        belief = adapted_belief(policy, worlds, adaptation_episodes, seed)
    generator, _ = streams(seed, purpose)
    return collect_episodes(worlds, policy.learner, belief, episodes, generator, explore=False)[0]

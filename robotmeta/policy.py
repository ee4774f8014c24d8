"""A policy: its family, its configuration, its learner, and what it has learned of one robot."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
from dataclasses import dataclass, field
from typing import Any

import torch

from robotmeta.config import RunConfig
from robotmeta.envs import TaskFamily, make
from robotmeta.experience.rollout import Belief
from robotmeta.metalearners import MetaLearner, Sizes, learner_class
from robotmeta.schema import SCHEMA
from robotmeta.seeding import streams
from robotmeta.threads import one_torch_thread


@dataclass(frozen=True)
class Policy:
    """A meta-trained policy: what it was trained on, and the learner that acts and adapts.

    Attributes:
        family: The task family.
        config: The run that trained it.
        learner: The policy and its way of adapting.
        iteration: Meta-updates so far.
        env_steps: Control steps of meta-training so far.
        belief: What it already knows of its one task, where it has been adapted; None before.
    """

    family: TaskFamily
    config: RunConfig
    learner: MetaLearner = field(repr=False)
    iteration: int = 0
    env_steps: int = 0
    belief: Belief | None = field(default=None, repr=False)

    def begin(self, num_tasks: int, generator: torch.Generator | None = None) -> Belief:
        """Where adaptation starts: the policy initialization, or what an adapted policy already knows."""
        if self.belief is None:
            return self.learner.begin(num_tasks, generator)
        return {name: value.expand(num_tasks, *value.shape[1:]) for name, value in self.belief.items()}


def new_policy(config: RunConfig, device: torch.device | str = "cpu", family: TaskFamily | None = None) -> Policy:
    """An untrained policy, its weights fixed by the seed; ``family`` where it is not a registered one."""
    family = family or make(config.family)
    size = family.observation_size + config.hyperparameters.oracle * family.encoding.size
    generator, _ = streams(config.seed, "weights")
    with one_torch_thread():  # orthogonal weights come from a QR that rounds differently on several threads
        sizes = Sizes(size, family.action_size, family.encoding.size, len(family.privileged_state))
        learner = learner_class(config.learner)(sizes, config.hyperparameters, generator)
    return Policy(family, config, learner.to(device))


def versions() -> dict[str, str]:
    """Versions of what decides the numbers."""
    packages = ("robotmeta", "torch", "mujoco", "numpy", "gymnasium")
    found = {"python": platform.python_version()}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def manifest(policy: Policy) -> dict[str, Any]:
    """What a reader needs to know before trusting the weights."""
    family = policy.family
    return {
        "schema": SCHEMA,
        "config": policy.config.to_json(),
        "space": {"names": list(family.space.names), "digest": family.space.digest},
        "observations": [list(signal) for signal in family.observations],
        "actions": [list(signal) for signal in family.actions],
        "iteration": policy.iteration,
        "env_steps": policy.env_steps,
        "versions": versions(),
    }

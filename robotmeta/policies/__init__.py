"""Policy networks. They import torch and nothing else."""

from collections.abc import Callable

import torch

from robotmeta.policies.actor_critic import ActorCritic
from robotmeta.policies.conditioning import CONCATENATE, CONDITIONINGS, MODULATE, scaled
from robotmeta.policies.distribution import ActionDistribution
from robotmeta.policies.gaussian import DiagonalGaussian
from robotmeta.policies.gru import GRU
from robotmeta.policies.memory import Memory, MemoryState
from robotmeta.policies.mlp import GaussianMLP
from robotmeta.policies.normalizer import Moments, ObservationNormalizer, ReturnScale
from robotmeta.policies.recurrent import RecurrentActorCritic
from robotmeta.policies.task_estimator import MIN_LOG_STD, TaskEstimator

__all__ = [
    "CONCATENATE",
    "CONDITIONINGS",
    "MEMORIES",
    "MIN_LOG_STD",
    "MODULATE",
    "ActionDistribution",
    "ActorCritic",
    "DiagonalGaussian",
    "GaussianMLP",
    "Memory",
    "MemoryState",
    "Moments",
    "ObservationNormalizer",
    "RecurrentActorCritic",
    "ReturnScale",
    "TaskEstimator",
    "scaled",
]

MEMORIES: dict[str, Callable[[int, int, torch.Generator], Memory]] = {"gru": GRU}
"""Memories by name, each built from the size of its inputs, its own size and a generator for the initial weights."""

"""Policy networks. They import torch and nothing else, so that they run wherever torch does."""

from robotmeta.policies.actor_critic import ActorCritic
from robotmeta.policies.distribution import ActionDistribution
from robotmeta.policies.gaussian import DiagonalGaussian
from robotmeta.policies.mlp import GaussianMLP
from robotmeta.policies.normalizer import ObservationNormalizer
from robotmeta.policies.recurrent import RecurrentActorCritic
from robotmeta.policies.task_estimator import TaskEstimator

__all__ = [
    "ActionDistribution",
    "ActorCritic",
    "DiagonalGaussian",
    "GaussianMLP",
    "ObservationNormalizer",
    "RecurrentActorCritic",
    "TaskEstimator",
]

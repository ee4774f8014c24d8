"""Policy networks. They import torch and nothing else, so that they run wherever torch does."""

from robotmeta.policies.gaussian import DiagonalGaussian
from robotmeta.policies.mlp import GaussianMLP, mlp_value, orthogonal_mlp
from robotmeta.policies.normalizer import ObservationNormalizer
from robotmeta.policies.recurrent import RecurrentActorCritic

__all__ = [
    "DiagonalGaussian",
    "GaussianMLP",
    "ObservationNormalizer",
    "RecurrentActorCritic",
    "mlp_value",
    "orthogonal_mlp",
]

"""The diagonal Gaussian action distribution, with the formulas meta-gradients need."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

_LOG_2PI = math.log(2.0 * math.pi)


class DiagonalGaussian(NamedTuple):
    """Independent normal actions, an :class:`robotmeta.policies.ActionDistribution`.

    Attributes:
        mean: ``[..., action]``.
        log_std: Broadcasts against ``mean``.
    """

    mean: Tensor
    log_std: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Actions from standard normal noise, ``[..., action]``."""
        return self.mean + self.log_std.exp() * noise

    def log_prob(self, action: Tensor) -> Tensor:
        """Log N(a; mu, sigma^2), summed over action dimensions, ``[...]``."""
        z = (action - self.mean) * (-self.log_std).exp()
        return -0.5 * (z.square() + 2.0 * self.log_std + _LOG_2PI).sum(dim=-1)

    def kl(self, other: DiagonalGaussian) -> Tensor:
        """KL(self || other), summed over action dimensions, ``[...]``."""
        # log(s'/s) + (s^2 + (m - m')^2) / (2 s'^2) - 1/2
        variance = (2.0 * self.log_std).exp() + (self.mean - other.mean).square()
        terms = other.log_std - self.log_std + 0.5 * variance * (-2.0 * other.log_std).exp() - 0.5
        return terms.sum(dim=-1)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, ``[...]``."""
        return (self.log_std + 0.5 * (1.0 + _LOG_2PI)).expand_as(self.mean).sum(dim=-1)

    def parameters(self) -> Mapping[str, Tensor]:
        """``mean`` and ``log_std``."""
        return self._asdict()

    def from_parameters(self, parameters: Mapping[str, Tensor]) -> DiagonalGaussian:
        """A Gaussian with other ``mean`` and ``log_std``."""
        return DiagonalGaussian(**parameters)

    def flat(self) -> Tensor:
        """Mean and log std side by side, ``[..., 2 * action]``."""
        return torch.cat([self.mean, self.log_std.expand_as(self.mean)], dim=-1)

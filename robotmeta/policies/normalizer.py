"""Running statistics of observations and returns, saved with the weights. Adaptation does not change them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Moments:
    """Count, mean and variance of some samples.

    Attributes:
        count: Number of samples.
        mean: ``[...]``.
        variance: Mean squared deviation, same shape.
    """

    count: Tensor | int
    mean: Tensor
    variance: Tensor


class ObservationNormalizer(nn.Module):
    """Scales observations to zero mean and unit variance over everything seen in meta-training.

    Args:
        size: Observation size.
        clip: Normalized observations are clipped to +- this many standard deviations.

    Attributes:
        frozen: Whether updates leave the statistics as they are, so that only gradients change what a policy does.
    """

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, size: int, clip: float = 10.0) -> None:
        super().__init__()
        self.clip = clip
        self.frozen = False
        persistent = size > 0  # statistics of no numbers are not saved
        self.register_buffer("mean", torch.zeros(size), persistent=persistent)
        self.register_buffer("variance", torch.ones(size), persistent=persistent)
        self.register_buffer("count", torch.zeros((), dtype=torch.float64), persistent=persistent)

    def forward(self, observation: Tensor) -> Tensor:
        """``[..., observation] -> [..., observation]``."""
        scaled = (observation - self.mean) * (self.variance + 1e-8).rsqrt()
        return scaled.clamp_(-self.clip, self.clip)

    @torch.no_grad()
    def update(self, batch: Moments) -> None:
        """Merges the moments of a batch of observations into the statistics (Chan et al. 1979)."""
        if self.frozen or batch.count == 0:
            return
        total = self.count + batch.count
        share = (batch.count / total).float()
        delta = batch.mean - self.mean
        self.mean += delta * share
        self.variance += (batch.variance - self.variance) * share + delta.square() * share * (1.0 - share)
        self.count.copy_(total)


class ReturnScale(nn.Module):
    """Running root mean square of returns. Rewards are divided by it, so that their unit does not matter."""

    square: Tensor
    weight: Tensor

    def __init__(self, memory: float = 0.9) -> None:
        super().__init__()
        self.memory = memory
        self.register_buffer("square", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))

    def forward(self) -> Tensor:
        """The root mean square, at least 1e-3."""
        return (self.square / self.weight).sqrt().clamp(min=1e-3)

    @torch.no_grad()
    def update(self, mean_square: Tensor) -> None:
        """Moves the estimate towards the mean square of a batch of discounted returns, one number."""
        self.square.mul_(self.memory).add_((1.0 - self.memory) * mean_square.squeeze())
        self.weight.mul_(self.memory).add_(1.0 - self.memory)

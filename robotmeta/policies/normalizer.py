"""Running observation statistics. They belong to the checkpoint and stay frozen during adaptation."""

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
    """

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, size: int, clip: float = 10.0) -> None:
        super().__init__()
        self.clip = clip
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
        if batch.count == 0:
            return
        total = self.count + batch.count
        share = (batch.count / total).float()
        delta = batch.mean - self.mean
        self.mean += delta * share
        self.variance += (batch.variance - self.variance) * share + delta.square() * share * (1.0 - share)
        self.count.copy_(total)

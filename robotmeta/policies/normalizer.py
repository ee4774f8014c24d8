"""Running observation statistics. They belong to the checkpoint and stay frozen during adaptation."""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
        kept = size > 0  # of nothing there is nothing to save
        self.register_buffer("mean", torch.zeros(size), persistent=kept)
        self.register_buffer("variance", torch.ones(size), persistent=kept)
        self.register_buffer("count", torch.zeros((), dtype=torch.float64), persistent=kept)

    def forward(self, observation: Tensor) -> Tensor:
        """``[..., observation] -> [..., observation]``."""
        scaled = (observation - self.mean) * (self.variance + 1e-8).rsqrt()
        return scaled.clamp_(-self.clip, self.clip)

    @torch.no_grad()
    def update(self, observations: Tensor) -> None:
        """Merges a batch into the statistics (Chan et al. 1979).

        Args:
            observations: ``[sample, observation]``; rows of padding must be left out.
        """
        if observations.numel() == 0:
            return
        batch = observations.shape[0]
        mean = observations.mean(dim=0)
        variance = observations.var(dim=0, correction=0)
        total = self.count + batch
        share = (batch / total).float()
        delta = mean - self.mean
        self.mean += delta * share
        self.variance += (variance - self.variance) * share + delta.square() * share * (1.0 - share)
        self.count.copy_(total)

"""Proximal policy optimization (Schulman et al. 2017), as the actor-critic learners use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from robotmeta.metalearners.protocol import LearnerConfig
from robotmeta.policies import DiagonalGaussian


@dataclass(frozen=True)
class PPOConfig(LearnerConfig):
    """Hyper-parameters of PPO."""

    learning_rate: float = 1e-3
    """Of Adam."""
    epochs: int = 8
    """Passes over the data a meta-update."""
    minibatches: int = 4
    """Gradient steps a pass."""
    clip: float = 0.2
    """Clipping of the likelihood ratio."""
    value_weight: float = 0.5
    """Weight of the squared value error."""
    entropy_weight: float = 0.0
    """Weight of the entropy bonus, in nats."""
    max_grad_norm: float = 0.5
    """Gradient clipping."""
    discount: float = 0.99
    """gamma."""
    gae_lambda: float = 0.95
    """lambda of generalized advantage estimation."""
    shards: int = 2
    """Parts a minibatch is computed in, each on a thread of its own; on a GPU always one."""
    init_std: float = 0.6
    """Standard deviation of actions at initialization."""
    min_std: float = 0.1
    """Floor of the standard deviation."""


class ReturnScale(nn.Module):
    """Running standard deviation of returns, so that the value loss does not depend on the unit of the reward."""

    square: Tensor
    weight: Tensor

    def __init__(self, memory: float = 0.9) -> None:
        super().__init__()
        self.memory = memory
        self.register_buffer("square", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))

    def forward(self) -> Tensor:
        """The standard deviation, at least 1e-3."""
        return (self.square / self.weight).sqrt().clamp(min=1e-3)

    @torch.no_grad()
    def update(self, returns: Tensor, mask: Tensor) -> None:
        """Moves the estimate towards a batch of discounted returns."""
        mean_square = (returns.square() * mask).sum() / mask.sum().clamp(min=1.0)
        self.square.mul_(self.memory).add_((1.0 - self.memory) * mean_square)
        self.weight.mul_(self.memory).add_(1.0 - self.memory)


def ppo_loss(
    config: PPOConfig,
    distribution: DiagonalGaussian,
    actions: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    values: Tensor,
    targets: Tensor,
    mask: Tensor,
) -> Tensor:
    """Clipped surrogate, squared value error and entropy bonus, averaged over the steps that happened.

    Args:
        config: Weights and clipping.
        distribution: Current policy, ``[..., action]``.
        actions: ``[..., action]``.
        old_log_probs: Log-probabilities when the actions were drawn, ``[...]``.
        advantages: ``[...]``.
        values: Current values, ``[...]``.
        targets: What they should be, ``[...]``.
        mask: 1.0 for steps that happened, ``[...]``.
    """
    ratio = (distribution.log_prob(actions) - old_log_probs).exp()
    clipped = ratio.clamp(1.0 - config.clip, 1.0 + config.clip)
    gain = torch.minimum(ratio * advantages, clipped * advantages)
    error = (values - targets).square()
    total = gain - config.value_weight * error + config.entropy_weight * distribution.entropy()
    return -(total * mask).sum() / mask.sum().clamp(min=1.0)


def step(
    optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], found: Sequence[Tensor], max_grad_norm: float
) -> None:
    """One optimizer step along the given gradients, clipped to a norm."""
    for parameter, gradient in zip(parameters, found, strict=True):
        parameter.grad = gradient
    nn.utils.clip_grad_norm_(parameters, max_grad_norm)
    optimizer.step()

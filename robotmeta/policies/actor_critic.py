"""A memoryless Gaussian policy and its value function, two separate MLPs."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from robotmeta.policies.gaussian import DiagonalGaussian
from robotmeta.policies.mlp import mlp_value, orthogonal_mlp


class ActorCritic(nn.Module):
    """Tanh MLPs for the mean and the value, and a state-independent log standard deviation.

    Args:
        input_size: Size of the actor's input.
        action_size: Numbers in an action.
        hidden: Hidden layers of both networks.
        critic_size: Size of the critic's input, which may hold more than is observed; None for that of the actor.
        init_std: Standard deviation at initialization, in action units.
        min_std: Floor of the standard deviation.
        generator: Draws the initial weights.
    """

    def __init__(
        self,
        input_size: int,
        action_size: int,
        hidden: tuple[int, ...],
        *,
        critic_size: int | None = None,
        init_std: float,
        min_std: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.min_std = min_std
        self.actor = orthogonal_mlp((input_size, *hidden, action_size), generator, last_gain=0.01)
        self.critic = mlp_value(input_size if critic_size is None else critic_size, hidden, generator)
        self.log_std = nn.Parameter(torch.full((action_size,), math.log(init_std)))

    def forward(self, inputs: Tensor) -> DiagonalGaussian:
        """``[..., input]`` -> action distribution, mean ``[..., action]``."""
        return DiagonalGaussian(self.actor(inputs), self.log_std.clamp(min=math.log(self.min_std)))

    def value(self, inputs: Tensor) -> Tensor:
        """``[..., critic input]`` -> ``[...]``."""
        return self.critic(inputs).squeeze(-1)

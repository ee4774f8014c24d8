"""A memoryless Gaussian policy and its value function, two separate MLPs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from robotmeta.policies.conditioning import CONCATENATE, conditioned_mlp
from robotmeta.policies.gaussian import DiagonalGaussian


class ActorCritic(nn.Module):
    """Tanh MLPs for the mean and the value, and a state-independent log standard deviation.

    Args:
        input_size: Size of the actor's input.
        action_size: Numbers in an action.
        hidden: Hidden layers of both networks.
        critic_size: Size of the critic's input, which may hold more than is observed; None for that of the actor.
        known: Columns of both inputs that say something about the task.
        conditioning: How both networks read these columns: ``modulate`` or ``concatenate``.
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
        known: Sequence[int] = (),
        conditioning: str = CONCATENATE,
        init_std: float,
        min_std: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.min_std = min_std
        critic_size = input_size if critic_size is None else critic_size
        self.actor = conditioned_mlp((input_size, *hidden, action_size), known, conditioning, generator, last_gain=0.01)
        self.critic = conditioned_mlp((critic_size, *hidden, 1), known, conditioning, generator)
        self.log_std = nn.Parameter(torch.full((action_size,), math.log(init_std)))

    def forward(self, inputs: Tensor) -> DiagonalGaussian:
        """``[..., input]`` -> action distribution, mean ``[..., action]``."""
        return DiagonalGaussian(self.actor(inputs), self.log_std.clamp(min=math.log(self.min_std)))

    def value(self, inputs: Tensor) -> Tensor:
        """``[..., critic input]`` -> ``[...]``."""
        return self.critic(inputs).squeeze(-1)

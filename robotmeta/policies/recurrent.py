"""A GRU actor-critic whose hidden state is its belief about the task (RL^2, Duan et al. 2016)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from robotmeta.policies.gaussian import DiagonalGaussian


def orthogonal_gru(input_size: int, hidden_size: int, generator: torch.Generator) -> nn.GRU:
    """A GRU whose gates have orthogonal weights and zero biases."""
    gru = nn.GRU(input_size, hidden_size)
    for name, parameter in gru.named_parameters():
        if "weight" in name:
            for gate in parameter.data.chunk(3):
                nn.init.orthogonal_(gate, generator=generator)
        else:
            nn.init.zeros_(parameter)
    return gru


class RecurrentActorCritic(nn.Module):
    """GRU with a Gaussian action head and a value head.

    Args:
        input_size: Observation, last action, last reward and episode start together.
        action_size: Actions.
        hidden_size: GRU units.
        init_std: Standard deviation at initialization, in action units.
        min_std: Floor of the standard deviation.
        generator: Draws the initial weights.
    """

    def __init__(
        self,
        input_size: int,
        action_size: int,
        hidden_size: int,
        *,
        init_std: float,
        min_std: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.min_std = min_std
        self.gru = orthogonal_gru(input_size, hidden_size, generator)
        self.actor = nn.Linear(hidden_size, action_size)
        self.critic = nn.Linear(hidden_size, 1)
        self.log_std = nn.Parameter(torch.full((action_size,), math.log(init_std)))
        nn.init.orthogonal_(self.actor.weight, gain=0.01, generator=generator)
        nn.init.orthogonal_(self.critic.weight, gain=1.0, generator=generator)
        nn.init.zeros_(self.actor.bias)
        nn.init.zeros_(self.critic.bias)

    def forward(self, inputs: Tensor, hidden: Tensor) -> tuple[DiagonalGaussian, Tensor, Tensor]:
        """Runs a sequence in one batched call.

        Args:
            inputs: ``[time, trial, input]``.
            hidden: ``[trial, hidden]``, the belief before the first step.

        Returns:
            Action distribution ``[time, trial, action]``, values ``[time, trial]``, last hidden state.
        """
        features, last = self.gru(inputs, hidden.unsqueeze(0))
        log_std = self.log_std.clamp(min=math.log(self.min_std))
        return DiagonalGaussian(self.actor(features), log_std), self.critic(features).squeeze(-1), last.squeeze(0)

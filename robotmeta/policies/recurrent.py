"""An actor-critic with a memory, which serves as its belief about the task (RL^2, Duan et al. 2016)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from robotmeta.policies.gaussian import DiagonalGaussian
from robotmeta.policies.memory import Memory, MemoryState


class RecurrentActorCritic(nn.Module):
    """A Gaussian action head and a value head on the features of a memory.

    Args:
        memory: Reads observation, last action, last reward and episode start.
        action_size: Numbers in an action.
        init_std: Standard deviation at initialization, in action units.
        min_std: Floor of the standard deviation.
        generator: Draws the initial weights of the heads.
    """

    def __init__(
        self, memory: Memory, action_size: int, *, init_std: float, min_std: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.min_std = min_std
        self.memory = memory
        self.actor = nn.Linear(memory.size, action_size)
        self.critic = nn.Linear(memory.size, 1)
        self.log_std = nn.Parameter(torch.full((action_size,), math.log(init_std)))
        nn.init.orthogonal_(self.actor.weight, gain=0.01, generator=generator)
        nn.init.orthogonal_(self.critic.weight, gain=1.0, generator=generator)
        nn.init.zeros_(self.actor.bias)
        nn.init.zeros_(self.critic.bias)

    def forward(self, inputs: Tensor, state: MemoryState) -> tuple[DiagonalGaussian, Tensor, MemoryState]:
        """Runs a sequence in one batched call.

        Args:
            inputs: ``[time, trial, input]``.
            state: Of the memory before the first step, each entry ``[trial, ...]``.

        Returns:
            Action distribution ``[time, trial, action]``, values ``[time, trial]``, and the state after the last step.
        """
        features, after = self.memory(inputs, state)
        log_std = self.log_std.clamp(min=math.log(self.min_std))
        return DiagonalGaussian(self.actor(features), log_std), self.critic(features).squeeze(-1), after

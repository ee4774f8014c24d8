"""A memory that infers the task from experience, with the uncertainty of the estimate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robotmeta.policies.gaussian import DiagonalGaussian
from robotmeta.policies.memory import Memory, MemoryState

MIN_LOG_STD = -2.0
"""Encoded numbers have a standard deviation of one over all tasks. A posterior narrower than this is of no use."""


class TaskEstimator(nn.Module):
    """A linear head on the features of a memory, for a Gaussian posterior over the encoded task.

    Args:
        memory: Reads observation, last action, last reward and episode start.
        task_size: Numbers in an encoded task.
        generator: Draws the initial weights of the head.
    """

    def __init__(self, memory: Memory, task_size: int, generator: torch.Generator) -> None:
        super().__init__()
        self.memory = memory
        self.head = nn.Linear(memory.size, 2 * task_size)
        # An untrained estimator answers with the prior: encoded tasks have zero mean and unit variance.
        nn.init.orthogonal_(self.head.weight, gain=0.01, generator=generator)
        nn.init.zeros_(self.head.bias)

    def forward(self, inputs: Tensor, state: MemoryState) -> tuple[DiagonalGaussian, MemoryState]:
        """Runs a sequence in one batched call.

        Args:
            inputs: ``[time, trial, input]``.
            state: Of the memory before the first step, each entry ``[trial, ...]``.

        Returns:
            The posterior after each step, ``[time, trial, task]``, and the state after the last step.
        """
        features, after = self.memory(inputs, state)
        return self._posterior(features), after

    def posterior(self, state: MemoryState) -> DiagonalGaussian:
        """The posterior that belongs to a state of the memory, ``[trial, task]``."""
        return self._posterior(self.memory.features(state))

    def _posterior(self, features: Tensor) -> DiagonalGaussian:
        mean, log_std = self.head(features).chunk(2, dim=-1)
        # Unlike a clamp, this floor lets gradients through, so that a posterior that is too narrow can widen again.
        return DiagonalGaussian(mean, MIN_LOG_STD + nn.functional.softplus(log_std - MIN_LOG_STD))

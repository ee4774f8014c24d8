"""A GRU that reads along and says which task it is, and how sure it is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robotmeta.policies.gaussian import DiagonalGaussian
from robotmeta.policies.recurrent import orthogonal_gru

_LEAST_LOG_STD = -2.0  # of an encoded number, whose deviation over all tasks is one: surer than this is of no use


class TaskEstimator(nn.Module):
    """GRU with a linear head for a Gaussian posterior over the encoded task.

    Args:
        input_size: Observation, last action, last reward and episode start together.
        task_size: Numbers in an encoded task.
        hidden_size: GRU units.
        generator: Draws the initial weights.
    """

    def __init__(self, input_size: int, task_size: int, hidden_size: int, generator: torch.Generator) -> None:
        super().__init__()
        self.gru = orthogonal_gru(input_size, hidden_size, generator)
        self.head = nn.Linear(hidden_size, 2 * task_size)
        # Before it has learned anything it says the prior: encoded tasks have zero mean and unit variance.
        nn.init.orthogonal_(self.head.weight, gain=0.01, generator=generator)
        nn.init.zeros_(self.head.bias)

    def forward(self, inputs: Tensor, hidden: Tensor) -> tuple[DiagonalGaussian, Tensor]:
        """Runs a sequence in one batched call.

        Args:
            inputs: ``[time, trial, input]``.
            hidden: ``[trial, hidden]``, the state before the first step.

        Returns:
            The posterior after each step, ``[time, trial, task]``, and the last hidden state.
        """
        features, last = self.gru(inputs, hidden.unsqueeze(0))
        return self.posterior(features), last.squeeze(0)

    def posterior(self, hidden: Tensor) -> DiagonalGaussian:
        """What a hidden state says of the task, ``[..., hidden] -> [..., task]``."""
        mean, log_std = self.head(hidden).chunk(2, dim=-1)
        # A floor that gradients pass through, so that what was too sure can come to doubt.
        return DiagonalGaussian(mean, _LEAST_LOG_STD + nn.functional.softplus(log_std - _LEAST_LOG_STD))

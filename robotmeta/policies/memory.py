"""The protocol of networks with a memory, such as recurrent networks, transformers and state-space models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

MemoryState = Mapping[str, Tensor]
"""State of a memory between two steps: named tensors ``[trial, ...]`` of constant shape.

They become entries of a learner's belief, which also has entries ``action`` and ``reward``.
"""


class Memory(nn.Module, ABC):
    """Computes features from all inputs of a trial so far."""

    size: int
    """Number of features."""

    @abstractmethod
    def begin(self, trials: int) -> MemoryState:
        """The state before the first step of each trial."""

    @abstractmethod
    def forward(self, inputs: Tensor, state: MemoryState) -> tuple[Tensor, MemoryState]:
        """Runs a sequence of steps in one batched call.

        Args:
            inputs: ``[time, trial, input]``.
            state: The state before the first step.

        Returns:
            Features after each step, ``[time, trial, feature]``, and the state after the last one.
        """

    @abstractmethod
    def features(self, state: MemoryState) -> Tensor:
        """The features after the step that led to this state, ``[trial, feature]``."""

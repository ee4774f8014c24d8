"""What learners need of a network with a memory, be it recurrent, a transformer or a state-space model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

MemoryState = Mapping[str, Tensor]
"""What a memory holds of each trial between two steps: named tensors ``[trial, ...]`` whose shapes never change.

They become entries of a learner's belief, beside ``action`` and ``reward``, so they have other names than these.
"""


class Memory(nn.Module, ABC):
    """Turns what happened in a trial so far into features."""

    size: int
    """Number of features."""

    @abstractmethod
    def begin(self, trials: int) -> MemoryState:
        """The state before the first step of each trial."""

    @abstractmethod
    def forward(self, inputs: Tensor, state: MemoryState) -> tuple[Tensor, MemoryState]:
        """Reads some steps of each trial.

        Args:
            inputs: ``[time, trial, input]``.
            state: The state before the first of these steps.

        Returns:
            Features after each step, ``[time, trial, feature]``, and the state after the last one.
        """

    @abstractmethod
    def features(self, state: MemoryState) -> Tensor:
        """The features after the last step that led to this state, ``[trial, feature]``."""

"""A gated recurrent unit (Cho et al. 2014) as a memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robotmeta.policies.memory import Memory, MemoryState


class GRU(Memory):
    """One layer, with orthogonal weights and zero biases. Its features are its hidden state.

    Args:
        input_size: Numbers in an input.
        size: Units.
        generator: Draws the initial weights.
    """

    def __init__(self, input_size: int, size: int, generator: torch.Generator) -> None:
        super().__init__()
        self.size = size
        self.gru = nn.GRU(input_size, size)
        for name, parameter in self.gru.named_parameters():
            if "weight" in name:
                for gate in parameter.data.chunk(3):
                    nn.init.orthogonal_(gate, generator=generator)
            else:
                nn.init.zeros_(parameter)

    def begin(self, trials: int) -> MemoryState:
        return {"hidden": torch.zeros(trials, self.size, device=next(self.parameters()).device)}

    def forward(self, inputs: Tensor, state: MemoryState) -> tuple[Tensor, MemoryState]:
        features, hidden = self.gru(inputs, state["hidden"].unsqueeze(0))
        return features, {"hidden": hidden.squeeze(0)}

    def features(self, state: MemoryState) -> Tensor:
        return state["hidden"]

"""How a network is conditioned on what is known about a task: its parameters, or an estimate of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from robotmeta.policies.mlp import TanhMLP, orthogonal_mlp

MODULATE, CONCATENATE = "modulate", "concatenate"
CONDITIONINGS = (MODULATE, CONCATENATE)
"""Ways to condition a network, see :func:`conditioned_mlp`."""


def conditioned_mlp(
    sizes: tuple[int, ...], known: Sequence[int], how: str, generator: torch.Generator, *, last_gain: float = 1.0
) -> nn.Module:
    """A tanh MLP with orthogonal weights, some of whose inputs say something about the task.

    Args:
        sizes: Of the input, the hidden layers and the output.
        known: Columns of the input that say something about the task. There may be none.
        how: ``modulate`` the first layer by them, see :class:`ModulatedMLP`, or ``concatenate`` them with the others.
        generator: Draws the initial weights.
        last_gain: Of the weights of the last layer.
    """
    if not known or how == CONCATENATE:
        return orthogonal_mlp(sizes, generator, last_gain=last_gain)
    others = orthogonal_mlp((sizes[0] - len(known), *sizes[1:]), generator, last_gain=last_gain)
    return ModulatedMLP(others, known)


class ModulatedMLP(nn.Module):
    """An MLP whose first layer is modulated by what is known about a task (Perez et al. 2018).

    The first layer's output ``h`` becomes ``h (1 + a) + b``, with ``a`` and ``b`` linear in what is known. Both are
    zero at first, so the network begins as one that knows nothing. With random weights for what is known, an oracle
    learned more slowly.

    Args:
        mlp: Reads the other inputs.
        known: Columns of the input that say something about the task.
    """

    known: Tensor
    others: Tensor

    def __init__(self, mlp: TanhMLP, known: Sequence[int]) -> None:
        super().__init__()
        first = mlp[0]
        assert isinstance(first, nn.Linear)
        others = [column for column in range(first.in_features + len(known)) if column not in known]
        self.register_buffer("known", torch.tensor(known), persistent=False)
        self.register_buffer("others", torch.tensor(others), persistent=False)
        self.mlp = mlp
        self.modulation = nn.Linear(len(known), 2 * first.out_features)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """``[..., input] -> [..., output]``."""
        first = self.mlp[0]
        scale, shift = self.modulation(inputs.index_select(-1, self.known)).chunk(2, dim=-1)
        return self.mlp.after_first(first(inputs.index_select(-1, self.others)) * (1.0 + scale) + shift)


def scaled(known: Tensor, parameters: int) -> Tensor:
    """Numbers about a task, divided by the square root of the number of its parameters.

    Families have up to forty parameters, and most of them matter little. Unscaled, they dominate the observation.
    """
    return known / math.sqrt(parameters)

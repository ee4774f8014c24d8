"""A gated recurrent unit (Cho et al. 2014) as a memory."""

from __future__ import annotations

from typing import Any

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
        gru, hidden = self.gru, state["hidden"]
        if torch.is_grad_enabled() and inputs.device.type == "cpu":
            of_inputs, of_hidden, input_bias, bias = gru.parameters()  # in the order in which torch makes them
            read = nn.functional.linear(inputs, of_inputs, input_bias)
            features = _Recurrence.apply(read, hidden, of_hidden, bias)
            return features, {"hidden": features[-1]}
        features, hidden = gru(inputs, hidden.unsqueeze(0))
        return features, {"hidden": hidden.squeeze(0)}

    def features(self, state: MemoryState) -> Tensor:
        return state["hidden"]


def _unrolled(read: Tensor, hidden: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Runs the recurrence, in which the reset gate acts on the hidden state's share of the candidate, as in cuDNN.

    Args:
        read: The inputs' share of the gates' and the candidate's arguments, ``[time, trial, 3 * unit]``.
        hidden: State before the first step, ``[trial, unit]``.
        weight: Of the hidden state, ``[3 * unit, unit]``.
        bias: ``[3 * unit]``.

    Returns:
        After each step the state, ``[time, trial, unit]``; reset and update gates, ``[time, trial, 2 * unit]``; the
        candidate; and the hidden state's share of the arguments, ``[time, trial, 3 * unit]``.
    """
    units, transposed = weight.shape[1], weight.t()
    shares, gates = torch.empty_like(read), torch.empty_like(read[..., units:])
    states, candidates = (torch.empty_like(read[..., units:][..., :units]) for _ in range(2))
    # Each list has one view a step. A view that is made within the loop costs as much as an operation.
    lists = (read[..., : 2 * units], read[..., 2 * units :], shares, shares[..., : 2 * units], shares[..., 2 * units :])
    outputs = (gates, gates[..., :units], gates[..., units:], candidates, states)
    for to_gates, to_candidate, share, share_gates, share_candidate, gate, reset, update, candidate, state in zip(
        *(values.unbind() for values in (*lists, *outputs)), strict=True
    ):
        torch.addmm(bias, hidden, transposed, out=share)
        torch.add(to_gates, share_gates, out=gate).sigmoid_()
        torch.addcmul(to_candidate, reset, share_candidate, out=candidate).tanh_()
        hidden = torch.lerp(candidate, hidden, update, out=state)  # (1 - z) n + z h
    return states, gates, candidates, shares


class _Recurrence(torch.autograd.Function):
    """:func:`_unrolled` with its gradient written out.

    On the CPU it takes about half as long as torch's own, which records a dozen operations a step.
    """

    @staticmethod
    def forward(ctx: Any, read: Tensor, hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        states, gates, candidates, shares = _unrolled(read, hidden, weight, bias)
        ctx.save_for_backward(hidden, weight, states, gates, candidates, shares)
        return states

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, gradient: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        hidden, weight, states, gates, candidates, shares = ctx.saved_tensors
        units = states.shape[-1]
        reset, update = gates.chunk(2, dim=-1)
        before = torch.cat([hidden.unsqueeze(0), states[:-1]])
        # How the gradient of a state becomes that of the arguments of reset gate, update gate and candidate.
        to_candidate = (1.0 - update) * (1.0 - candidates.square())
        to_update = (before - candidates) * update * (1.0 - update)
        to_reset = to_candidate * shares[..., 2 * units :] * reset * (1.0 - reset)
        factors = torch.stack([to_reset, to_update, to_candidate * reset], dim=2)  # [time, trial, 3, unit]
        arguments, of_states = torch.empty_like(factors), torch.empty_like(states)
        later = torch.zeros_like(hidden)
        values = (gradient, update, factors, arguments, arguments.flatten(2), of_states, of_states.unsqueeze(2))
        for given, kept, factor, argument, flat, total, wide in reversed(
            list(zip(*map(torch.unbind, values), strict=True))
        ):
            torch.add(given, later, out=total)
            torch.mul(factor, wide, out=argument)
            later = torch.addmm(total * kept, flat, weight)
        shared = arguments.view(-1, 3 * units)
        read = arguments.flatten(2).clone()
        torch.mul(of_states, to_candidate, out=read[..., 2 * units :])
        return read, later, shared.t() @ before.view(-1, units), shared.sum(dim=0)

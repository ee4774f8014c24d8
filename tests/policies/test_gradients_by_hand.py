"""Networks whose gradients are written out: they are those of torch."""

from __future__ import annotations

import pytest
import torch

from robotmeta.policies.gru import GRU
from robotmeta.policies.mlp import Tanh
from tests.learning import generator


@pytest.mark.parametrize("time", [1, 20])
def test_a_gru_has_the_outputs_and_gradients_of_torch(time: int) -> None:
    gru = GRU(5, 8, generator()).double()
    inputs = torch.randn(time, 3, 5, generator=generator(1)).double().requires_grad_()
    hidden = torch.randn(3, 8, generator=generator(2)).double().requires_grad_()
    weights = torch.randn(time + 1, 3, 8, generator=generator(3)).double()
    leaves = [inputs, hidden, *gru.parameters()]

    def gradients(features: torch.Tensor, after: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad((features * weights[:time]).sum() + (after * weights[time]).sum(), leaves)

    features, state = gru(inputs, {"hidden": hidden})
    expected, after = gru.gru(inputs, hidden.unsqueeze(0))
    torch.testing.assert_close(features, expected)
    torch.testing.assert_close(gradients(features, state["hidden"]), gradients(expected, after[0]))
    with torch.no_grad():
        torch.testing.assert_close(gru(inputs, {"hidden": hidden})[0], features)


def test_tanh_has_the_values_and_the_first_two_derivatives_of_torch() -> None:
    x = torch.linspace(-30.0, 30.0, 1001).double().requires_grad_()
    torch.testing.assert_close(Tanh()(x), x.tanh())
    assert torch.autograd.gradcheck(Tanh(), x[450:550].detach().requires_grad_())
    assert torch.autograd.gradgradcheck(Tanh(), x[450:550].detach().requires_grad_())

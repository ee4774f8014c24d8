"""Networks whose gradients are written out: they are those of torch."""

from __future__ import annotations

import pytest
import torch

from robotmeta.policies.gru import GRU
from robotmeta.policies.mlp import orthogonal_mlp
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


@pytest.mark.parametrize("sizes", [(5, 3), (5, 8, 3), (5, 8, 7, 3)])
def test_an_mlp_has_the_values_and_derivatives_of_its_layers(sizes: tuple[int, ...]) -> None:
    mlp = orthogonal_mlp(sizes, generator()).double()
    for parameter in mlp.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator(1)).double()
    inputs = (4.0 * torch.randn(2, 6, 5, generator=generator(2)).double()).requires_grad_()
    leaves = [inputs, *mlp.parameters()]
    expected = inputs
    for layer in mlp:
        expected = layer(expected)
    found = mlp(inputs)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad(found.square().sum(), leaves), torch.autograd.grad(expected.square().sum(), leaves)
    )

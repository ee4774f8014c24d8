"""Networks that are conditioned on what is known about a task."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from robotmeta.policies.conditioning import CONCATENATE, MODULATE, conditioned_mlp
from robotmeta.policies.mlp import orthogonal_mlp
from tests.learning import generator

_KNOWN = (1, 3)  # of five inputs
_OTHERS = [0, 2, 4]


def network(how: str = MODULATE, known: tuple[int, ...] = _KNOWN) -> nn.Module:
    return conditioned_mlp((5, 8, 8, 2), known, how, generator())


def inputs() -> torch.Tensor:
    return torch.randn(4, 3, 5, generator=generator(1))


def trained_once() -> nn.Module:
    """A network after one step of Adam towards outputs that depend on what is known."""
    trained = network()
    adam = torch.optim.Adam(trained.parameters(), lr=1e-3)
    (trained(inputs()) - inputs()[..., :2] * inputs()[..., 1:2]).square().sum().backward()
    adam.step()
    return trained


def effect(of: nn.Module) -> float:
    """How much the outputs change with what is known."""
    changed = inputs()
    changed[..., _KNOWN] += 1.0
    with torch.no_grad():
        return float((of(changed) - of(inputs())).abs().max())


def test_a_modulated_network_begins_as_one_that_knows_nothing() -> None:
    modulated = network()
    assert effect(modulated) == 0.0
    plain = orthogonal_mlp((3, 8, 8, 2), generator())
    assert torch.equal(modulated(inputs()), plain(inputs()[..., _OTHERS]))


def test_what_is_known_has_an_effect_after_one_step_of_training() -> None:
    assert effect(trained_once()) > 1e-3


@pytest.mark.parametrize(("how", "known"), [(CONCATENATE, _KNOWN), (MODULATE, ())])
def test_without_modulation_all_inputs_are_read_alike(how: str, known: tuple[int, ...]) -> None:
    plain = orthogonal_mlp((5, 8, 8, 2), generator())
    assert torch.equal(network(how, known=known)(inputs()), plain(inputs()))


def test_gradients_reach_what_is_known_and_all_else() -> None:
    trained, given = trained_once(), inputs().requires_grad_()
    trained(given).square().sum().backward()
    assert given.grad is not None
    assert bool((given.grad.abs().amax(dim=(0, 1)) > 0.0).all())

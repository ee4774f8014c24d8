"""Random initial states and constants, on the CPU and on other devices."""

from __future__ import annotations

import torch

from robotmeta.envs.devices import per_device
from robotmeta.envs.draws import normal_like, uniform_like

ELSEWHERE = torch.device("meta")  # a device that every machine has; it stores no numbers


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_draws_have_the_device_and_dtype_of_the_state() -> None:
    for dtype in (torch.float32, torch.float64):
        state = torch.zeros(2, 3, 4, dtype=dtype, device=ELSEWHERE)
        for drawn in (uniform_like(state, generator()), normal_like(state, generator())):
            assert (drawn.shape, drawn.device, drawn.dtype) == (state.shape, ELSEWHERE, dtype)


def test_a_seed_draws_the_same_numbers_for_states_of_any_precision() -> None:
    single, double = (torch.zeros(50, 2, dtype=dtype) for dtype in (torch.float32, torch.float64))
    for draw in (uniform_like, normal_like):
        torch.testing.assert_close(draw(single, generator()).double(), draw(double, generator()), rtol=1e-6, atol=1e-6)


def test_uniform_draws_fill_their_range() -> None:
    low, high = torch.tensor([-2.0, 0.0]), torch.tensor([1.0, 0.5])
    drawn = uniform_like(torch.zeros(10_000, 2), generator(), low, high, scale=10.0)
    torch.testing.assert_close(drawn.amin(dim=0), 10.0 * low, rtol=0.0, atol=0.05)
    torch.testing.assert_close(drawn.amax(dim=0), 10.0 * high, rtol=0.0, atol=0.05)
    torch.testing.assert_close(drawn.mean(dim=0), 5.0 * (low + high), rtol=0.0, atol=0.3)


def test_constants_are_copied_to_a_device_once() -> None:
    constant = per_device(torch.arange(3))
    assert constant(torch.device("cpu")).tolist() == [0, 1, 2]
    assert constant(ELSEWHERE).device == ELSEWHERE
    assert constant(ELSEWHERE) is constant(ELSEWHERE)

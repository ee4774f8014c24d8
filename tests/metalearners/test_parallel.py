"""Statistics of a batch: moments, normalization and minibatches."""

from __future__ import annotations

import pytest
import torch

from robotmeta.metalearners.parallel import masked_moments, moments, normalize


def test_moments_are_those_of_the_samples() -> None:
    samples = torch.tensor([[1.0, 2.0], [3.0, 2.0], [5.0, 5.0]])
    found = moments(samples)
    assert found.count == 3
    torch.testing.assert_close(found.mean, torch.tensor([3.0, 3.0]))
    torch.testing.assert_close(found.variance, torch.tensor([8.0 / 3.0, 2.0]))


def test_no_samples_have_no_moments() -> None:
    for samples in (torch.zeros(0, 2), torch.zeros(3, 0)):
        found = moments(samples)
        assert found.count == 0
        assert found.mean.shape == found.variance.shape == samples.shape[1:]


def test_masked_moments_are_those_of_the_steps_that_happened() -> None:
    values = torch.tensor([[[1.0, 3.0, 100.0]], [[10.0, 20.0, 30.0]]])
    mask = torch.tensor([[[1.0, 1.0, 0.0]], [[1.0, 1.0, 1.0]]])
    whole = moments(values[mask > 0])
    found = masked_moments(values, mask)
    assert found.count == whole.count == 5
    torch.testing.assert_close(found.mean.squeeze(), whole.mean)
    torch.testing.assert_close(found.variance.squeeze(), whole.variance)
    each = masked_moments(values, mask, per_task=True)
    assert each.mean.flatten().tolist() == [2.0, 20.0]


def test_normalization_of_each_task_ignores_padding() -> None:
    advantages = torch.tensor([[[1.0, 3.0, 100.0]], [[10.0, 20.0, 30.0]]])
    mask = torch.tensor([[[1.0, 1.0, 0.0]], [[1.0, 1.0, 1.0]]])
    # Task 0: mean 2, deviation 1. Task 1: mean 20, deviation sqrt(200/3).
    outer = 10.0 / (200.0 / 3.0) ** 0.5
    expected = torch.tensor([[[-1.0, 1.0, 0.0]], [[-outer, 0.0, outer]]])
    torch.testing.assert_close(normalize(advantages, mask), expected)


def test_normalization_over_the_batch_ignores_padding() -> None:
    advantages = torch.tensor([[[0.0, 2.0, 100.0]], [[4.0, 6.0, -50.0]]])
    mask = torch.tensor([[[1.0, 1.0, 0.0]], [[1.0, 1.0, 0.0]]])
    # Mean 3, deviation sqrt((9 + 1 + 1 + 9) / 4) = sqrt(5).
    expected = torch.tensor([[[-3.0, -1.0, 0.0]], [[1.0, 3.0, 0.0]]]) / 5.0**0.5
    torch.testing.assert_close(normalize(advantages, mask, per_task=False), expected)


@pytest.mark.parametrize("per_task", [True, False])
def test_equal_advantages_and_empty_tasks_normalize_to_zero(per_task: bool) -> None:
    mask = torch.tensor([[[1.0, 1.0]], [[0.0, 0.0]]])
    assert torch.equal(normalize(torch.full((2, 1, 2), 7.0), mask, per_task=per_task), torch.zeros(2, 1, 2))

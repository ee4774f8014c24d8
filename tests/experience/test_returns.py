"""Returns, advantages and baselines against arithmetic done by hand."""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.experience.returns import discounted_returns, generalized_advantages, linear_feature_baseline


def numbers(*values: float) -> Tensor:
    """One task, one episode: ``[1, 1, time]``."""
    return torch.tensor(values, dtype=torch.float64).view(1, 1, -1)


def steps(*happened: int) -> Tensor:
    return numbers(*map(float, happened))


# -- discounted returns ------------------------------------------------------------------------------------------------


def test_returns_are_discounted_rewards_to_go() -> None:
    # 3;  2 + 3/2;  1 + 3.5/2
    assert torch.equal(discounted_returns(numbers(1, 2, 3), 0.5), numbers(2.75, 3.5, 3))


def test_returns_of_an_episode_that_ended_early_count_only_its_own_steps() -> None:
    assert torch.equal(discounted_returns(numbers(1, 2, 0), 0.5), numbers(2, 2, 0))


def test_discount_one_sums_and_discount_zero_keeps_the_reward() -> None:
    rewards = numbers(1, -2, 4)
    assert torch.equal(discounted_returns(rewards, 1.0), numbers(3, 2, 4))
    assert torch.equal(discounted_returns(rewards, 0.0), rewards)


# -- generalized advantages --------------------------------------------------------------------------------------------


def test_advantages_are_decayed_sums_of_temporal_differences() -> None:
    # delta_2 = 3 + 2/2 - 1.5 = 2.5;  delta_1 = 2 + 1.5/2 - 1 = 1.75;  delta_0 = 1 + 1/2 - 0.5 = 1
    # A_2 = 2.5;  A_1 = 1.75 + 2.5/4;  A_0 = 1 + 2.375/4
    advantages = generalized_advantages(
        numbers(1, 2, 3), numbers(0.5, 1, 1.5), torch.tensor([[2.0]]), steps(1, 1, 1), discount=0.5, lam=0.5
    )
    assert torch.equal(advantages, numbers(1.59375, 2.375, 2.5))


def test_advantages_bootstrap_from_the_last_step_that_happened() -> None:
    # The third step is padding: delta_1 = 2 + 4/2 - 1 = 3;  delta_0 = 1 + 1/2 - 0.5 = 1;  A_0 = 1 + 3/4
    advantages = generalized_advantages(
        numbers(1, 2, 0), numbers(0.5, 1, 9), torch.tensor([[4.0]]), steps(1, 1, 0), discount=0.5, lam=0.5
    )
    assert torch.equal(advantages, numbers(1.75, 3, 0))


def test_a_terminated_episode_has_nothing_after_it() -> None:
    # delta_1 = 2 - 1;  delta_0 = 1 + 1/2 - 0.5;  A_0 = 1 + 1/4
    advantages = generalized_advantages(
        numbers(1, 2, 0), numbers(0.5, 1, 9), torch.zeros(1, 1), steps(1, 1, 0), discount=0.5, lam=0.5
    )
    assert torch.equal(advantages, numbers(1.25, 1, 0))


def test_a_gap_is_filled_with_steps_that_are_worth_nothing() -> None:
    # Two steps of nothing between the first and the second: as if the rewards were 1, 0, 0, 2.
    gap = steps(3, 1)
    assert torch.equal(discounted_returns(numbers(1, 2), 0.5, gap), numbers(1.25, 2))
    # delta_1 = 2 - 1;  delta_0 = 1 + 1/8 - 0.5 = 0.625;  A_0 = 0.625 + 1/64
    advantages = generalized_advantages(
        numbers(1, 2), numbers(0.5, 1), torch.zeros(1, 1), steps(1, 1), discount=0.5, lam=0.5, elapsed=gap
    )
    assert torch.equal(advantages, numbers(0.640625, 1))


def test_lambda_one_is_returns_minus_values() -> None:
    generator = torch.Generator().manual_seed(0)
    mask = (torch.arange(7) < torch.tensor([[[7], [4]], [[1], [6]]])).double()
    rewards = torch.randn(2, 2, 7, generator=generator, dtype=torch.float64) * mask
    values = torch.randn(2, 2, 7, generator=generator, dtype=torch.float64)
    advantages = generalized_advantages(rewards, values, torch.zeros(2, 2), mask, discount=0.9, lam=1.0)
    torch.testing.assert_close(advantages, (discounted_returns(rewards, 0.9) - values) * mask)


def test_lambda_zero_is_the_temporal_difference() -> None:
    advantages = generalized_advantages(
        numbers(1, 2, 3), numbers(0.5, 1, 1.5), torch.tensor([[2.0]]), steps(1, 1, 1), discount=0.5, lam=0.0
    )
    assert torch.equal(advantages, numbers(1, 1.75, 2.5))


def test_one_episode_that_ends_early_leaves_its_neighbours_alone() -> None:
    rewards = torch.tensor([[[1.0, 2.0, 0.0], [1.0, 2.0, 3.0]]])
    values = torch.tensor([[[0.5, 1.0, 9.0], [0.5, 1.0, 1.5]]])
    mask = torch.tensor([[[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]])
    advantages = generalized_advantages(rewards, values, torch.tensor([[4.0, 2.0]]), mask, discount=0.5, lam=0.5)
    assert advantages.tolist() == [[[1.75, 3.0, 0.0], [1.59375, 2.375, 2.5]]]


# -- linear baseline ---------------------------------------------------------------------------------------------------


def features_of(tasks: int, episodes: int, horizon: int) -> tuple[Tensor, Tensor]:
    """Random observations ``[task, episode, time, 2]`` and time in hundreds of steps ``[time]``."""
    generator = torch.Generator().manual_seed(1)
    observations = 2.0 * torch.randn(tasks, episodes, horizon, 2, generator=generator)
    return observations, torch.arange(horizon) / 100.0


def test_baseline_recovers_a_return_that_its_features_represent() -> None:
    o, t = features_of(2, 4, 60)
    returns = 2.0 * o[..., 0] - 0.5 * o[..., 1].square() + 3.0 * t - 4.0 * t.square() + 5.0 * t**3 + 1.0
    fitted = linear_feature_baseline(o, returns, torch.ones_like(returns))
    torch.testing.assert_close(fitted, returns, atol=2e-3, rtol=0.0)


def test_baseline_fits_each_task_by_itself() -> None:
    o, t = features_of(2, 4, 60)
    returns = torch.stack([o[0, ..., 0] + t, -3.0 * o[1, ..., 1] + 100.0])
    mask = torch.ones_like(returns)
    together = linear_feature_baseline(o, returns, mask)
    alone = [linear_feature_baseline(o[i : i + 1], returns[i : i + 1], mask[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_baseline_does_not_look_at_padding() -> None:
    o, t = features_of(1, 4, 60)
    returns = 2.0 * o[..., 0] + t
    mask = (torch.arange(60) < torch.tensor([60, 20, 1, 45]).view(1, 4, 1)).float()
    padding = mask == 0
    expected = linear_feature_baseline(o, returns * mask, mask)
    changed = linear_feature_baseline(
        o.masked_fill(padding.unsqueeze(-1), 7.0), returns.masked_fill(padding, 1e3), mask
    )
    assert torch.equal(changed, expected)
    assert not bool(changed[padding].any())


def test_baseline_clips_observations_to_ten() -> None:
    o, _ = features_of(1, 1, 20)
    o[0, 0, 3, 0], o[0, 0, 7, 1] = 10.0, -10.0
    beyond = o.clone()
    beyond[0, 0, 3, 0], beyond[0, 0, 7, 1] = 1e6, -1e6
    returns = o[..., 0].clone()
    mask = torch.ones_like(returns)
    assert torch.equal(linear_feature_baseline(beyond, returns, mask), linear_feature_baseline(o, returns, mask))


def test_baseline_survives_a_single_sample() -> None:
    returns = torch.tensor([[[4.0]]])
    fitted = linear_feature_baseline(torch.tensor([[[[1.0, -2.0]]]]), returns, torch.ones(1, 1, 1))
    torch.testing.assert_close(fitted, returns, atol=1e-3, rtol=0.0)


def test_baseline_survives_features_that_repeat_each_other() -> None:
    o = torch.ones(1, 2, 5, 3)  # three equal columns, equal to their squares and to the constant
    returns = torch.full((1, 2, 5), 2.5)
    torch.testing.assert_close(linear_feature_baseline(o, returns, torch.ones(1, 2, 5)), returns, atol=1e-3, rtol=0.0)


def test_baseline_of_a_task_without_steps_is_zero() -> None:
    o, _ = features_of(1, 2, 5)
    fitted = linear_feature_baseline(o, torch.zeros(1, 2, 5), torch.zeros(1, 2, 5))
    assert torch.equal(fitted, torch.zeros(1, 2, 5))

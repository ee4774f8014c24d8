"""Returns, advantages and baselines: pure functions over ``[task, episode, time]``."""

from __future__ import annotations

import torch
from torch import Tensor

_OBSERVATION_CLIP = 10.0
_RIDGE_ATTEMPTS = 8


def discounted_returns(rewards: Tensor, discount: float, elapsed: Tensor | None = None) -> Tensor:
    """Reward-to-go ``R_t = r_t + gamma R_{t+1}``.

    Args:
        rewards: ``[..., time]``, zero after the end of an episode.
        discount: gamma.
        elapsed: Control steps from each step to the one that follows it, ``[..., time]``; 1 for None.

    Returns:
        ``[..., time]``.
    """
    discounts = torch.full_like(rewards, discount) if elapsed is None else discount**elapsed
    returns = torch.empty_like(rewards)
    following = torch.zeros_like(rewards[..., 0])
    for t in reversed(range(rewards.shape[-1])):
        following = rewards[..., t] + discounts[..., t] * following
        returns[..., t] = following
    return returns


def generalized_advantages(
    rewards: Tensor,
    values: Tensor,
    last_values: Tensor,
    mask: Tensor,
    *,
    discount: float,
    lam: float,
    elapsed: Tensor | None = None,
) -> Tensor:
    """Generalized advantage estimation (Schulman et al. 2016, equation 16).

    ``A_t = delta_t + gamma lambda A_{t+1}`` with ``delta_t = r_t + gamma V_{t+1} - V_t``.

    Args:
        rewards: ``[..., time]``.
        values: V of the state before each step, ``[..., time]``.
        last_values: V of the state after the last step that happened, ``[...]``: zero where the episode terminated,
            and where a time limit is meant to count as an end.
        mask: 1.0 for steps that happened, ``[..., time]``.
        discount: gamma.
        lam: lambda.
        elapsed: Control steps from each step to the one that follows it, ``[..., time]``; 1 for None. Those in between
            are worth nothing: gamma and lambda count as often as there are steps.

    Returns:
        ``[..., time]``, zero where ``mask`` is.
    """
    elapsed = torch.ones_like(rewards) if elapsed is None else elapsed
    discounts, traces = discount**elapsed, (discount * lam) ** elapsed
    advantages = torch.zeros_like(rewards)
    following_value, following_advantage = last_values, torch.zeros_like(last_values)
    for t in reversed(range(rewards.shape[-1])):
        happened = mask[..., t] > 0
        delta = rewards[..., t] + discounts[..., t] * following_value - values[..., t]
        advantage = delta + traces[..., t] * following_advantage
        advantages[..., t] = torch.where(happened, advantage, 0.0)
        # Steps that did not happen hand the end of the episode on unchanged.
        following_advantage = torch.where(happened, advantage, following_advantage)
        following_value = torch.where(happened, values[..., t], following_value)
    return advantages


def linear_feature_baseline(observations: Tensor, returns: Tensor, mask: Tensor, *, ridge: float = 1e-5) -> Tensor:
    """Values fitted to returns by ridge regression on time and observations, one fit a task (Duan et al. 2016).

    Features: ``clip(o, +-10), o^2, t/100, (t/100)^2, (t/100)^3, 1``.

    Args:
        observations: ``[task, episode, time, observation]``.
        returns: Reward-to-go, ``[task, episode, time]``.
        mask: 1.0 for steps that happened, ``[task, episode, time]``.
        ridge: Regularization, raised tenfold while the system is singular.

    Returns:
        Fitted values, ``[task, episode, time]``.
    """
    tasks, _, horizon = returns.shape
    o = observations.clamp(-_OBSERVATION_CLIP, _OBSERVATION_CLIP)
    t = (torch.arange(horizon, device=o.device, dtype=o.dtype) / 100.0).view(1, 1, -1, 1).expand(*o.shape[:3], 1)
    features = torch.cat([o, o.square(), t, t.square(), t**3, torch.ones_like(t)], dim=-1)
    # In double precision throughout: squared features span eight orders of magnitude.
    x = features.reshape(tasks, -1, features.shape[-1]).double()  # [task, sample, feature]
    weighted = x * mask.reshape(tasks, -1, 1)
    gram = torch.bmm(weighted.mT, x)
    played = torch.bmm(weighted.mT, returns.reshape(tasks, -1, 1).double())
    identity = torch.eye(gram.shape[-1], device=o.device, dtype=gram.dtype)
    for _ in range(_RIDGE_ATTEMPTS):
        solution, info = torch.linalg.solve_ex(gram + ridge * identity, played)
        if not bool(info.any()) and bool(solution.isfinite().all()):
            return torch.bmm(x, solution).reshape(returns.shape).to(returns.dtype) * mask
        ridge *= 10.0
    return torch.zeros_like(returns)

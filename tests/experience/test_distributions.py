"""Rollouts of policies whose action distribution is no Gaussian, or whose standard deviation depends on the state."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from robotmeta.envs import TaskBatchEnv, TaskFamily, make
from robotmeta.experience.rollout import Belief, PolicyInput, collect, concatenate_episodes
from robotmeta.policies import ActionDistribution, DiagonalGaussian


@dataclass(frozen=True)
class SquashedGaussian:
    """``a = tanh(x)`` with ``x ~ N(location, exp(log_std)^2)``: actions stay in (-1, 1)."""

    location: Tensor
    log_std: Tensor

    @property
    def mean(self) -> Tensor:
        return self.location.tanh()

    def sample(self, noise: Tensor) -> Tensor:
        return (self.location + self.log_std.exp() * noise).tanh()

    def log_prob(self, action: Tensor) -> Tensor:
        # log N(atanh a) - log (1 - a^2), summed
        inside = DiagonalGaussian(self.location, self.log_std).log_prob(action.atanh())
        return inside - (1.0 - action.square()).log().sum(dim=-1)

    def entropy(self) -> Tensor:
        return DiagonalGaussian(self.location, self.log_std).entropy()  # a bound is enough here

    def parameters(self) -> Mapping[str, Tensor]:
        return {"location": self.location, "log_std": self.log_std}

    def from_parameters(self, parameters: Mapping[str, Tensor]) -> SquashedGaussian:
        return SquashedGaussian(**parameters)


def with_state_dependent_std(observation: Tensor) -> ActionDistribution:
    return DiagonalGaussian(0.1 - observation, observation.abs() - 1.0)


def squashed(observation: Tensor) -> ActionDistribution:
    return SquashedGaussian(0.1 - observation, torch.tensor([-0.5, -1.0]))


@dataclass(frozen=True)
class Actor:
    """Acts from a function of the observation and believes nothing."""

    policy: Callable[[Tensor], ActionDistribution]

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[ActionDistribution, Belief]:
        return self.policy(policy_input.observation), belief


def ending_early(at: float = 0.05) -> TaskFamily:
    """Point navigation over at most 12 steps. Episodes end where the point is that far to the right of its start."""
    family = make("point-navigation")
    return dataclasses.replace(family, horizon=12, terminated=lambda state, task: state["position"][..., 0] > at)


def env(family: TaskFamily) -> TaskBatchEnv:
    return TaskBatchEnv(family, 4, 3)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("policy", [with_state_dependent_std, squashed])
def test_stored_log_probs_are_those_of_the_policy_at_each_step(
    policy: Callable[[Tensor], ActionDistribution],
) -> None:
    rollout, _ = collect(env(ending_early()), Actor(policy), {}, generator())
    assert 0 < int(rollout.terminated.sum()) < 12
    stored = rollout.distribution.log_prob(rollout.actions)
    for t in range(12):
        recomputed = policy(rollout.observations[:, :, t]).log_prob(rollout.actions[:, :, t])
        happened = rollout.mask[:, :, t] > 0
        torch.testing.assert_close(stored[:, :, t][happened], recomputed[happened])


def test_a_standard_deviation_may_change_within_an_episode() -> None:
    rollout, _ = collect(env(ending_early()), Actor(with_state_dependent_std), {}, generator())
    assert isinstance(rollout.distribution, DiagonalGaussian)
    happened = rollout.mask > 0
    expected = rollout.observations.abs() - 1.0
    assert torch.equal(rollout.distribution.log_std[happened], expected[happened])
    assert float(rollout.distribution.log_std[happened].std()) > 0.01


def test_actions_of_a_squashed_gaussian_are_collected_as_it_draws_them() -> None:
    rollout, _ = collect(env(ending_early()), Actor(squashed), {}, generator())
    assert isinstance(rollout.distribution, SquashedGaussian)
    assert bool((rollout.actions.abs() < 1.0).all())
    mean, _ = collect(env(ending_early()), Actor(squashed), {}, generator(), explore=False)
    assert torch.equal(mean.actions, mean.distribution.mean)


@pytest.mark.parametrize("policy", [with_state_dependent_std, squashed])
def test_log_probs_stay_finite_where_no_episode_was_running_any_more(
    policy: Callable[[Tensor], ActionDistribution],
) -> None:
    rollout, _ = collect(env(ending_early(-math.inf)), Actor(policy), {}, generator())
    assert rollout.steps == 12  # each of 12 episodes ended after its first step
    assert bool(rollout.distribution.log_prob(rollout.actions).isfinite().all())


def test_a_standard_deviation_that_never_changes_is_stored_once() -> None:
    rollout, _ = collect(env(ending_early()), Actor(squashed), {}, generator())
    log_std = rollout.distribution.parameters()["log_std"]
    assert log_std.shape == (4, 3, 1, 2)
    assert log_std.untyped_storage().nbytes() == 2 * 4  # two floats
    assert rollout.distribution.parameters()["location"].shape == (4, 3, 12, 2)


def test_rollouts_are_joined_where_a_shared_parameter_changed_in_one_of_them() -> None:
    scales = iter([1.0] * 12 + [0.5] * 6 + [0.25] * 6)

    def policy(observation: Tensor) -> ActionDistribution:
        return DiagonalGaussian(0.1 - observation, torch.tensor([next(scales)]).log())

    world = env(ending_early(math.inf))
    constant, changed = (collect(world, Actor(policy), {}, generator())[0] for _ in range(2))
    both = concatenate_episodes([constant, changed])
    expected = [rollout.distribution.log_prob(rollout.actions) for rollout in (constant, changed)]
    assert torch.equal(both.distribution.log_prob(both.actions), torch.cat(expected, dim=1))

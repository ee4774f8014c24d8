"""Proximal policy optimization (Schulman et al. 2017), as the actor-critic learners use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from robotmeta.experience.returns import discounted_returns, generalized_advantages
from robotmeta.experience.rollout import Rollout
from robotmeta.metalearners.parallel import masked_moments, minibatch_gradients, minibatches, normalize
from robotmeta.metalearners.protocol import LearnerConfig
from robotmeta.policies import ActionDistribution, ActorCritic


@dataclass(frozen=True)
class PPOConfig(LearnerConfig):
    """Hyper-parameters of PPO."""

    family_defaults: ClassVar = ("init_std",)

    learning_rate: float = 1e-3
    """Of Adam, to begin with."""
    desired_kl: float = 0.0
    """Divergence (KL) from the policy that acted beyond which the learning rate falls; 0 keeps it constant."""
    epochs: int = 8
    """Passes over the data a meta-update."""
    minibatches: int = 4
    """Gradient steps a pass."""
    clip: float = 0.2
    """Clipping of the likelihood ratio."""
    value_weight: float = 0.5
    """Weight of the squared value error."""
    entropy_weight: float = 0.0
    """Weight of the entropy bonus, in nats."""
    max_grad_norm: float = 0.5
    """Gradient clipping."""
    discount: float = 0.99
    """gamma."""
    gae_lambda: float = 0.95
    """lambda of generalized advantage estimation."""
    shards: int = 2
    """Parts a minibatch is computed in, each on a thread of its own; on a GPU always one."""
    init_std: float = 0.3
    """Standard deviation of actions at initialization."""
    min_std: float = 0.05
    """Floor of the standard deviation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("epochs", "minibatches", "shards"):
            self.check(name, at_least=1)
        self.check_positive("init_std", "min_std", "clip", "max_grad_norm")
        self.check_share("discount", "gae_lambda")
        for name in ("learning_rate", "desired_kl", "value_weight", "entropy_weight"):
            self.check(name, at_least=0)

    def control_defaults(self) -> dict[str, Any]:
        """Exploration, step size, and the discount, which decides what is maximized."""
        return {name: getattr(self, name) for name in ("init_std", "min_std", "desired_kl", "discount")}


@dataclass(frozen=True)
class ActorCriticConfig(PPOConfig):
    """Hyper-parameters of PPO on single steps, which needs no sequences."""

    learning_rate: float = 5e-4
    """Of Adam, to begin with."""
    minibatches: int = 8
    """Gradient steps a pass."""
    hidden: tuple[int, ...] = (128, 128)
    """Hidden layers of the policy and of the value function."""
    bootstrap: bool = True
    """At a time limit, which the value function cannot see coming, let the value of the last state stand for what would
    have followed. Otherwise the limit counts as an end."""


class ReturnScale(nn.Module):
    """Running standard deviation of returns, so that the value loss does not depend on the unit of the reward."""

    square: Tensor
    weight: Tensor

    def __init__(self, memory: float = 0.9) -> None:
        super().__init__()
        self.memory = memory
        self.register_buffer("square", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))

    def forward(self) -> Tensor:
        """The standard deviation, at least 1e-3."""
        return (self.square / self.weight).sqrt().clamp(min=1e-3)

    @torch.no_grad()
    def update(self, returns: Tensor, mask: Tensor) -> None:
        """Moves the estimate towards a batch of discounted returns."""
        mean_square = masked_moments(returns.square(), mask).mean.squeeze()
        self.square.mul_(self.memory).add_((1.0 - self.memory) * mean_square)
        self.weight.mul_(self.memory).add_(1.0 - self.memory)


def ppo_loss(
    config: PPOConfig,
    distribution: ActionDistribution,
    actions: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    values: Tensor,
    targets: Tensor,
    mask: Tensor,
    steps: Tensor,
) -> dict[str, Tensor]:
    """The share that some steps have in the loss and in the divergence of a minibatch.

    The loss is the clipped surrogate, the squared value error and the entropy bonus; the divergence, from the policy
    that acted, is estimated from the likelihood ratio r as r - 1 - log r, which is never negative.

    Args:
        config: Weights and clipping.
        distribution: Current policy, ``[..., action]``.
        actions: ``[..., action]``.
        old_log_probs: Log-probabilities when the actions were drawn, ``[...]``.
        advantages: ``[...]``.
        values: Current values, ``[...]``.
        targets: What they should be, ``[...]``.
        mask: 1.0 for steps that happened, ``[...]``.
        steps: How many happened in the whole minibatch.

    Returns:
        ``loss`` and ``kl``.
    """
    log_ratio = distribution.log_prob(actions) - old_log_probs
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1.0 - config.clip, 1.0 + config.clip)
    gain = torch.minimum(ratio * advantages, clipped * advantages)
    error = (values - targets).square()
    total = gain - config.value_weight * error + config.entropy_weight * distribution.entropy()
    divergence = (ratio - 1.0 - log_ratio).detach()
    return {"loss": -(total * mask).sum() / steps, "kl": (divergence * mask).sum() / steps}


def adjust_learning_rate(config: PPOConfig, optimizer: torch.optim.Optimizer, kl: float) -> None:
    """Makes steps shorter where the policy has moved too far from the one that acted, longer again where it hardly has.

    As Rudin et al. (2022) do it: the less a policy explores, the farther it moves by the same step. The rate stays
    between a hundredth of what it was to begin with and that; with longer steps, policies stop exploring too soon.
    """
    if kl > 2.0 * config.desired_kl > 0.0:
        factor = 1.0 / 1.5
    elif 0.0 < kl < 0.5 * config.desired_kl:
        factor = 1.5
    else:
        return
    for group in optimizer.param_groups:
        rate = group["lr"] * factor
        group["lr"] = min(max(rate, 0.01 * config.learning_rate), config.learning_rate)


def step(
    optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], found: Sequence[Tensor], max_grad_norm: float
) -> None:
    """One optimizer step along the given gradients, clipped to a norm."""
    for parameter, gradient in zip(parameters, found, strict=True):
        parameter.grad = gradient
    nn.utils.clip_grad_norm_(parameters, max_grad_norm)
    optimizer.step()


class PPOInputs(NamedTuple):
    """Inputs of the networks in a rollout."""

    actor: Tensor
    """``[task, episode, time, input]``."""
    critic: Tensor
    """``[task, episode, time, critic input]``."""
    last: Tensor
    """What the critic sees after each episode, ``[task, episode, critic input]``."""


def ppo_update(
    config: ActorCriticConfig,
    network: ActorCritic,
    adam: torch.optim.Optimizer,
    return_scale: ReturnScale,
    rollout: Rollout,
    inputs: PPOInputs,
    generator: torch.Generator,
) -> dict[str, float]:
    """Some passes of PPO over the steps of a rollout, in shuffled minibatches.

    Args:
        config: Hyper-parameters.
        network: The policy that acted, and its value function.
        adam: Steps the network's parameters.
        return_scale: Learns the scale of the returns.
        rollout: Experience.
        inputs: Inputs of the networks in it.
        generator: Shuffles.

    Returns:
        Numbers to log.
    """
    with torch.no_grad():
        values = network.value(inputs.critic)
        rewards = rollout.training_rewards
        return_scale.update(discounted_returns(rewards, config.discount), rollout.mask)
        advantages = generalized_advantages(
            rewards / return_scale(),
            values,
            last_values(config, network, rollout, inputs.last),
            rollout.mask,
            discount=config.discount,
            lam=config.gae_lambda,
        )
        happened = rollout.mask > 0
        log_probs = rollout.distribution.log_prob(rollout.actions)
        normalized = normalize(advantages, rollout.mask, per_task=False)
        columns = (
            inputs.actor,
            inputs.critic,
            rollout.actions,
            log_probs,
            normalized,
            advantages + values,
            rollout.mask,
        )
        data = [value[happened] for value in columns]

    def loss(rows: Tensor, steps: Tensor) -> dict[str, Tensor]:
        """The share of some steps, out of a minibatch with that many."""
        actor, critic, actions, old, gains, targets, mask = (value[rows] for value in data)
        return ppo_loss(config, network(actor), actions, old, gains, network.value(critic), targets, mask, steps)

    parameters = list(network.parameters())
    sums: dict[str, float] = {}
    for _ in range(config.epochs):
        for chosen in minibatches(len(data[0]), config.minibatches, generator, rollout.mask.device):
            sums, gradient = minibatch_gradients(loss, data[-1], chosen, parameters, shards=config.shards)
            adjust_learning_rate(config, adam, sums["kl"])
            step(adam, parameters, gradient, config.max_grad_norm)
    return {**sums, **state_of(network.log_std, adam)}


def state_of(log_std: Tensor, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """What to log of a policy after an update: how widely it explores, and the learning rate."""
    return {"std": log_std.exp().mean().item(), "learning_rate": optimizer.param_groups[0]["lr"]}


def last_values(config: ActorCriticConfig, network: ActorCritic, rollout: Rollout, last: Tensor) -> Tensor:
    """Value of the state after each episode, ``[task, episode]``; zero where it ended for good."""
    return network.value(last).masked_fill(rollout.terminated, 0.0) * float(config.bootstrap)

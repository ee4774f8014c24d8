"""Proximal policy optimization (Schulman et al. 2017), which the actor-critic learners share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn

from robotmeta.distributed import summed
from robotmeta.errors import UserError
from robotmeta.experience.returns import discounted_returns, generalized_advantages
from robotmeta.experience.rollout import Rollout
from robotmeta.metalearners.anchor import Anchored, add_anchor
from robotmeta.metalearners.columns import Columns
from robotmeta.metalearners.parallel import Rows, gradients, masked_moments, normalize, shares
from robotmeta.metalearners.protocol import LearnerConfig
from robotmeta.policies import ActionDistribution, ActorCritic, ReturnScale


@dataclass(frozen=True)
class PPOConfig(LearnerConfig):
    """Hyper-parameters of PPO."""

    family_defaults: ClassVar = ("init_std",)

    learning_rate: float = 1e-3
    """Initial learning rate of Adam."""
    desired_kl: float = 0.0
    """KL divergence from the policy that acted at which the learning rate is kept; it falls above twice this, and rises
    below half of it. 0 keeps it constant."""
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
    """Parts a minibatch is computed in, each on a thread of its own; on a GPU always one. Where policy and value
    function are separate networks, they are parts of their own."""
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

    def fine_tuning(self) -> Self:
        """Small batches, a step size that follows the policy's change, and more exploration than is left."""
        std = max(self.min_std, min(0.2, self.init_std * 2.0 / 3.0))
        return replace(self, meta_batch=12, desired_kl=0.02, min_std=std)

    def control_defaults(self) -> dict[str, Any]:
        """Exploration, step size, the discount factor, and which tasks it learns in."""
        names = ("init_std", "min_std", "desired_kl", "discount", "changing")
        return super().control_defaults() | {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class ActorCriticConfig(PPOConfig):
    """Hyper-parameters of PPO for a memoryless policy, on single steps."""

    learning_rate: float = 5e-4
    """Initial learning rate of Adam."""
    unroll_length: int = 0
    """Control steps of each world from one meta-update to the next; 0 for whole episodes."""
    minibatches: int = 8
    """Gradient steps a pass; fewer where some episodes had ended before a part."""
    hidden: tuple[int, ...] = (128, 128)
    """Hidden layers of the policy and of the value function."""
    bootstrap: bool = True
    """At a time limit, which is not observed, add the value of the last state for the rewards that would have followed.
    Otherwise the limit counts as the end of the task."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("unroll_length", at_least=0)
        if self.unroll_length and self.rollouts > 1:
            raise UserError(
                f"unroll_length must be 0, not {self.unroll_length}, if a meta-update takes whole trials of several "
                "episodes, such as trials that are not staggered"
            )

    @property
    def part_length(self) -> int:
        return self.unroll_length

    def fine_tuning(self) -> Self:
        tuned = super().fine_tuning()
        if self.rollouts > 1:
            return replace(tuned, unroll_length=0)
        if not self.unroll_length:
            # A value function that was trained on whole episodes is wrong at first in the middle of one in a new task.
            # With shorter parts, grasping learned less.
            return replace(tuned, unroll_length=100)
        # Twice as many updates with half as many passes: as many gradient steps, from newer experience.
        return replace(tuned, unroll_length=max(1, self.unroll_length // 2), epochs=max(1, self.epochs // 2))

    def control_defaults(self) -> dict[str, Any]:
        names = ("unroll_length", "minibatches")
        return super().control_defaults() | {name: getattr(self, name) for name in names}


def policy_loss(
    config: PPOConfig, distribution: ActionDistribution, actions: Tensor, old_log_probs: Tensor, advantages: Tensor
) -> tuple[Tensor, Tensor]:
    """The loss of the policy at each step, and an estimate of its KL divergence from the policy that acted.

    ``-min(r A, clip(r) A) - c_e H`` with the likelihood ratio ``r``. The divergence is estimated as ``r - 1 - log r``,
    which is never negative.

    Args:
        config: Weights and clipping.
        distribution: Current policy, ``[..., action]``.
        actions: ``[..., action]``.
        old_log_probs: Log-probabilities under the policy that acted, ``[...]``.
        advantages: A, ``[...]``.

    Returns:
        Both ``[...]``.
    """
    log_ratio = distribution.log_prob(actions) - old_log_probs
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1.0 - config.clip, 1.0 + config.clip)
    loss = -torch.minimum(ratio * advantages, clipped * advantages)
    if config.entropy_weight:
        loss = loss - config.entropy_weight * distribution.entropy()
    return loss, (ratio - 1.0 - log_ratio).detach()


def adjust_learning_rate(config: PPOConfig, optimizer: torch.optim.Optimizer, kl: float) -> None:
    """Lowers the learning rate after a large KL divergence, and raises it again after a small one (Rudin et al. 2022).

    The same step changes a policy more, the less it explores. The rate stays between a hundredth of its initial value
    and that value: with a higher one, policies stop exploring too soon.
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


def adam(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Adam:
    """Adam as PPO is used with, in one operation for all parameters.

    Learners make it when they first learn: to make an optimizer, torch loads its compiler, which takes a second.
    """
    return torch.optim.Adam(parameters, lr=learning_rate, eps=1e-5, fused=True)


def step(
    optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], gradient: Sequence[Tensor], max_norm: float
) -> None:
    """One optimizer step along a gradient, clipped to a norm."""
    for parameter, part in zip(parameters, gradient, strict=True):
        parameter.grad = part
    nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()


class PPOInputs(NamedTuple):
    """Inputs of the actor and the critic at each step of a rollout."""

    actor: Tensor
    """``[task, episode, time, input]``."""
    critic: Tensor
    """``[task, episode, time, critic input]``."""
    last: Tensor
    """Of the critic after the last step, ``[task, episode, critic input]``."""


def ppo_update(
    config: ActorCriticConfig,
    network: ActorCritic,
    optimizer: torch.optim.Optimizer,
    return_scale: ReturnScale,
    rollout: Rollout,
    inputs: PPOInputs,
    generator: torch.Generator,
    anchored: Anchored | None = None,
) -> dict[str, float]:
    """Some passes of PPO over the steps of a rollout, in shuffled minibatches.

    Args:
        config: Hyper-parameters.
        network: The policy that acted, and its value function.
        optimizer: Of the network.
        return_scale: Running scale of the returns; it is updated.
        rollout: Experience.
        inputs: Inputs of the network in it.
        generator: A CPU generator for shuffling.
        anchored: What the policy stays close to, ``[task, episode, time, ...]``; None for nothing.

    Returns:
        ``loss`` and ``kl`` of the last minibatch, and the divergence from an anchor, ``kl_anchor``.
    """
    with torch.no_grad():
        values = network.value(inputs.critic)
        rewards = rollout.training_rewards
        returns = discounted_returns(rewards, config.discount)
        return_scale.update(masked_moments(returns.square(), rollout.mask).mean)
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
        gains = normalize(advantages, rollout.mask, per_task=False)
        of_actor = Columns(inputs.actor[happened], rollout.actions[happened], log_probs[happened], gains[happened])
        of_critic = Columns(inputs.critic[happened], (advantages + values)[happened])
        anchored = None if anchored is None else anchored.at(happened)

    def actor_loss(rows: Tensor, steps: int) -> dict[str, Tensor]:
        """The share of some steps in the loss of the policy, over a minibatch with that many."""
        actor, actions, old, advantages = of_actor[rows]
        distribution = network(actor)
        loss, kl = policy_loss(config, distribution, actions, old, advantages)
        losses = {"loss": loss.sum() / steps, "kl": kl.sum() / steps}
        return add_anchor(losses, distribution, anchored and anchored.at(rows), 1.0 / steps)

    def critic_loss(rows: Tensor, steps: int) -> dict[str, Tensor]:
        """The same of the value function, weighted."""
        critic, targets = of_critic[rows]
        return {"loss": config.value_weight / steps * (network.value(critic) - targets).square().sum()}

    parameters, steps = list(network.parameters()), Rows(rollout.mask)
    minibatches = _minibatches(config, rollout.mask)
    sums: dict[str, float] = {}
    for _ in range(config.epochs):
        for rows, size, _ in steps.minibatches(minibatches, generator):
            divided = shares(rows, config.shards // 2)
            parts = [partial(loss, share, size) for share in divided for loss in (actor_loss, critic_loss)]
            sums, gradient = gradients(parts, parameters)
            adjust_learning_rate(config, optimizer, sums["kl"])
            step(optimizer, parameters, gradient, config.max_grad_norm)
    return sums


def _minibatches(config: ActorCriticConfig, mask: Tensor) -> int:
    """Gradient steps a pass over a part of episodes, of all ranks: fewer where some episodes had ended before it."""
    running, worlds = summed([mask[..., 0].sum(), mask.new_tensor(float(mask[..., 0].numel()))])
    return max(1, round(config.minibatches * float(running / worlds)))


def exploration(log_std: Tensor, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """Metrics of a policy after an update: mean standard deviation of its actions, and learning rate."""
    return {"std": log_std.exp().mean().item(), "learning_rate": optimizer.param_groups[0]["lr"]}


def last_values(config: ActorCriticConfig, network: ActorCritic, rollout: Rollout, last: Tensor) -> Tensor:
    """Value of the state after each episode, ``[task, episode]``; zero where the episode terminated."""
    follows = config.bootstrap or rollout.goes_on
    return network.value(last).masked_fill(rollout.terminated, 0.0) * float(follows)

"""Domain randomization: one memoryless policy for the whole family, trained with PPO. The control of meta-learning."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch

from robotmeta.errors import UserError
from robotmeta.metalearners.parallel import gradients, shares
from robotmeta.metalearners.ppo import PPOConfig, ReturnScale, ppo_loss, step
from robotmeta.metalearners.protocol import MetaLearner, observed
from robotmeta.policies import DiagonalGaussian, mlp_value, orthogonal_mlp
from robotmeta.returns import discounted_returns, generalized_advantages, normalize
from robotmeta.rollout import Belief, Rollout, Signal


@dataclass(frozen=True)
class DomainRandomizationConfig(PPOConfig):
    """Hyper-parameters of the domain-randomized policy."""

    meta_batch: int = 48
    """Tasks a meta-update."""
    episodes: int = 2
    """Episodes of each task."""
    rounds: int = 0
    """The policy does not adapt, so there is one round."""
    learning_rate: float = 5e-4
    """Of Adam."""
    minibatches: int = 8
    """Gradient steps a pass."""
    hidden: tuple[int, ...] = (64, 64)
    """Hidden layers of the policy and of the value function."""
    bootstrap: bool = True
    """At a time limit, which the value function cannot see coming, let the value of the last state stand for what would
    have followed. Otherwise the limit counts as an end."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rounds:
            raise UserError(f"domain-randomization does not adapt: rounds must be 0, not {self.rounds}")


class DomainRandomization(MetaLearner[DomainRandomizationConfig]):
    """Trained over the family, deployed as it is: its belief is empty and adapting does nothing."""

    Config = DomainRandomizationConfig

    def __init__(
        self, observation_size: int, action_size: int, config: DomainRandomizationConfig, generator: torch.Generator
    ) -> None:
        super().__init__(observation_size, action_size, config, generator)
        self.return_scale = ReturnScale()
        self.actor = orthogonal_mlp((observation_size, *config.hidden, action_size), generator, last_gain=0.01)
        self.critic = mlp_value(observation_size, config.hidden, generator)
        self.log_std = torch.nn.Parameter(torch.full((action_size,), math.log(config.init_std)))
        self.adam = torch.optim.Adam(self.parameters(), lr=config.learning_rate, eps=1e-5)

    def begin(self, num_tasks: int) -> Belief:
        return {}

    def act(self, belief: Belief, signal: Signal) -> tuple[DiagonalGaussian, Belief]:
        return self._policy(self.normalizer(signal.observation)), belief

    def adapt(self, belief: Belief, rollout: Rollout) -> Belief:
        return belief

    def schedule(self, episodes: int) -> list[int]:
        return [1] * episodes

    def optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.adam]

    def update(self, trial: list[Rollout], generator: torch.Generator) -> dict[str, float]:
        config = self.config
        (rollout,) = trial
        with torch.no_grad():
            observations = self.normalizer(rollout.observations)
            values = self.critic(observations).squeeze(-1)
            self.return_scale.update(discounted_returns(rollout.rewards, config.discount), rollout.mask)
            advantages = generalized_advantages(
                rollout.rewards / self.return_scale(),
                values,
                self.last_values(rollout),
                rollout.mask,
                discount=config.discount,
                lam=config.gae_lambda,
            )
            happened = rollout.mask > 0
            data = [
                value[happened]
                for value in (
                    observations,
                    rollout.actions,
                    rollout.distribution.log_prob(rollout.actions),
                    normalize(advantages, rollout.mask, per_task=False),
                    advantages + values,
                    rollout.mask,
                )
            ]
        parameters = list(self.parameters())
        size = -(-len(data[0]) // config.minibatches)
        sums: dict[str, float] = {}
        for _ in range(config.epochs):
            for chosen in torch.randperm(len(data[0]), generator=generator).to(self.device).split(size):
                parts = [partial(self._loss, data, rows, len(chosen)) for rows in shares(chosen, config.shards)]
                sums, found = gradients(parts, parameters)
                step(self.adam, parameters, found, config.max_grad_norm)
        self.normalizer.update(observed(trial))
        return {**sums, "std": self.log_std.exp().mean().item()}

    def last_values(self, rollout: Rollout) -> torch.Tensor:
        """Value of the state after each episode, ``[task, episode]``; zero where it ended for good."""
        values = self.critic(self.normalizer(rollout.last_observations)).squeeze(-1)
        return values.masked_fill(rollout.terminated, 0.0) * float(self.config.bootstrap)

    def _loss(self, data: list[torch.Tensor], rows: torch.Tensor, steps: int) -> dict[str, torch.Tensor]:
        """The share of the PPO loss of some steps, out of a minibatch with that many."""
        observations, actions, log_probs, advantages, targets, mask = (value[rows] for value in data)
        values = self.critic(observations).squeeze(-1)
        distribution = self._policy(observations)
        loss = ppo_loss(self.config, distribution, actions, log_probs, advantages, values, targets, mask)
        return {"loss": loss * (len(rows) / steps)}

    def _policy(self, observation: torch.Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(self.actor(observation), self.log_std.clamp(min=math.log(self.config.min_std)))

"""Domain randomization: one memoryless policy for the whole family, trained with PPO, as a control."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from robotmeta.envs import Observation
from robotmeta.errors import UserError, unknown
from robotmeta.experience.rollout import Belief, PolicyInput, Rollout, Trial
from robotmeta.metalearners.anchor import anchored_at
from robotmeta.metalearners.parallel import moments
from robotmeta.metalearners.ppo import ActorCriticConfig, PPOInputs, adam, exploration, ppo_update
from robotmeta.metalearners.protocol import Anchor, MetaLearner, Sizes
from robotmeta.policies import (
    CONCATENATE,
    CONDITIONINGS,
    MODULATE,
    ActorCritic,
    DiagonalGaussian,
    ReturnScale,
    scaled,
)


@dataclass(frozen=True)
class DomainRandomizationConfig(ActorCriticConfig):
    """Hyper-parameters of the domain-randomized policy."""

    meta_batch: int = 48
    """Tasks a meta-update."""
    episodes: int = 2
    """Episodes of each task."""
    adaptation_steps: int = 0
    """Zero: the policy does not adapt."""
    desired_kl: float = 0.02
    """KL divergence from the policy that acted at which the learning rate is kept; see PPO."""
    unroll_length: int = 50
    """Control steps of each world from one meta-update to the next; 0 for whole episodes."""
    minibatches: int = 4
    """Gradient steps a pass; fewer where some episodes had ended before a part."""
    conditioning: str = MODULATE
    """How an oracle reads the task's parameters: modulate (the first layers of policy and value function, without
    effect at first) or concatenate (with the observation)."""

    unrecorded: ClassVar = {"conditioning": CONCATENATE, "unroll_length": 0, "desired_kl": 0.0}

    def __post_init__(self) -> None:
        if self.adaptation_steps:  # before what follows from them
            raise UserError(
                f"domain-randomization does not adapt: adaptation_steps must be 0, not {self.adaptation_steps}"
            )
        super().__post_init__()
        if self.conditioning not in CONDITIONINGS:
            raise unknown("conditioning", self.conditioning, CONDITIONINGS)


class DomainRandomization(MetaLearner[DomainRandomizationConfig]):
    """A policy that does not adapt: its belief is empty, and an adaptation step changes nothing."""

    Config = DomainRandomizationConfig
    adapts = False
    adaptation = "not at all: it is the control"
    source = "Tobin et al. 2017, arXiv:1703.06907"

    def __init__(self, sizes: Sizes, config: DomainRandomizationConfig, generator: torch.Generator) -> None:
        super().__init__(sizes, config, generator)
        self.return_scale = ReturnScale()
        self.network = ActorCritic(
            sizes.observation,
            sizes.action,
            config.hidden,
            known=range(sizes.observation - sizes.task * config.oracle, sizes.observation),
            conditioning=config.conditioning,
            init_std=config.init_std,
            min_std=config.min_std,
            generator=generator,
        )

    @cached_property
    def adam(self) -> torch.optim.Adam:
        return adam(self.network.parameters(), self.config.learning_rate)

    def begin(self, num_tasks: int, generator: torch.Generator | None = None) -> Belief:
        return {}

    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[DiagonalGaussian, Belief]:
        return self.network(self._inputs(policy_input.observation)), belief

    def adapt(self, belief: Belief, rollout: Rollout) -> Belief:
        return belief

    def _inputs(self, observation: Observation) -> Tensor:
        """What policy and value function read: the observation, and after it what an oracle knows about the task."""
        seen = self.observe(observation)
        if not self.config.oracle or self.config.conditioning == CONCATENATE:
            return seen
        known = scaled(seen[..., -self.sizes.task :], self.sizes.task)
        return torch.cat([seen[..., : -self.sizes.task], known], dim=-1)

    def optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.adam]

    def update(self, trial: Trial, generator: torch.Generator, anchor: Anchor | None = None) -> dict[str, float]:
        (rollout,) = trial.rollouts
        observations = self._inputs(rollout.observations)
        inputs = PPOInputs(observations, observations, self._inputs(rollout.last_observations))
        anchored, scale = anchored_at(trial, anchor), self.return_scale
        metrics = ppo_update(self.config, self.network, self.adam, scale, rollout, inputs, generator, anchored)
        self.normalizer.update(moments(trial.observations()))
        return metrics | exploration(self.network.log_std, self.adam)

    def distributions(self, trial: Trial) -> DiagonalGaussian:
        (rollout,) = trial.rollouts
        return self.network(self._inputs(rollout.observations))  # [task, episode, time, action]

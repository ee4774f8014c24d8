"""ProMP: proximal meta-policy search (Rothfuss et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from robotmeta.adaptation import Samples, task_mean
from robotmeta.metalearners.gradient import GradientConfig, GradientLearner
from robotmeta.policies.mlp import per_task
from robotmeta.rollout import Rollout


@dataclass(frozen=True)
class ProMPConfig(GradientConfig):
    """Hyper-parameters of ProMP."""

    learning_rate: float = 3e-3
    """Of Adam, in the outer loop."""
    epochs: int = 5
    """Gradient steps a meta-update."""
    clip: float = 0.3
    """Clipping of the likelihood ratio of post-adaptation data."""
    kl_penalty: float = 5e-4
    """eta: weight of the KL divergence on pre-adaptation data."""


class ProMP(GradientLearner[ProMPConfig]):
    """Clipped surrogate on post-adaptation data, KL penalty on pre-adaptation data, low variance curvature inside."""

    Config = ProMPConfig

    def __init__(
        self, observation_size: int, action_size: int, config: ProMPConfig, generator: torch.Generator
    ) -> None:
        super().__init__(observation_size, action_size, config, generator)
        self.adam = torch.optim.Adam(self.meta_parameters(), lr=self.config.learning_rate)

    def optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.adam]

    def update(self, trial: list[Rollout], generator: torch.Generator) -> dict[str, float]:
        # for each epoch:
        #     theta'  = theta + alpha * grad J_lvc(theta)                    on each round before the last
        #     J_clip  = mean min(r A, clip(r) A), r = pi_theta' / pi_old     on the last round
        #     theta  += Adam of grad (J_clip - eta * KL(pi_old, pi_theta))
        before, after = [self.samples(r) for r in trial[:-1]], self.samples(trial[-1])
        loss = kl = torch.zeros(())
        for _ in range(self.config.epochs):
            loss, kl = self.loss(before, after)
            self.adam.zero_grad()
            loss.backward()
            self.adam.step()
        self.observe(trial)
        return {"loss": loss.item(), "kl_pre": kl.item(), "std": self.theta["log_std"].exp().mean().item()}

    def loss(self, before: list[Samples], after: Samples) -> tuple[Tensor, Tensor]:
        """The objective of ProMP, negated, and its KL term (equation 11).

        Args:
            before: Experience of each round that was adapted from.
            after: Experience of the adapted policies.
        """
        config = self.config
        adapted = self.adapted(before, len(after.mask))
        ratio = (self.policy(adapted, after.observations).log_prob(after.actions) - after.log_probs).exp()
        clipped = ratio.clamp(1.0 - config.clip, 1.0 + config.clip)
        objective = task_mean(torch.minimum(ratio * after.advantages, clipped * after.advantages), after.mask)
        # Only the first round was sampled from the initialization itself.
        initial = self.policy(per_task(self.initialization(), len(after.mask)), before[0].observations)
        kl = task_mean(before[0].behavior.kl(initial), before[0].mask).mean()
        return config.kl_penalty * kl - objective.mean(), kl

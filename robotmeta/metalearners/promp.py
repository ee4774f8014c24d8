"""ProMP: proximal meta-policy search (Rothfuss et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from robotmeta.experience.rollout import Trial
from robotmeta.metalearners.anchor import Anchored, anchored_at
from robotmeta.metalearners.gradient import PAPER, GradientConfig, GradientLearner, penalty
from robotmeta.metalearners.inner_loop import Samples, task_mean
from robotmeta.metalearners.parallel import gradients
from robotmeta.metalearners.ppo import step
from robotmeta.metalearners.protocol import Anchor

_PAPER: dict[str, Any] = {**PAPER, "epochs": 5, "learning_rate": 1e-3}


@dataclass(frozen=True)
class ProMPConfig(GradientConfig):
    """Hyper-parameters of ProMP."""

    presets: ClassVar = {"paper": _PAPER, "paper-3-steps": {**_PAPER, "adaptation_steps": 3}}

    learning_rate: float = 1.5e-3
    """Learning rate of Adam, in the outer loop."""
    epochs: int = 8
    """Maximum number of gradient steps a meta-update."""
    clip: float = 0.3
    """Clipping of the likelihood ratio of post-adaptation data."""
    max_kl: float = 0.03
    """KL divergence of the post-adaptation policies beyond which a meta-update takes no further step, in nats."""
    max_grad_norm: float = 1.0
    """Gradient clipping."""
    kl_penalty: float = 5e-4
    """eta: weight of the KL divergence on pre-adaptation data."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("epochs", at_least=1)
        self.check_positive("clip", "max_kl", "max_grad_norm")
        self.check("learning_rate", at_least=0)
        self.check("kl_penalty", at_least=0)


class ProMP(GradientLearner[ProMPConfig]):
    """Clipped surrogate on post-adaptation data, KL penalty on pre-adaptation data, low variance curvature."""

    Config = ProMPConfig
    adaptation = "by policy-gradient steps"
    source = "Rothfuss et al. 2019, arXiv:1810.06784"

    @cached_property
    def adam(self) -> torch.optim.Adam:
        return torch.optim.Adam(self.meta_parameters(), lr=self.config.learning_rate)

    def optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.adam]

    def update(self, trial: Trial, generator: torch.Generator, anchor: Anchor | None = None) -> dict[str, float]:
        # for each epoch:
        #     theta'  = theta + alpha * grad J_lvc(theta)                    on each rollout before the last
        #     J_clip  = mean min(r A, clip(r) A), r = pi_theta' / pi_0       on the last rollout, which pi_0 collected
        #     theta  += Adam of grad (J_clip - eta * KL(pi_0, pi_theta))
        #     stop once KL(pi_0, pi_theta') > max_kl
        before, after = self.before_and_after(trial)
        anchored = anchored_at(trial, anchor)
        metrics: dict[str, float] = {}
        parameters = self.meta_parameters()
        for epoch in range(self.config.epochs):
            sums, gradient = gradients(self.parts(before, after, anchored), parameters)
            metrics = {**sums, "epochs": epoch}
            if sums["kl_post"] > self.config.max_kl:
                break
            step(self.adam, parameters, gradient, self.config.max_grad_norm)
            metrics["epochs"] = epoch + 1
        self.update_normalizer(trial)
        return {**metrics, **self.summary()}

    def losses(self, before: list[Samples], after: Samples, anchored: Anchored | None = None) -> dict[str, Tensor]:
        """The negative objective of ProMP (equation 11), and the KL divergences before and after adaptation."""
        config = self.config
        # The first step of the inner loop and the KL penalty need the same policy on the same data: one pass is enough.
        start = self.start(len(after.mask))
        initial = self.policy(start, before[0].observations)
        adapted = self.policy(self.adapted(start, before, distribution=initial), after.observations)
        ratio = (adapted.log_prob(after.actions) - after.log_probs).exp()
        clipped = ratio.clamp(1.0 - config.clip, 1.0 + config.clip)
        objective = task_mean(torch.minimum(ratio * after.advantages, clipped * after.advantages), after.mask).mean()
        # Only the first rollout was sampled from the initialization.
        kl_before = task_mean(before[0].behavior.kl(initial), before[0].mask).mean()
        with torch.no_grad():
            kl_after = task_mean(after.behavior.kl(adapted), after.mask).mean()
        loss = config.kl_penalty * kl_before - objective + penalty(initial, anchored, before[0])
        return {"loss": loss, "kl_pre": kl_before, "kl_post": kl_after}

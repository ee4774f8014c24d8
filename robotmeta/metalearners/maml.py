"""MAML with a trust-region outer loop (Finn et al. 2017), second and first order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from robotmeta.experience.rollout import Trial
from robotmeta.metalearners.anchor import Anchored, anchored_at
from robotmeta.metalearners.gradient import PAPER, GradientConfig, GradientLearner, penalty
from robotmeta.metalearners.inner_loop import Samples, task_mean
from robotmeta.metalearners.parallel import Part, gradients, sums
from robotmeta.metalearners.protocol import Anchor

_PROBE = 3e-3  # length of the steps that measure curvature, above the rounding of float32, below changes of the policy


@dataclass(frozen=True)
class MAMLConfig(GradientConfig):
    """Hyper-parameters of MAML-TRPO."""

    presets: ClassVar = {"paper": PAPER, "paper-3-steps": {**PAPER, "adaptation_steps": 3}}

    first_order: bool = False
    """Ignore how the inner gradient depends on the initialization (FOMAML)."""
    max_kl: float = 0.01
    """Trust region: bound on the mean KL divergence of the post-adaptation policies, in nats."""
    cg_iterations: int = 10
    """Conjugate-gradient iterations."""
    cg_damping: float = 1e-2
    """Added to the diagonal of the KL Hessian."""
    backtracks: int = 15
    """Attempts of the line search."""
    backtrack_ratio: float = 0.8
    """Factor by which the step shrinks at each attempt."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("cg_iterations", at_least=1)
        self.check_positive("max_kl", "cg_damping")
        self.check("backtracks", at_least=0)
        self.check_share("backtrack_ratio")


class MAML(GradientLearner[MAMLConfig]):
    """Trust-region policy optimization (Schulman et al. 2015) of the return after adaptation."""

    Config = MAMLConfig
    adaptation = "by policy-gradient steps"
    source = "Finn et al. 2017, arXiv:1703.03400"

    def optimizers(self) -> list[torch.optim.Optimizer]:
        return []  # a trust-region step keeps no state

    def update(self, trial: Trial, generator: torch.Generator, anchor: Anchor | None = None) -> dict[str, float]:
        # theta' = theta + alpha * grad J(theta)              on each rollout before the last
        # L = mean pi_theta' / pi_0 A                         on the last rollout, with A of the policy pi_0 that acted
        # L -= w KL(pi_theta, pi_anchor)                      on the first rollout, if there is an anchor
        # maximize L subject to KL(pi_0, pi_theta') <= max_kl: conjugate gradient, then a line search
        config = self.config
        before, after = self.before_and_after(trial)
        parts = partial(self.parts, before, after, anchored_at(trial, anchor))
        parameters = self.meta_parameters()
        origin = nn.utils.parameters_to_vector(parameters).detach()
        start, gradient = self._gradient(parts(), of="objective")

        def hessian_vector(vector: Tensor) -> Tensor:
            # The gradient g of the KL divergence is zero at the origin, so H v = g(s v) / s for a short step s. Exact
            # differentiation would go through the inner loop a third time and cost twenty times as much.
            step = _PROBE / vector.norm().clamp(min=1e-12)
            assign(parameters, origin + step * vector)
            _, change = self._gradient(parts(), of="kl")
            assign(parameters, origin)
            return change / step + config.cg_damping * vector

        direction = conjugate_gradient(hessian_vector, gradient, config.cg_iterations)
        curvature = direction @ hessian_vector(direction)
        full_step = (2.0 * config.max_kl / curvature.clamp(min=1e-12)).sqrt() * direction
        metrics = self._line_search(parts, start, origin, full_step)
        self.update_normalizer(trial)
        return {**metrics, **self.summary()}

    def losses(self, before: list[Samples], after: Samples, anchored: Anchored | None = None) -> dict[str, Tensor]:
        """Surrogate objective and KL divergence of the adapted policies, means over tasks."""
        start = self.start(len(after.mask))
        adapted = self.adapted(start, before, first_order=self.config.first_order)
        distribution = self.policy(adapted, after.observations)
        ratio = (distribution.log_prob(after.actions) - after.log_probs).exp()
        objective = task_mean(ratio * after.advantages, after.mask).mean()
        if anchored is not None:
            objective = objective - penalty(self.policy(start, before[0].observations), anchored, before[0])
        return {"objective": objective, "kl": task_mean(after.behavior.kl(distribution), after.mask).mean()}

    def _gradient(self, parts: list[Part], *, of: str) -> tuple[float, Tensor]:
        """Value and gradient ``[parameter]`` of the objective or the KL divergence."""
        values, gradient = gradients(parts, self.meta_parameters(), of=of)
        return values[of], torch.cat([part.flatten() for part in gradient])

    def _line_search(
        self, parts: Callable[[], list[Part]], start: float, origin: Tensor, full_step: Tensor
    ) -> dict[str, float]:
        """Takes the largest step that improves the objective within the trust region; none if there is no such step."""
        parameters = self.meta_parameters()
        for attempt in range(self.config.backtracks):
            size = self.config.backtrack_ratio**attempt
            assign(parameters, origin + size * full_step)
            reached = sums(parts(), self.device)
            if reached["objective"] > start and reached["kl"] <= self.config.max_kl:
                return {"objective": reached["objective"] - start, "kl": reached["kl"], "step": size}
        assign(parameters, origin)
        return {"objective": 0.0, "kl": 0.0, "step": 0.0}


def conjugate_gradient(product: Callable[[Tensor], Tensor], target: Tensor, iterations: int) -> Tensor:
    """Approximately solves ``H x = b`` for a positive definite H given as ``product(x) = H x``.

    Args:
        product: Multiplies a vector with H.
        target: b, ``[parameter]``.
        iterations: At most this many.

    Returns:
        x, ``[parameter]``.
    """
    x = torch.zeros_like(target)
    residual, direction = target.clone(), target.clone()
    squared = residual @ residual
    for _ in range(iterations):
        image = product(direction)
        alpha = squared / (direction @ image).clamp(min=1e-20)
        x = x + alpha * direction
        residual = residual - alpha * image
        new = residual @ residual
        if new < 1e-10:
            break
        direction = residual + (new / squared) * direction
        squared = new
    return x


@torch.no_grad()
def assign(parameters: Sequence[nn.Parameter], vector: Tensor) -> None:
    """Writes one vector ``[parameter]`` back into the parameters."""
    nn.utils.vector_to_parameters(vector, parameters)

"""Gradient-based meta-learning: a policy initialization and step sizes, adapted by policy gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn

from robotmeta.errors import unknown
from robotmeta.experience.observations import flatten
from robotmeta.experience.returns import discounted_returns, generalized_advantages, linear_feature_baseline
from robotmeta.experience.rollout import Belief, PolicyInput, Rollout, Trial
from robotmeta.metalearners.anchor import Anchored
from robotmeta.metalearners.inner_loop import SURROGATES, Samples, adapt, task_mean
from robotmeta.metalearners.parallel import Part, moments, normalize, run, task_means
from robotmeta.metalearners.protocol import LearnerConfig, MetaLearner, Sizes
from robotmeta.policies import DiagonalGaussian, GaussianMLP
from robotmeta.policies.mlp import per_task

_STEP = "adaptation_step"  # entry of a belief: the number of adaptation steps so far
PAPER: dict[str, Any] = {"meta_batch": 40, "episodes": 20}
"""Batch sizes as published (Finn et al. 2017). The defaults are much smaller."""

_CACHED_STEPS = 10_000  # control steps whose activations in layers of 64 units fit in the second-level cache


@dataclass(frozen=True)
class GradientConfig(LearnerConfig):
    """Hyper-parameters of the inner loop."""

    hidden: tuple[int, ...] = (64, 64)
    """Hidden layers of the policy."""
    init_std: float = 0.6
    """Standard deviation of actions at initialization."""
    min_std: float = 0.3
    """Floor of the standard deviation: the inner loop learns from exploration, so it must not die out."""
    inner_step: float = 0.4
    """Step size of adaptation; its initial value if it is learned."""
    learn_inner_step: bool = True
    """Learn step sizes, one for each parameter (Meta-SGD, Li et al. 2017) and step (MAML++, Antoniou et al. 2019)."""
    surrogate: str = "lvc"
    """Inner objective: lvc, log_likelihood or dice."""
    discount: float = 0.99
    """gamma."""
    gae_lambda: float = 1.0
    """lambda of generalized advantage estimation."""
    normalize_observations: bool = True
    """Scale observations by running statistics."""

    def fine_tuning(self) -> Self:
        return self

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_positive("init_std", "min_std")
        self.check_share("discount", "gae_lambda")
        self.check("inner_step", at_least=0)
        if self.surrogate not in SURROGATES:
            raise unknown("surrogate", self.surrogate, SURROGATES)
        self.check("adaptation_steps", at_least=1)  # there is no initialization to learn without a step from it


GradientConfigT = TypeVar("GradientConfigT", bound=GradientConfig)


class GradientLearner(MetaLearner[GradientConfigT], ABC):
    """Learns a policy initialization. An adaptation step is a policy-gradient step."""

    def __init__(self, sizes: Sizes, config: GradientConfigT, generator: torch.Generator) -> None:
        super().__init__(sizes, config, generator)
        self.policy = GaussianMLP(sizes.observation, sizes.action, config.hidden, config.init_std, config.min_std)
        initial = self.policy.initialize(generator)
        self.theta = nn.ParameterDict({name: nn.Parameter(value) for name, value in initial.items()})
        self.step_sizes = nn.ParameterDict(  # [adaptation step, ...]
            {
                name: nn.Parameter(
                    torch.full((config.adaptation_steps, *value.shape), config.inner_step),
                    requires_grad=config.learn_inner_step,
                )
                for name, value in initial.items()
            }
        )

    def begin(self, num_tasks: int, generator: torch.Generator | None = None) -> Belief:
        parameters = per_task({name: value.detach() for name, value in self.theta.items()}, num_tasks)
        return {**parameters, _STEP: torch.zeros(num_tasks, dtype=torch.long, device=self.device)}

    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[DiagonalGaussian, Belief]:
        distribution = self.policy(belief, self.observe(policy_input.observation))
        return distribution, belief

    def adapt(self, belief: Belief, rollout: Rollout) -> Belief:
        with torch.no_grad():
            steps = self.step_size(int(belief[_STEP][0]))
        samples = self.samples(rollout)

        def adapted(rows: slice) -> dict[str, Tensor]:
            parameters = {name: belief[name][rows] for name in self.theta}
            return adapt(self.policy, parameters, samples.tasks(rows), steps, surrogate=self.config.surrogate)

        pieces = run([partial(adapted, rows) for rows in self._slices(samples)], self.device)
        parameters = {name: torch.cat([piece[name] for piece in pieces]) for name in self.theta}
        return {**parameters, _STEP: belief[_STEP] + 1}

    def start_from(self, belief: Belief) -> bool:
        with torch.no_grad():
            for name, value in self.theta.items():
                value.copy_(belief[name][0])
        return True

    def distributions(self, trial: Trial) -> DiagonalGaussian:
        first = trial.rollouts[0]
        return self.policy(self.start(len(first.mask)), self.observe(first.observations))  # before adaptation

    def schedule(self, episodes: int) -> list[int]:
        """Adaptation steps of as many episodes as in meta-training, or as many steps of more episodes."""
        size, adaptation_steps = self.config.episodes, self.config.adaptation_steps
        if episodes <= size * adaptation_steps:
            full, rest = divmod(episodes, size)
            return [size] * full + [rest] * (rest > 0)
        return [episodes // adaptation_steps + (i < episodes % adaptation_steps) for i in range(adaptation_steps)]

    # -- for the outer loops -----------------------------------------------------------------------------------------

    def step_size(self, index: int) -> dict[str, Tensor]:
        """Step sizes of an adaptation step, at least 0. Steps that were not trained have those of the last one."""
        return {name: value[min(index, len(value) - 1)].clamp(min=0.0) for name, value in self.step_sizes.items()}

    def meta_parameters(self) -> list[nn.Parameter]:
        """Parameters that the outer loop trains: the initialization, and the step sizes if they are learned."""
        return [p for p in (*self.theta.values(), *self.step_sizes.values()) if p.requires_grad]

    def start(self, num_tasks: int) -> dict[str, Tensor]:
        """Each task's parameters before adaptation, as a differentiable function of the meta-parameters."""
        return per_task(dict(self.theta.items()), num_tasks)

    def adapted(
        self,
        parameters: dict[str, Tensor],
        trial: list[Samples],
        *,
        first_order: bool = False,
        distribution: DiagonalGaussian | None = None,
    ) -> dict[str, Tensor]:
        """Parameters after every adaptation step of the trial, as a differentiable function of the meta-parameters.

        Args:
            parameters: Parameters before adaptation, from :meth:`start`.
            trial: Samples of each adaptation step.
            first_order: See :func:`robotmeta.metalearners.inner_loop.adapt`.
            distribution: Action distributions before adaptation at the first samples, if already computed.
        """
        for index, samples in enumerate(trial):
            parameters = adapt(
                self.policy,
                parameters,
                samples,
                self.step_size(index),
                surrogate=self.config.surrogate,
                differentiable=True,
                first_order=first_order,
                distribution=distribution,
            )
            distribution = None
        return parameters

    @abstractmethod
    def losses(self, before: list[Samples], after: Samples, anchored: Anchored | None = None) -> dict[str, Tensor]:
        """Scalars of the outer loop by name, means over tasks.

        Args:
            before: Experience of each adaptation step.
            after: Experience of the adapted policies.
            anchored: What the initialization stays close to at the first of them; None for nothing.
        """

    def parts(self, before: list[Samples], after: Samples, anchored: Anchored | None = None) -> list[Part]:
        """The losses in parts of some tasks each."""

        def means(rows: slice) -> dict[str, Tensor]:
            there = None if anchored is None else anchored.at(rows)
            return self.losses([samples.tasks(rows) for samples in before], after.tasks(rows), there)

        return task_means(means, self._slices(after))

    def _slices(self, samples: Samples) -> list[slice]:
        """All tasks, as many at a time as have activations that fit in the processor's cache.

        With all tasks at once, activations go through main memory, and an update takes half as long again.
        """
        tasks, steps = len(samples.mask), samples.mask[0].numel()
        count = tasks if self.device.type == "cuda" else max(1, _CACHED_STEPS // steps)
        return [slice(first, min(first + count, tasks)) for first in range(0, tasks, count)]

    def summary(self) -> dict[str, float]:
        """Metrics after an update: mean standard deviation of actions and mean step size."""
        steps = torch.cat([step.detach().clamp(min=0.0).flatten() for step in self.step_sizes.values()])
        return {"std": self.theta["log_std"].detach().exp().mean().item(), "inner_step": steps.mean().item()}

    def update_normalizer(self, trial: Trial) -> None:
        """Updates the observation statistics. This comes last in a meta-update, which uses the previous ones."""
        if self.config.normalize_observations:
            self.normalizer.update(moments(trial.observations()))

    def before_and_after(self, trial: Trial) -> tuple[list[Samples], Samples]:
        """Samples of each adaptation step, and samples of the adapted policies."""
        *before, after = trial.rollouts
        return [self.samples(rollout) for rollout in before], self.samples(after, after.training_rewards)

    @torch.no_grad()
    def samples(self, rollout: Rollout, rewards: Tensor | None = None) -> Samples:
        """Normalized observations and advantages against a linear baseline fitted to each task.

        Args:
            rollout: Experience.
            rewards: Rewards to maximize, ``[task, episode, time]``; None for those of the rollout, without shaping.
        """
        config = self.config
        rewards = rollout.rewards if rewards is None else rewards
        returns = discounted_returns(rewards, config.discount)
        values = linear_feature_baseline(flatten(rollout.observations), returns, rollout.mask)
        # As in the published methods, the time limit counts as the end of the task, without bootstrapping.
        advantages = generalized_advantages(
            rewards,
            values,
            torch.zeros_like(values[..., 0]),
            rollout.mask,
            discount=config.discount,
            lam=config.gae_lambda,
        )
        behavior = rollout.distribution
        assert isinstance(behavior, DiagonalGaussian)  # this learner's policy is a GaussianMLP
        return Samples(
            observations=self.observe(rollout.observations),
            actions=rollout.actions,
            advantages=normalize(advantages, rollout.mask),
            mask=rollout.mask,
            behavior=behavior,
            log_probs=behavior.log_prob(rollout.actions),
            trace=config.discount * config.gae_lambda,
        )


def penalty(distribution: DiagonalGaussian, anchored: Anchored | None, samples: Samples) -> Tensor:
    """``w mean(KL(pi || pi_anchor))``, a mean over the steps of each task and over tasks; zero without an anchor.

    Args:
        distribution: pi at the samples.
        anchored: pi_anchor there; None for no penalty.
        samples: Experience.
    """
    if anchored is None:
        return torch.zeros((), device=samples.mask.device)
    return anchored.weight * task_mean(distribution.kl(anchored.distribution), samples.mask).mean()

"""The learner that fine-tuning trains, and the policy that it makes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import torch

from robotmeta.adaptation.recall import recalled
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Belief, Rollout
from robotmeta.metalearners import LEARNERS, LearnerConfig, MetaLearner
from robotmeta.policies import ObservationNormalizer
from robotmeta.policy import Policy


def tuned_config(policy: Policy, learning_rate: float | None) -> LearnerConfig:
    """The hyper-parameters with which a policy is fine-tuned.

    Raises:
        UserError: For a learner that cannot be fine-tuned, or a learning rate that it does not have.
    """
    config = policy.config.hyperparameters.fine_tuning()
    if config is None:
        able = [name for name, learner in LEARNERS.items() if learner.Config().fine_tuning() is not None]
        raise UserError(f"learner '{policy.config.learner}' cannot be fine-tuned; these can: {', '.join(able)}")
    if learning_rate is None:
        return config
    if not hasattr(config, "learning_rate"):
        raise UserError(f"learner '{policy.config.learner}' has no learning rate: leave learning_rate out")
    if not 0.0 < learning_rate < math.inf:
        raise UserError(f"learning_rate must be positive, not {learning_rate:g}")
    return dataclasses.replace(config, **{"learning_rate": learning_rate})


def rebuilt(learner: MetaLearner, config: LearnerConfig) -> MetaLearner:
    """A learner with the same weights, other hyper-parameters and new optimizers."""
    copy = type(learner)(learner.sizes, config, torch.Generator()).to(learner.device)
    copy.load_state_dict(learner.state_dict())
    return copy


class Candidate:
    """The learner that is trained, a copy with optimizers and exploration of its own.

    Args:
        policy: The policy to go on from. It stays as it is.
        config: The hyper-parameters.
        rollouts: What it experienced of the robot, if that is known.

    Attributes:
        learner: The learner.
    """

    def __init__(self, policy: Policy, config: LearnerConfig, rollouts: Sequence[Rollout] = ()) -> None:
        self._policy, self._rollouts = policy, [rollout.to(policy.learner.device) for rollout in rollouts]
        self.learner = rebuilt(policy.learner, config)
        self._knows = policy.belief is not None and self.learner.start_from(
            policy.belief
        )  # the belief is in the weights
        for module in self.learner.modules():
            if isinstance(module, ObservationNormalizer):
                module.frozen = True  # else a policy that no gradient has changed would act in another way

    def copy(self) -> MetaLearner:
        """The learner as it is now, with the same hyper-parameters."""
        return rebuilt(self.learner, self.learner.config)

    def check_finite(self) -> None:
        """Raises TrainingDiverged if a weight is not finite."""
        dataclasses.replace(self._policy, learner=self.learner, belief=None).check_finite()

    def policy(self) -> Policy:
        """The policy as it is now, a copy, with the belief that it acts from."""
        learner = rebuilt(self.learner, self._policy.config.hyperparameters)
        return dataclasses.replace(self._policy, learner=learner, belief=self._belief(learner))

    def _belief(self, learner: MetaLearner) -> Belief:
        """From the robot's episodes, with the weights of now; without episodes, the initial belief."""
        if self._rollouts and not self._knows:
            return recalled(learner, self._rollouts)
        return learner.begin(1)

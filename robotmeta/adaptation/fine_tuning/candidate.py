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
    trained = policy.config.hyperparameters
    if getattr(trained, "unroll_length", 0) >= policy.family.horizon:  # its parts were whole episodes
        trained = dataclasses.replace(trained, **{"unroll_length": 0})
    config = trained.fine_tuning()
    if config is None or not _says_what_it_would_do(type(policy.learner)):
        able = [name for name, learner in LEARNERS.items() if _can_be_tuned(learner)]
        raise UserError(f"learner '{policy.config.learner}' cannot be fine-tuned; these can: {', '.join(able)}")
    if learning_rate is None:
        return config
    if not hasattr(config, "learning_rate"):
        raise UserError(f"learner '{policy.config.learner}' has no learning rate: leave learning_rate out")
    if not 0.0 < learning_rate < math.inf:
        raise UserError(f"learning_rate must be positive, not {learning_rate:g}")
    return dataclasses.replace(config, **{"learning_rate": learning_rate})


def _can_be_tuned(learner: type[MetaLearner]) -> bool:
    return _says_what_it_would_do(learner) and learner.Config().fine_tuning() is not None


def _says_what_it_would_do(learner: type[MetaLearner]) -> bool:
    """Whether a learner can stay close to the policy that it began with."""
    return learner.distributions is not MetaLearner.distributions


def rebuilt(learner: MetaLearner, config: LearnerConfig) -> MetaLearner:
    """A learner with the same weights, other hyper-parameters and new optimizers."""
    copy = type(learner)(learner.sizes, config, torch.Generator()).to(learner.device)
    copy.load_state_dict(learner.state_dict())
    return copy


class Candidate:
    """The learner that is trained, a copy with optimizers and exploration of its own, and the policies that it makes.

    Args:
        policy: The adapted policy to go on from. It stays as it is.
        config: The hyper-parameters.
        rollouts: What it experienced of the robot, if that is known.
        of_robot: Whether it is trained in tasks that resemble the robot, so that it acts there from its belief about
            the robot. Otherwise it acts from its initial belief.

    Attributes:
        learner: The learner.
        start: The policy to go on from, with the belief that it acts from in simulation.
    """

    def __init__(self, policy: Policy, config: LearnerConfig, rollouts: Sequence[Rollout], *, of_robot: bool) -> None:
        self._robot, self._of_robot = policy, of_robot
        self._rollouts = [rollout.to(policy.learner.device) for rollout in rollouts]
        self.start = policy if of_robot else dataclasses.replace(policy, belief=initial(policy.learner))
        self.learner = rebuilt(policy.learner, config)
        assert self.start.belief is not None
        self._in_weights = self.learner.start_from(self.start.belief)
        for module in self.learner.modules():
            if isinstance(module, ObservationNormalizer):
                module.frozen = True  # else a policy that no gradient has changed would act in another way

    def copy(self) -> MetaLearner:
        """The learner as it is now, with the same hyper-parameters."""
        return rebuilt(self.learner, self.learner.config)

    def check_finite(self) -> None:
        """Raises TrainingDiverged if a weight is not finite."""
        dataclasses.replace(self.start, learner=self.learner, belief=None).check_finite()

    def policy(self) -> Policy:
        """The policy as it is now, a copy, with the belief that it acts from in simulation."""
        learner = rebuilt(self.learner, self.start.config.hyperparameters)
        belief = self._belief(learner) if self._of_robot else initial(learner)
        return dataclasses.replace(self.start, learner=learner, belief=belief)

    def for_robot(self, policy: Policy) -> Policy:
        """A policy that it made, with its belief about the robot."""
        if self._of_robot:
            return policy
        return dataclasses.replace(policy, belief=self._belief(policy.learner))

    def _belief(self, learner: MetaLearner) -> Belief:
        """What a learner with new weights believes about the robot."""
        if self._rollouts and not (self._in_weights and self._of_robot):
            return recalled(learner, self._rollouts)
        if self._in_weights or self._robot.belief is None:
            return initial(learner)
        return self._robot.belief


def initial(learner: MetaLearner) -> Belief:
    """The initial belief about one task, in memory of its own: it may be a view of the weights."""
    return {name: value.clone() for name, value in learner.begin(1).items()}

"""A policy whose belief a viewer can watch, reset, or keep from changing."""

from __future__ import annotations

import torch

from robotmeta.experience.rollout import Belief, PolicyInput
from robotmeta.metalearners import MetaLearner
from robotmeta.policies import ActionDistribution


class WatchedActor:
    """Acts as a learner does, and holds its belief about one task.

    Args:
        learner: The learner.
        belief: The belief to start from.

    Attributes:
        belief: The belief after the last action. It may be replaced at any time.
        adapts: Whether the belief goes on from step to step. Otherwise each step is the first one, from
            ``unadapted``: that is the control without adaptation.
        unadapted: The belief before any experience.
    """

    def __init__(self, learner: MetaLearner, belief: Belief) -> None:
        self._learner = learner
        self.belief, self.unadapted, self.adapts = belief, learner.begin(1), True

    @property
    def device(self) -> torch.device:
        """Device of the policy."""
        return self._learner.device

    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[ActionDistribution, Belief]:
        """The action distribution from the belief of this object, which takes the place of the one that is given."""
        if self.adapts:
            distribution, self.belief = self._learner.act(self.belief, policy_input, generator)
        else:
            fresh = policy_input._replace(
                action=torch.zeros_like(policy_input.action), reward=torch.zeros_like(policy_input.reward), start=True
            )
            distribution, self.belief = self._learner.act(self.unadapted, fresh, generator)
        return distribution, self.belief

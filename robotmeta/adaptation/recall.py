"""The belief that a learner forms from recorded episodes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from robotmeta.experience.rollout import Belief, PolicyInput, Rollout
from robotmeta.experience.trees import tree_map
from robotmeta.metalearners import MetaLearner


@torch.no_grad()
def recalled(learner: MetaLearner, rollouts: Sequence[Rollout]) -> Belief:
    """The belief after recorded rollouts, as if the learner had acted as the recorded policy did.

    Args:
        learner: The learner, of the same sizes as the one that was recorded. Its weights may be others.
        rollouts: Rollouts of the same tasks, with an adaptation step after each.
    """
    belief = learner.begin(len(rollouts[0].mask))
    for rollout in rollouts:
        for policy_input in _inputs(rollout):
            _, belief = learner.act(belief, policy_input)
        belief = learner.adapt(belief, rollout)
    return belief


def _inputs(rollout: Rollout) -> list[PolicyInput]:
    """What the policy observed before each step of a rollout."""
    happened = rollout.mask > 0
    inputs = []
    for t in range(happened.shape[-1]):
        active = happened[..., t]
        if not bool(active.any()):
            break

        def at(value: Tensor, t: int = t) -> Tensor:
            return value[:, :, t]

        before = max(t - 1, 0)
        action, reward = rollout.actions[:, :, before], rollout.rewards[:, :, before]
        inputs.append(
            PolicyInput(
                tree_map(at, rollout.observations),
                action if t else torch.zeros_like(action),
                reward if t else torch.zeros_like(reward),
                t == 0,
                None if bool(active.all()) else active,
            )
        )
    return inputs

"""The belief that a learner forms from recorded episodes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.envs import Estimate
from robotmeta.experience.rollout import Belief, PolicyInput, Rollout
from robotmeta.experience.trees import tree_map
from robotmeta.metalearners import MetaLearner
from robotmeta.policies import DiagonalGaussian
from robotmeta.policy import Policy
from robotmeta.threads import one_torch_thread


def recalled_estimates(policy: Policy, recorded: RecordedEpisodes) -> dict[str, Estimate] | None:
    """What a policy infers from recorded episodes, whoever acted in them.

    Args:
        policy: The policy.
        recorded: The episodes. The policy infers one after another, as in adaptation.

    Returns:
        Its estimate of each parameter. None for learners that make no estimates, for an oracle, which observes the
        task, and where a reward is not known.
    """
    if policy.config.hyperparameters.oracle or policy.estimates(policy.begin(1)) is None:
        return None
    if not len(recorded) or not bool(recorded.rewards.isfinite().all()):
        return None
    rollouts = [rollout.to(policy.learner.device) for rollout in _rollouts(recorded)]
    with one_torch_thread():
        return policy.estimates(recalled(policy.learner, rollouts, policy.begin(1)))


def _rollouts(recorded: RecordedEpisodes) -> list[Rollout]:
    """Each episode as a rollout. What was not recorded is empty, and the actions are those that were applied."""
    times = torch.arange(recorded.actions.shape[1])

    def rollout(episode: int) -> Rollout:
        length = int(recorded.lengths[episode])
        actions, no = recorded.actions[None, None, episode], torch.zeros(1, 1, dtype=torch.bool)
        return Rollout(
            observations=recorded.observations[None, None, episode, :-1],
            last_observations=recorded.observations[None, None, episode, length],
            actions=actions,
            rewards=recorded.rewards[None, None, episode],
            shaping_rewards=None,
            distribution=DiagonalGaussian(actions, torch.zeros_like(actions)),
            mask=(times < length).float()[None, None],
            terminated=no,
            diverged=no,
            success=None,
            distance=None,
            privileged_states=torch.zeros(1, 1, len(times) + 1, 0),
        )

    return [rollout(episode) for episode in range(len(recorded))]


@torch.no_grad()
def recalled(learner: MetaLearner, rollouts: Sequence[Rollout], belief: Belief | None = None) -> Belief:
    """The belief after recorded rollouts, as if the learner had acted as the recorded policy did.

    Args:
        learner: The learner, of the same sizes as the one that was recorded. Its weights may be others.
        rollouts: Rollouts of the same tasks, with an adaptation step after each.
        belief: The belief before them; None for the learner's initial one.
    """
    belief = learner.begin(len(rollouts[0].mask)) if belief is None else belief
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

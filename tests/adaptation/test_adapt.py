"""Adapting a trained policy to a task."""

from __future__ import annotations

import pytest

from robotmeta.adaptation.adapt import adapt as deploy
from robotmeta.training.train import Run
from tests.learning import same, weights


@pytest.mark.slow
def test_adaptation_is_deterministic_and_leaves_the_policy_unchanged(trained: Run) -> None:
    before = {name: value.clone() for name, value in weights(trained).items()}
    task = trained.policy.family.task(goal_x=0.3, goal_y=-0.2)
    first, second = (deploy(trained.policy, task, episodes=3, evaluation_episodes=2) for _ in range(2))
    assert first.policy.belief is not None
    assert second.policy.belief is not None
    assert same(dict(first.policy.belief), dict(second.policy.belief))
    assert (first.return_before, first.return_after) == (second.return_before, second.return_after)
    assert trained.policy.belief is None
    assert same(before, weights(trained))

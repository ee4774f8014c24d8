"""Evaluating a trained policy."""

from __future__ import annotations

import numpy as np
import pytest

from robotmeta.evaluation.evaluate import evaluate
from robotmeta.training.train import Run
from tests.learning import same, weights


@pytest.mark.slow
def test_evaluation_is_deterministic_and_leaves_the_policy_unchanged(trained: Run) -> None:
    before = {name: value.clone() for name, value in weights(trained).items()}
    first, second = (evaluate(trained.policy, tasks=3, episodes=2, threads=threads) for threads in (1, 2))
    assert first.returns.keys() == second.returns.keys()
    for name, curve in first.returns.items():
        other = second.returns[name]
        assert (curve is None) == (other is None)
        if curve is not None and other is not None:
            assert np.array_equal(curve.values, other.values)
            assert curve.values.shape == (3, 3)  # after 0, 1 and 2 episodes, 3 tasks
    assert first.tasks.digest == trained.policy.family.tasks("test", 3).digest
    assert same(before, weights(trained))

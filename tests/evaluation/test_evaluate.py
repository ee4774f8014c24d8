"""Evaluating a trained policy."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from robotmeta.envs import make
from robotmeta.errors import UserError
from robotmeta.evaluation.evaluate import evaluate
from robotmeta.evaluation.single_task import untrained
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


@pytest.mark.parametrize("episodes", [np.int64(2), np.arange(3), [0, np.int32(1), 2]])
def test_numbers_of_numpy_are_as_good_as_python_s(episodes: Any) -> None:
    tasks: Any = np.int64(1)
    found = evaluate(untrained(make("point-navigation")), tasks=tasks, episodes=episodes, controls=())
    assert json.loads(json.dumps(found.to_json()))["episodes"] == [0, 1, 2]


@pytest.mark.parametrize("episodes", [[0, 1.5], [0, 1.0], [[0], [1]], [False, True]])
def test_numbers_of_episodes_that_are_no_whole_numbers_are_refused(episodes: Any) -> None:
    with pytest.raises(UserError, match="episodes must be at least 1, or numbers that increase from 0"):
        evaluate(untrained(make("point-navigation")), tasks=1, episodes=episodes)


def test_no_tasks_are_one_line() -> None:
    policy = untrained(make("point-navigation"))
    with pytest.raises(UserError, match="there must be at least 1 task"):
        evaluate(policy, tasks=policy.family.tasks("test", 1)[:0])

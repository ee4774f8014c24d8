"""The stages after the belief, fit and fine-tuning, on tasks of a split."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import robotmeta as rm
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.errors import UserError
from robotmeta.evaluation import stages
from robotmeta.evaluation.stages import STAGES, StageSettings, measure_stages
from robotmeta.policy import Policy, new_policy
from tests.learning import short

BRIEF = StageSettings(fine_tune=100, episodes=1, evaluation_episodes=2, seed=0, simulator="auto")


pytestmark = pytest.mark.slow


def untrained(learner: str, **hyper: Any) -> Policy:
    return new_policy(RunConfig("point-navigation", learner, hyperparameters(learner, hyper)), family=short())


@pytest.fixture(scope="module")
def policy() -> Policy:
    return untrained("task-inference", meta_batch=2)


def test_a_measurement_goes_on_from_its_file(policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = policy.family.tasks("test", 2)
    seen: list[tuple[int, int]] = []
    whole = measure_stages(policy, None, tasks, BRIEF, on_task=lambda done, all_: seen.append((done, all_)))
    assert seen == [(0, 2), (1, 2), (2, 2)]
    out = tmp_path / "stages.json"
    measure_stages(policy, None, tasks[:1], BRIEF, out=out)
    assert len(json.loads(out.read_text())["tasks"]) == 1
    resumed = measure_stages(policy, None, tasks, BRIEF, out=out)
    for name in STAGES[:2]:
        np.testing.assert_array_equal(resumed.returns[name], whole.returns[name])

    def refuse(*_: Any) -> None:
        raise AssertionError("nothing is measured twice")

    monkeypatch.setattr(stages, "adapt", refuse)
    again = measure_stages(policy, None, tasks, BRIEF, out=out)
    np.testing.assert_array_equal(again.returns["fine_tuned"], whole.returns["fine_tuned"])


def test_equal_tasks_are_independent_measurements(policy: Policy) -> None:
    task = policy.family.task(goal_x=0.2, goal_y=0.1)
    twice = rm.Tasks(task.names, np.repeat(task.values, 2, axis=0))
    first, second = measure_stages(policy, None, twice, BRIEF).returns["fine_tuned"]
    assert first != second


@pytest.mark.parametrize("change", [{"seed": 1}, {"fine_tune": 200}, {"episodes": 2}])
def test_a_file_of_other_settings_is_not_continued(policy: Policy, tmp_path: Path, change: dict[str, Any]) -> None:
    tasks, out = policy.family.tasks("test", 1), tmp_path / "stages.json"
    out.write_text(json.dumps({"arguments": "another", "tasks": []}))
    with pytest.raises(UserError, match="another policy or of other settings"):
        measure_stages(policy, None, tasks, dataclasses.replace(BRIEF, **change), out=out)
    out.write_text("[]")
    with pytest.raises(UserError, match="does not hold stages"):
        measure_stages(policy, None, tasks, BRIEF, out=out)


def test_an_evaluation_has_the_stages_after_the_last_episode_alone(policy: Policy) -> None:
    control = untrained("domain-randomization", meta_batch=4, episodes=1)
    evaluation = rm.evaluate(
        policy, tasks=2, episodes=1, domain_randomized=control, fine_tune=100, evaluation_episodes=2
    )
    for name in STAGES:
        curve = evaluation.returns[name]
        assert curve is not None
        assert np.isnan(curve.values[0]).all()
        assert np.isfinite(curve.values[1]).all()
    assert "Fit and fine-tuning change the return by" in evaluation.verdict()
    assert "fit-fine-tuned" in {str(cell) for cell in evaluation.table().columns[0].cells}


def test_what_cannot_be_fine_tuned_is_refused_before_anything_runs(policy: Policy) -> None:
    with pytest.raises(UserError, match="budget of fine-tuning"):
        rm.evaluate(policy, tasks=1, episodes=1, fine_tune="soon")
    with pytest.raises(UserError, match="give fine_tune too"):
        rm.evaluate(policy, tasks=1, episodes=1, on_task=print)

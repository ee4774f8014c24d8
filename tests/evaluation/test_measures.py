"""Measures of episodes in an evaluation: means over the episodes and tasks in which a measure has a meaning."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.cli.evaluate import show
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs.state import Columns, State, Transition
from robotmeta.policy import Policy, new_policy

NAME = "point-navigation"


def start(state: State, generator: torch.Generator, task: Columns) -> State:
    return {"steps": torch.zeros_like(state["position"][..., 0])}


def advance(step: Transition) -> State:
    return {"steps": step.before["steps"] + 1.0}


def to_the_left(state: State, task: Columns) -> torch.Tensor:
    return torch.where(task["goal_x"] > 0.0, torch.nan, state["steps"])


@pytest.fixture(scope="module")
def policy() -> Policy:
    family = dataclasses.replace(
        rm.make(NAME),
        horizon=5,
        memory=rm.EpisodeMemory(start, advance),
        measures=(rm.Measure("steps", "1", lambda s, t: s["steps"]), rm.Measure("left", "m", to_the_left)),
    )
    config = RunConfig(NAME, "task-inference", hyperparameters("task-inference", {}))
    return new_policy(config, torch.device("cpu"), family)


def test_an_evaluation_has_the_measures_of_policy_and_controls(
    policy: Policy, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation = rm.evaluate(policy, tasks=12, episodes=1, controls=("zero_shot",))
    curves = evaluation.measures.curves["steps"]
    assert curves.keys() == {"adapted", "zero_shot"}
    assert np.array_equal(curves["adapted"].values, np.full((2, 12), 5.0))
    goals = evaluation.tasks.values[:, evaluation.tasks.names.index("goal_x")]
    left = evaluation.to_json()["measures"]["left"]
    assert left["unit"] == "m"
    assert left["adapted"]["tasks"] == int((goals <= 0.0).sum()) < 12
    assert left["adapted"]["mean"] == [5.0, 5.0]
    show(evaluation)
    printed = capsys.readouterr().out
    assert "measures after 1 episodes" in printed
    assert "left, m" in printed
    _, adapted, _ = evaluation.measures.table(1).columns
    whole, part = map(str, adapted.cells)
    assert "tasks" not in whole
    assert f", {left['adapted']['tasks']} of 12 tasks" in part


def test_a_family_without_measures_has_none_in_its_result() -> None:
    config = RunConfig(NAME, "task-inference", hyperparameters("task-inference", {}))
    plain = new_policy(config, torch.device("cpu"), dataclasses.replace(rm.make(NAME), horizon=2))
    evaluation = rm.evaluate(plain, tasks=2, episodes=1, controls=())
    assert not evaluation.measures
    assert "measures" not in evaluation.to_json()
    assert math.isfinite(evaluation.returns["adapted"].mean[0]) if evaluation.returns["adapted"] else False

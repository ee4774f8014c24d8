"""Which tasks and controls can be evaluated, and what happens if their simulation diverges."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.adaptation.adapt import adapt as deploy
from robotmeta.adapters.gymnasium_in import wrap
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import TaskFamily, make
from robotmeta.errors import SimulationDiverged, UserError
from robotmeta.evaluation.evaluate import evaluate
from robotmeta.policy import Policy, new_policy

_POINT = dataclasses.replace(make("point-navigation"), horizon=12)


def breaking_at(*tasks: int) -> TaskFamily:
    """A cheetah whose simulation diverges in some tasks of a batch."""
    family = dataclasses.replace(make("cheetah-direction"), horizon=6)

    def reset(nominal: Mapping[str, Tensor], noise: torch.Generator, task: Mapping[str, Tensor]) -> dict[str, Tensor]:
        state = dict(family.reset(nominal, noise, task))
        state["qvel"][[row for row in tasks if row < len(state["qvel"])], :, 0] = 1e12
        return state

    return dataclasses.replace(family, reset=reset)


def policy_for(family: TaskFamily) -> Policy:
    learner = "task-inference"
    config = RunConfig(family.name, learner, hyperparameters(learner, {"hidden_size": 16}))
    return new_policy(config, family=family)


def test_tasks_whose_simulation_diverges_are_left_out_of_an_evaluation_and_named() -> None:
    whole = evaluate(policy_for(breaking_at()), tasks=8, episodes=1)
    part = evaluate(policy_for(breaking_at(1, 6)), tasks=8, episodes=1)
    kept = [0, 2, 3, 4, 5, 7]
    assert (whole.diverged, part.diverged) == ((), (1, 6))
    assert np.array_equal(part.tasks.values, whole.tasks.values[kept])
    for name, curve in part.curves("return").items():
        np.testing.assert_array_equal(curve.values, whole.curves("return")[name].values[:, kept])
    assert part.verdict().endswith(
        " Left out, because a simulation diverged or numbers were not finite: tasks 1, 6 of 8."
    )
    assert (part.to_json()["tasks"], part.to_json()["diverged"]) == (6, [1, 6])


def test_evaluation_fails_if_every_simulation_diverges() -> None:
    policy = policy_for(breaking_at(0))
    with pytest.raises(SimulationDiverged, match="every"):
        evaluate(policy, tasks=1, episodes=1)
    with pytest.raises(SimulationDiverged):
        deploy(policy, policy.family.task(), episodes=1, evaluation_episodes=2)


def test_the_zero_shot_control_of_an_adapted_policy_is_not_adapted() -> None:
    policy = policy_for(_POINT)
    knows = policy.begin(1)
    adapted = dataclasses.replace(policy, belief={**knows, "hidden": torch.ones_like(knows["hidden"])})
    before, after = (
        evaluate(p, tasks=3, episodes=1, controls=("zero_shot",)).curves("return") for p in (policy, adapted)
    )
    np.testing.assert_array_equal(before["zero_shot"].values, after["zero_shot"].values)
    assert not np.array_equal(before["adapted"].values, after["adapted"].values)


def test_a_few_tasks_are_too_few_for_a_statement_about_the_family() -> None:
    result = evaluate(policy_for(_POINT), tasks=1, episodes=1)
    assert "1 task is too few to tell whether adaptation helps" in result.verdict()
    assert "do not overlap" not in result.verdict()


def test_tasks_of_another_family_are_refused() -> None:
    policy, other = policy_for(_POINT), make("cheetah-direction").task()
    for use in (lambda: evaluate(policy, tasks=other, episodes=1), lambda: deploy(policy, other, episodes=1)):
        with pytest.raises(UserError, match=r"not of the policy's family 'point-navigation', .* theirs are direction"):
            use()


def test_an_oracle_cannot_be_adapted_to_an_environment_without_parameters() -> None:
    name = "domain-randomization"
    oracle = new_policy(RunConfig("cheetah-direction", name, hyperparameters(name, {"oracle": True})))
    with pytest.raises(UserError, match="is an oracle"):
        deploy(oracle, wrap("HalfCheetah-v5", horizon=5), episodes=1)

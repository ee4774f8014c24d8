"""What is known about a robot, and which tasks it leaves."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import robotmeta as rm
from robotmeta.adaptation.known import known_values, tasks_with
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import Parameter
from robotmeta.envs.distributions import Uniform
from robotmeta.errors import UserError
from robotmeta.policy import Policy, new_policy
from tests.learning import HYPER, short


def untrained() -> Policy:
    chosen = hyperparameters("domain-randomization", HYPER["domain-randomization"])
    return new_policy(RunConfig("point-navigation", "domain-randomization", chosen), family=short(20))


def test_known_parameters_have_their_values_and_the_others_vary_as_in_training() -> None:
    tasks = tasks_with(rm.make("grasp"), {"shape": "capsule", "latency": 110.0}, seed=0).tasks
    columns = dict(zip(tasks.names, tasks.values.T, strict=True))
    assert set(columns["latency"]) == {110.0}
    assert len(set(columns["shape"])) == 1
    assert len(set(columns["friction"])) == len(tasks)
    low, high = rm.make("grasp").space["friction"].train.support
    assert low <= min(columns["friction"]) < max(columns["friction"]) <= high
    again = tasks_with(rm.make("grasp"), {"shape": "capsule", "latency": 110.0}, seed=0).tasks
    assert np.array_equal(tasks.values, again.values)


def test_others_are_drawn_in_proportion_to_what_is_known() -> None:
    tasks = tasks_with(rm.make("quadruped"), {"robot": "spot", "payload_x": 0.1}, seed=0).tasks
    columns = dict(zip(tasks.names, tasks.values.T, strict=True))
    trunk = rm.make("quadruped").robots["spot"]["trunk_mass"]
    assert set(columns["trunk_mass"]) == {trunk}
    assert 0.3 * trunk < max(columns["payload_mass"]) <= 0.4 * trunk


def test_a_command_that_is_known_is_one_that_is_given() -> None:
    family = rm.make("quadruped-commands")
    assert known_values(family, {"command_x": 0.3}) == {"command_x": 0.3, **family.space["command_x"].sets}


def test_a_robot_stands_for_all_of_its_numbers() -> None:
    family = rm.make("quadruped")
    values = known_values(family, {"robot": "go2", "friction": 0.7})
    assert values == {**family.robots["go2"], "friction": 0.7}


def test_a_parameter_that_only_fits_search_may_be_known_too() -> None:
    load = Parameter("load", "never varies in training", train=Uniform(0.0, 0.0), nominal=0.0, bounds=(0.0, 9.0))
    family = dataclasses.replace(short(20), fit_only=(load,))
    assert "load" not in tasks_with(family, {"goal_x": 0.4}, seed=0).tasks.names
    tasks = tasks_with(family, {"load": 3.0}, seed=0).tasks
    assert set(tasks.values[:, tasks.names.index("load")]) == {3.0}
    assert len(set(tasks.values[:, tasks.names.index("goal_x")])) == len(tasks)


def test_fine_tuning_without_a_fit_takes_place_in_what_is_known() -> None:
    policy = untrained()
    task = policy.family.task(goal_x=0.4, goal_y=-0.3)
    options: Any = {"episodes": 1, "evaluation_episodes": 0, "fine_tune": 2000}
    known = rm.adapt(policy, task, known={"goal_x": 0.4, "goal_y": -0.3}, **options).fine_tuned
    told = rm.adapt(policy, task, fine_tune_tasks=task, **options).fine_tuned
    anywhere = rm.adapt(policy, task, **options).fine_tuned
    assert known is not None
    assert told is not None
    assert anywhere is not None
    assert known.return_before == told.return_before != anywhere.return_before


def test_what_is_known_must_be_of_use_and_exist() -> None:
    policy = untrained()
    task = policy.family.task()
    with pytest.raises(UserError, match="known is for a fit or fine-tuning"):
        rm.adapt(policy, task, known={"goal_x": 0.4})
    with pytest.raises(UserError, match="no parameter 'goal_z'"):
        rm.adapt(policy, task, known={"goal_z": 0.4}, fine_tune=100)
    with pytest.raises(UserError, match="both say what to fine-tune in"):
        rm.adapt(policy, task, known={"goal_x": 0.4}, fine_tune=100, fine_tune_tasks=task)

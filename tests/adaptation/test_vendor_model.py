"""Fit and fine-tuning in a vendor's own model of the robot."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.adapters.vendor import robot_world
from robotmeta.envs import TaskBatchEnv
from tests.vendor_robots import Vendor

pytestmark = pytest.mark.slow
CONDITIONS = {"payload_mass": 2.0, "friction": 0.6, "speed": 0.4}
SEARCHED = ("payload_mass", "friction")


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> rm.VendorRobot:
    file = tmp_path_factory.mktemp("robot") / "vendor.xml"
    visual = '<geom type="mesh" mesh="shell" contype="0" conaffinity="0" group="2"/>'
    mesh = '<asset><mesh name="shell" vertex="0 0 0 .1 0 0 0 .1 0 0 0 .1"/></asset>'
    explicit = '<inertial pos="0 0 0" mass="7" diaginertia=".02 .1 .1"/>'
    file.write_text(Vendor().xml(body=explicit + visual, more=mesh))
    return rm.read_robot(file).under(**CONDITIONS)


@pytest.fixture(scope="module")
def policy() -> rm.Policy:
    return rm.load("pretrained:quadruped")


def known(robot: rm.VendorRobot) -> dict[str, float]:
    return {name: value for name, value in next(iter(robot.task)).items() if name not in SEARCHED}


def test_its_model_as_a_family_moves_as_the_robot_does(robot: rm.VendorRobot, policy: rm.Policy) -> None:
    family = robot.as_family(policy.family)
    assert family.space.names == policy.family.space.names
    seen = []
    for world, tasks in ((robot.family, robot.task), (family, family.task(**CONDITIONS))):
        env = TaskBatchEnv(world, 1, 1, threads=1)
        env.load(tasks)
        env.reset(torch.Generator().manual_seed(0))
        seen.append(torch.cat([env.step(torch.full((1, 1, 12), 0.2)).observation for _ in range(10)]))
    torch.testing.assert_close(seen[0], seen[1])


def test_networks_know_its_tasks_as_those_of_their_family(robot: rm.VendorRobot, policy: rm.Policy) -> None:
    task = robot.as_family(policy.family).task(**CONDITIONS)
    row = policy.family.task(**robot.row, **{n: v for n, v in next(iter(robot.task)).items()})
    encoded = robot.as_family(policy.family).encoding.encode(task)
    torch.testing.assert_close(encoded, policy.family.encoding.encode(row))


def test_a_fit_in_its_model_explains_it_and_finds_its_conditions(robot: rm.VendorRobot, policy: rm.Policy) -> None:
    short = dataclasses.replace(robot, family=dataclasses.replace(robot.family, horizon=40))
    found = rm.fit(policy, short, episodes=1, known=known(robot))
    assert found.explained
    assert found.parameters["payload_mass"].value == pytest.approx(2.0, abs=0.2)
    assert found.parameters["trunk_mass"].value == pytest.approx(robot.row["trunk_mass"])
    assert np.mean(list(found.after.values())) < 0.05


def test_another_environment_is_fitted_in_the_model_and_the_policy_stays_one_of_its_family(
    robot: rm.VendorRobot, policy: rm.Policy, tmp_path: Path
) -> None:
    short = dataclasses.replace(robot, family=dataclasses.replace(robot.family, horizon=10))
    with robot_world(short) as world:
        adapted = rm.adapt(
            policy,
            world,
            episodes=1,
            model=short,
            fit=True,
            known={**known(robot), "friction": 0.6},
            fine_tune=1000,
            force=True,
        )
    assert adapted.fit is not None
    assert adapted.fine_tuned is not None
    assert adapted.policy.family is policy.family
    assert adapted.fine_tuned.policy.family is policy.family
    rm.save_policy(adapted.policy, tmp_path / "a.safetensors")
    assert rm.load(tmp_path / "a.safetensors").family.name == "quadruped"


def test_conditions_of_the_robot_are_tasks_to_fine_tune_in(robot: rm.VendorRobot, policy: rm.Policy) -> None:
    family = robot.as_family(policy.family)
    assert np.array_equal(robot.tasks_of(family, robot.task).values, family.task(**CONDITIONS).values)
    short = dataclasses.replace(robot, family=dataclasses.replace(robot.family, horizon=10))
    adapted = rm.adapt(policy, short, episodes=1, evaluation_episodes=0, fine_tune=1000, fine_tune_tasks=short.task)
    in_family = dataclasses.replace(adapted.after_episodes, family=short.as_family(policy.family))
    again = rm.fine_tune(in_family, in_family.family.task(**CONDITIONS), budget=1000)
    assert adapted.fine_tuned is not None
    assert adapted.fine_tuned.return_before == again.return_before


def test_a_model_is_not_for_a_task(robot: rm.VendorRobot, policy: rm.Policy) -> None:
    task = policy.family.task()
    for call in (rm.fit, rm.adapt):
        with pytest.raises(rm.UserError, match="model is for an environment"):
            call(policy, task, model=robot)

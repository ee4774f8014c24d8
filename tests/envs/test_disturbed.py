"""Noise, bias, delay and loss of measurements, and pushes, as large as their columns say."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

import robotmeta as rm
from robotmeta.envs import TaskBatchEnv, TaskFamily, from_mjcf, make, scale
from robotmeta.envs.families import VARIANTS
from robotmeta.errors import UserError
from robotmeta.ranks import ALONE, Rank

ROBOT = """
<mujoco>
  <option gravity="0 0 0" timestep="0.01"/>
  <worldbody>
    <body name="base">
      <freejoint/>
      <geom type="sphere" size=".1" mass="1"/>
      <body name="arm" pos="0 0 .2">
        <joint name="hip" axis="0 0 1" armature="1"/>
        <geom name="arm" type="sphere" size=".05" mass=".1"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor joint="hip" ctrlrange="-1 1"/></actuator>
</mujoco>
"""
NOMINAL = {"arm_mass": 1.0}
MANY = 400  # episodes
SPREAD = 0.08  # relative error of a standard deviation or a share, over all of them
SENSORS = (rm.Sensor("encoders", ("hip",), noise=0.1, bias=0.2), rm.Sensor("gyro", ("turn",), noise=0.5))


def robot(sensors: tuple[rm.Sensor, ...] = SENSORS) -> TaskFamily:
    """A floating base with an arm that turns. Policies observe its angle, that to a target, and its speed."""
    family = from_mjcf(
        ROBOT,
        {"arm.mass": scale(0.5, 2.0)},
        lambda step: step.after["qvel"][..., 6],
        frame_skip=1,
        horizon=200,
        observe=lambda state, task: torch.stack(
            [state["qpos"][..., 7], 1.0 - state["qpos"][..., 7], state["qvel"][..., 6]], dim=-1
        ),
        observations=(("hip", "rad"), ("to_target", "rad"), ("turn", "rad/s")),
    )
    return dataclasses.replace(family, sensors=sensors)


def played(
    family: TaskFamily,
    steps: int,
    episodes: int = MANY,
    rank: Rank = ALONE,
    task: Mapping[str, float] | None = None,
) -> tuple[Tensor, Tensor, TaskBatchEnv]:
    """Observations and velocities of the base, ``[time, episode, ...]``, of one task, or the first test tasks."""
    env = TaskBatchEnv(family, 1 if task else 2, episodes, rank=rank)
    env.load(family.task(**task) if task else family.tasks("test", 2 * rank.count))
    observations, speeds = [env.reset(torch.Generator().manual_seed(0))], []
    for t in range(steps):
        step = env.step(torch.full((env.num_tasks, episodes, 1), 1.0 if t % 20 < 10 else -1.0))
        observations.append(step.observation)
        speeds.append(env.simulator.state["qvel"][..., :2].clone())
    return torch.stack(observations).squeeze(1), torch.stack(speeds).squeeze(1), env


def errors(family: TaskFamily, steps: int, **task: float) -> Tensor:
    """What the observations are off by, ``[time, episode, observation]``."""
    return played(family, steps, task=task)[0] - played(robot(), steps, task=NOMINAL)[0]


def test_noise_is_as_large_as_its_column_says_and_new_in_each_step() -> None:
    found = errors(rm.disturbed(robot(), noise=1.0), 20, encoders_noise=2.0)
    assert float(found[..., 0].std()) == pytest.approx(0.2, rel=SPREAD)
    assert abs(float((found[1:, :, 0] * found[:-1, :, 0]).mean())) < 0.1 * 0.2**2
    assert not found[..., 2].any(), "the nominal noise is none"
    assert bool((found[..., 0] != 0.0).all())


def test_a_bias_is_constant_in_an_episode_and_new_in_the_next_one() -> None:
    found = errors(rm.disturbed(robot(), bias=1.0), 5, encoders_bias=1.0)[..., 0]
    assert torch.allclose(found, found[:1].expand_as(found), atol=1e-6)
    assert float(found[0].std()) == pytest.approx(0.2, rel=2 * SPREAD)
    assert found[0].unique().numel() == MANY


def test_observations_that_are_made_of_one_reading_share_its_error() -> None:
    family = robot((rm.Sensor("encoders", (("hip", "-to_target"),), noise=0.1),))
    found = errors(rm.disturbed(family, noise=1.0), 3, encoders_noise=1.0)
    assert torch.allclose(found[..., 0], -found[..., 1], atol=1e-6)
    assert bool((found[..., 0] != 0.0).all())


@pytest.mark.parametrize(("milliseconds", "steps"), [(0.0, 0), (10.0, 1), (31.0, 4), (80.0, 8)])
def test_a_delay_is_exactly_as_many_steps(milliseconds: float, steps: int) -> None:
    seen, _, _ = played(rm.disturbed(robot(), delay_ms=50.0), 30, episodes=2, task={"sensor_delay": milliseconds})
    ideal, _, _ = played(robot(), 30, episodes=2, task=NOMINAL)
    for place in (0, 2):  # the angle to the target has no sensor here
        assert torch.equal(seen[steps:, :, place], ideal[: len(ideal) - steps, :, place])
        assert torch.equal(seen[:steps, :, place], ideal[:1, :, place].expand(steps, -1))
    assert torch.equal(seen[..., 1], ideal[..., 1])


def test_lost_measurements_repeat_the_last_one() -> None:
    seen, _, _ = played(rm.disturbed(robot(), dropped=0.5), 50, task={"dropped": 0.3})
    ideal, _, _ = played(robot(), 50, task=NOMINAL)
    repeated = (seen[1:, :, 0] == seen[:-1, :, 0]) & (ideal[1:, :, 0] != ideal[:-1, :, 0])
    assert float(repeated.float().mean()) == pytest.approx(0.3, abs=0.02)
    assert torch.equal(seen[1:, :, 0][~repeated], ideal[1:, :, 0][~repeated])
    assert torch.equal(seen[0], ideal[0])


def test_a_push_changes_the_velocity_of_the_base_by_what_it_says() -> None:
    _, speeds, _ = played(rm.disturbed(robot(), pushes=1.0, push_seconds=0.5), 100, task={"push": 0.7})
    changes = speeds.diff(dim=0).norm(dim=-1)
    pushed = changes > 0.01
    assert torch.allclose(changes[pushed], torch.tensor(0.7, dtype=torch.float64), atol=1e-6)
    assert float(pushed.float().mean()) == pytest.approx(0.01 / 0.5, rel=SPREAD)
    directions = speeds.diff(dim=0)[pushed]
    assert float(directions.mean(dim=0).norm()) < 0.1 * 0.7


@pytest.mark.parametrize("name", ["quadruped", "grasp"])
def test_a_disturbed_family_with_nominal_values_is_the_family_to_the_last_bit(name: str) -> None:
    family = make(name)
    settings: dict[str, Any] = {"noise": 1.0, "bias": 1.0, "delay_ms": 30.0, "dropped": 0.1}
    seen = []
    for variant in (family, rm.disturbed(family, **settings)):
        env = TaskBatchEnv(variant, 1, 2)
        observed = [env.reset(torch.Generator().manual_seed(0))]
        observed += [env.step(torch.full((1, 2, env.action_size), 0.2)).observation for _ in range(5)]
        seen.append(torch.stack(observed))
    assert torch.equal(*seen)
    assert rm.disturbed(family, name=name) == family


def test_disturbances_do_not_depend_on_the_number_of_ranks_or_of_another_episode_before() -> None:
    everything: dict[str, Any] = {"noise": 1.0, "bias": 1.0, "delay_ms": 30.0, "dropped": 0.3, "pushes": 1.0}
    family = rm.disturbed(robot(), **everything, push_seconds=0.1)
    env = TaskBatchEnv(family, 4, 3)
    env.load(family.tasks("test", 4))
    parts = [played(family, 10, episodes=3, rank=Rank(i, 2))[0] for i in range(2)]
    whole: list[Tensor] = []
    for _ in range(2):
        whole = [env.reset(torch.Generator().manual_seed(0))]
        whole += [env.step(torch.ones(4, 3, 1)).observation for _ in range(10)]
    assert torch.equal(torch.stack(whole), torch.cat(parts, dim=1))


def test_a_snapshot_goes_on_with_the_same_disturbances() -> None:
    everything: dict[str, Any] = {"noise": 1.0, "bias": 1.0, "delay_ms": 30.0, "dropped": 0.3, "pushes": 1.0}
    _, _, env = played(rm.disturbed(robot(), **everything, push_seconds=0.1), 10, episodes=3)
    snapshot = copy.deepcopy(env.snapshot())
    first = [env.step(torch.ones(2, 3, 1)).observation.clone() for _ in range(10)]
    env.restore(snapshot)
    assert torch.equal(torch.stack(first), torch.stack([env.step(torch.ones(2, 3, 1)).observation for _ in range(10)]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"noise": -1.0}, "imu_noise must be at least 0"),
        ({"noise": {"lidar": 1.0}}, "no group of sensors 'lidar' in family 'quadruped'; there are: imu, encoders"),
        ({"dropped": 1.0}, "dropped must be below 1, not 1: nothing would arrive"),
        ({"delay_ms": (30.0, 10.0)}, "must be in ascending order"),
        ({"delay_ms": float("nan")}, "sensor_delay"),
        ({"pushes": 1.0, "push_seconds": 0.0}, "push_seconds must be"),
    ],
)
def test_a_disturbance_that_cannot_be_is_one_line(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as error:
        rm.disturbed(make("quadruped"), **options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_family_without_sensors_or_a_floating_base_says_so() -> None:
    with pytest.raises(UserError, match="family 'cheetah-mass' states no sensors"):
        rm.disturbed(make("cheetah-mass"), noise=1.0)
    with pytest.raises(UserError, match="family 'cheetah-mass' states no sensors"):
        rm.disturbed(make("cheetah-mass"), delay_ms=10.0)
    with pytest.raises(UserError, match="family 'grasp' has no base that a push could move"):
        rm.disturbed(make("grasp"), pushes=1.0)
    with pytest.raises(UserError, match="no observation 'knee' in the sensor 'encoders' of family 'base'"):
        dataclasses.replace(robot(), name="base", sensors=(rm.Sensor("encoders", ("knee",), noise=0.1),))
    with pytest.raises(UserError, match="disturbed already"):
        rm.disturbed(rm.disturbed(robot(), noise=1.0), noise=1.0)
    assert rm.disturbed(make("hopper-dynamics"), pushes=1.0).space["push"].unit == "m/s"


def test_a_policy_acts_in_the_disturbed_variant_of_its_family() -> None:
    policy = rm.load("pretrained:quadruped", family="quadruped-disturbed")
    assert policy.family.name == "quadruped-disturbed"
    assert policy.family.task(robot="go1", imu_noise=2.0, push=0.5).names == policy.family.space.names
    assert make("quadruped-disturbed").encoding.size > policy.family.encoding.size, "who trains there infers them"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in VARIANTS if name.endswith("-disturbed")])
def test_every_variant_runs(name: str) -> None:
    family = make(name)
    assert family.name == name
    assert family.disturbances is not None
    env = TaskBatchEnv(family, 2, 1)
    env.load(family.tasks("test", 2))
    env.reset(torch.Generator().manual_seed(0))
    for _ in range(3):
        assert bool(env.step(torch.zeros(2, 1, family.action_size)).observation.isfinite().all())

"""Tasks that change within an episode: what may change, and that the state goes on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from robotmeta.envs import FAMILIES, Parameter, TaskBatchEnv, TaskFamily, from_mjcf, make, scale
from robotmeta.envs.changes import Changes
from robotmeta.envs.changing_env import ChangingEnv
from robotmeta.envs.distributions import Uniform
from robotmeta.envs.edits import ModelEdit, delay
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import UserError

SLED = """
<mujoco>
  <option gravity="0 0 0" timestep="0.01"/>
  <worldbody>
    <body name="sled">
      <joint name="x" type="slide" axis="1 0 0"/>
      <geom name="box" type="box" size=".1 .1 .1" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor joint="x" ctrlrange="-1 1" nsample="8"/></actuator>
  <sensor><accelerometer site="at"/></sensor>
</mujoco>
""".replace('<geom name="box"', '<site name="at"/><geom name="box"')
CHANGING = [name for name in FAMILIES if make(name).changing]


def sled(**changes: object) -> TaskFamily:
    """A mass of 0.5 to 2 kg on rails, pushed by 1 N; control steps of 10 ms."""
    family = from_mjcf(
        SLED,
        {"sled.mass": scale(0.5, 2.0)},
        lambda step: step.after["qvel"][..., 0],
        frame_skip=1,
        reset_noise=0.0,
        fields=("sensordata",),
        changing=("sled_mass",),
    )
    return dataclasses.replace(family, **changes)


def running(family: TaskFamily, steps: int = 5) -> TaskBatchEnv:
    env = TaskBatchEnv(family, 1, 2)
    env.reset(torch.Generator().manual_seed(0))
    for _ in range(steps):
        env.step(torch.ones(1, 2, env.action_size))
    return env


def test_a_change_keeps_the_state_and_acts_from_the_next_step_on() -> None:
    env = running(sled())
    before = {name: value.clone() for name, value in env.simulator.state.items()}
    env.change(env.family.task(sled_mass=2.0))
    for name in ("qpos", "qvel"):
        assert torch.equal(env.simulator.state[name], before[name])
    env.step(torch.ones(1, 2, 1))
    gained = env.simulator.state["qvel"] - before["qvel"]
    assert torch.allclose(gained, torch.tensor(0.01 / 2.0, dtype=torch.float64), rtol=1e-6)
    assert torch.allclose(env.simulator.state["sensordata"][..., 0], torch.tensor(0.5, dtype=torch.float64))


@pytest.mark.parametrize("name", ["grasp", "quadruped"])
def test_a_change_to_the_same_task_changes_nothing(name: str) -> None:
    family = make(name)
    one, other = running(family, 20), running(family, 20)
    other.change(other.tasks)
    for _ in range(5):
        actions = torch.full((1, 2, family.action_size), 0.3)
        assert torch.allclose(one.step(actions).observation, other.step(actions).observation, atol=1e-9)


def test_delayed_controls_arrive_after_a_change_of_the_delay() -> None:
    latency = Parameter(
        "latency", "delay", train=Uniform(0.0, 50.0), nominal=0.0, bounds=(0.0, 70.0), edits=(ModelEdit(delay),)
    )
    space = dataclasses.replace(sled().space, parameters=(*sled().space.parameters, latency))
    env = running(sled(space=space, changing=("latency",)), steps=0)
    env.load(env.family.task(latency=30.0))
    env.reset(torch.Generator().manual_seed(0))
    speeds = []
    for time in range(8):
        if time == 2:  # the two controls of 1 are on their way, and now take two steps longer
            env.change(env.family.task(latency=50.0))
        env.step(torch.full((1, 2, 1), float(time < 2)))
        speeds.append(float(env.simulator.state["qvel"][0, 0, 0]))
    assert speeds == pytest.approx([0.0] * 5 + [0.01, 0.02, 0.02])


def test_a_parameter_that_is_not_listed_cannot_change() -> None:
    env = running(make("quadruped"), 0)
    with pytest.raises(
        UserError, match=r"^family 'quadruped': thigh_length cannot change within an episode; these can"
    ):
        env.change(env.family.task(thigh_length=0.3))
    with pytest.raises(UserError, match=r"^family 'cheetah-mass' has no changing split"):
        make("cheetah-mass").changes()
    with pytest.raises(UserError, match=r"no parameter 'mass' in changing of family"):
        sled(changing=("mass",))
    with pytest.raises(UserError, match="pairs of tasks, for evaluate"):
        sled().tasks("changing")
    with pytest.raises(UserError, match=r"no split 'chnging'; nearest: changing \(also test, ood, robots\)"):
        make("quadruped").tasks("chnging")
    with pytest.raises(UserError, match="must be from 1 to 199, not 200"):
        sled().changes(3, step=200)


@pytest.mark.parametrize("name", CHANGING)
def test_each_pair_differs_in_one_parameter_that_was_nominal(name: str) -> None:
    family = make(name)
    changes = family.changes(3 * len(family.changing))
    assert changes.after.digest == family.tasks("test", len(changes)).digest
    for before, after, changed in zip(changes.before, changes.after, changes.parameters, strict=True):
        assert [p for p in family.space.names if before[p] != after[p]] == [changed]
        assert before[changed] == family.space[changed].nominal
    assert set(changes.parameters) == set(family.changing)


@pytest.mark.parametrize("name", CHANGING)
def test_what_changes_leaves_the_initial_pose_and_the_layout(name: str) -> None:
    family = make(name)
    assert isinstance(family.world, MujocoWorld)
    build = ModelBuilder(family.world.spec, family.space)
    for parameter in family.changing:
        for value in family.space[parameter].extremes():
            (model,) = build(family.task(**{parameter: value}))
            assert np.array_equal(model.qpos0, build.nominal.qpos0)
            assert np.array_equal(model.eq_active0, build.nominal.eq_active0)


def test_every_episode_begins_before_the_change() -> None:
    family = sled()
    env = TaskBatchEnv(family, 1, 2)
    changing = ChangingEnv(env, Changes(family.task(), family.task(sled_mass=2.0), 3))
    for _ in range(2):
        changing.reset(torch.Generator().manual_seed(0))
        rewards = [float(changing.step(torch.ones(1, 2, 1)).reward[0, 0]) for _ in range(5)]
        assert np.diff([0.0, *rewards]) == pytest.approx([0.01, 0.01, 0.01, 0.005, 0.005], rel=1e-4)

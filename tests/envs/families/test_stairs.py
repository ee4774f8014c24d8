"""Quadrupeds on stairs: what they walk on, what they see, and what is held out."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

from robotmeta.envs import TaskBatchEnv, TaskFamily, Tasks, make
from robotmeta.envs.families.legged.measurements import DT
from robotmeta.envs.families.quadruped.measurements import feet
from robotmeta.envs.families.quadruped.model import LEGS, standing_height
from robotmeta.envs.families.quadruped.stairs import steps_high
from robotmeta.envs.family import MujocoWorld, Transition
from robotmeta.envs.models import ModelBuilder
from robotmeta.envs.terrain.kinds import KINDS

BLIND, SIGHTED = make("quadruped-stairs"), make("quadruped-stairs-sighted")
BOTH = pytest.mark.parametrize("family", [BLIND, SIGHTED], ids=lambda family: family.name)


def relief(family: TaskFamily, kind: str, difficulty: float, **robot: float) -> np.ndarray:
    """Heights of the ground along x in the task's model, from where the robot starts, in leg lengths."""
    assert isinstance(family.world, MujocoWorld)
    row = family.task(terrain=kind, difficulty=difficulty, terrain_seed=0.0, **robot)
    (model,) = ModelBuilder(family.world.spec, family.space)(row)
    (task,) = row
    ground = model.hfield_data.reshape(model.hfield_nrow[0], model.hfield_ncol[0])[model.hfield_nrow[0] // 2]
    stretch = model.hfield_size[0, 2]
    middle = len(ground) // 2
    return (ground[middle:] - ground[middle]) * stretch / (task["thigh_length"] + task["calf_length"])


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("robot", [{}, {"thigh_length": 0.3, "calf_length": 0.35}])
def test_stairs_and_gaps_have_the_size_of_their_level(family: TaskFamily, robot: dict[str, float]) -> None:
    for difficulty in (0.5, 1.0):
        stairs = relief(family, "stairs", difficulty, **robot)
        levels = np.unique(np.round(stairs, 3))
        np.testing.assert_allclose(levels, 0.4 * difficulty * np.arange(6), atol=2e-3)
    gaps = relief(family, "gaps", 1.0, **robot) < -0.25
    cell = 0.0625 / 1.1  # leg lengths
    edges = np.flatnonzero(np.diff(gaps.astype(int)))
    widths = np.diff(edges)[::2] * cell
    assert np.all(np.abs(widths - 0.5) < 1.01 * cell)


@BOTH
def test_higher_stairs_and_wider_gaps_than_in_training_are_held_out(family: TaskFamily) -> None:
    train, ood = family.sample(500, np.random.default_rng(0)), family.tasks("ood", 200)
    kind, difficulty, seed = (family.space.names.index(n) for n in ("terrain", "difficulty", "terrain_seed"))
    assert set(train.values[:, kind]) == set(ood.values[:, kind]) == {float(k) for k in range(1, len(KINDS))}
    assert train.values[:, difficulty].max() + 0.09 < ood.values[:, difficulty].min()
    assert not set(train.values[:, seed]) & set(ood.values[:, seed])
    assert family.curriculum is not None
    assert family.curriculum.levels[-1] == pytest.approx(family.space["difficulty"].train.support[1])


def test_the_sighted_robot_sees_what_the_blind_one_does_and_the_ground() -> None:
    tasks = Tasks(BLIND.space.names, np.concatenate([_on("stairs", 0.6).values, _on("flat", 0.0).values]))
    worlds = []
    for family in (BLIND, SIGHTED):
        env = TaskBatchEnv(family, 2, 1)
        env.load(tasks)
        worlds.append(env.reset(torch.Generator().manual_seed(0)))
    own = BLIND.observation_size
    assert SIGHTED.observations[:own] == BLIND.observations
    assert torch.equal(worlds[1][..., :own], worlds[0])
    ground = worlds[1][..., own:]
    assert float(ground[1].std()) < 1e-6
    assert float(ground[0].max() - ground[0].min()) > 0.2
    scan = next(sensor for sensor in SIGHTED.sensors if sensor.group == "scan")
    assert list(scan.observed()) == [name for name, _ in SIGHTED.observations[own:]]


def _on(kind: str, difficulty: float) -> Tasks:
    return BLIND.task(terrain=kind, difficulty=difficulty, trunk_length=0.3)


def test_the_critic_of_the_blind_robot_knows_the_ground_and_the_robot_does_not() -> None:
    heights = [name for name, _ in BLIND.privileged_state if name.startswith("ground")]
    assert len(heights) == 12
    assert not any(name.startswith("ground") for name, _ in BLIND.observations)


def test_progress_is_the_share_of_the_commanded_distance() -> None:
    curriculum = BLIND.curriculum
    assert curriculum is not None
    assert curriculum.progress is not None
    task = BLIND.task(speed=0.4).columns()
    told = 0.4 * np.sqrt(9.81 * (BLIND.space["thigh_length"].nominal + BLIND.space["calf_length"].nominal)) * 5.0
    for share, expected in ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (1.2, 0.8), (-0.3, 0.0)):
        state = {"qpos": torch.tensor([[[share * told, 0.0, 0.3]]])}
        assert float(curriculum.progress(state, task)) == pytest.approx(expected, abs=1e-4)


def test_disturbed_families_keep_their_curriculum() -> None:
    for name in ("quadruped-stairs-disturbed", "quadruped-stairs-sighted-disturbed"):
        family = make(name)
        assert family.curriculum is not None
        assert "push" in family.space.names
    assert "scan_noise" in make("quadruped-stairs-sighted-disturbed").space.names


def test_the_family_with_held_out_kinds_is_as_it_was() -> None:
    family = make("quadruped-terrain")
    assert family.space.digest == "bc3a42ebc5d7d12a"
    assert family.curriculum is None


def test_feet_are_where_the_simulator_has_them() -> None:
    assert isinstance(BLIND.world, MujocoWorld)
    tasks, draw = BLIND.tasks("test", 3), np.random.default_rng(0)
    poses, centres = [], []
    for model in ModelBuilder(BLIND.world.spec, BLIND.space)(tasks):
        data = mujoco.MjData(model)
        turn = draw.normal(size=4)
        data.qpos[:] = np.concatenate([draw.normal(size=3), turn / np.linalg.norm(turn), draw.uniform(-0.5, 0.5, 12)])
        mujoco.mj_kinematics(model, data)
        poses.append(data.qpos.copy())
        centres.append([data.geom(f"{leg}_foot").xpos.copy() for leg in LEGS])
    found = feet({"qpos": torch.tensor(np.array(poses))[:, None]}, tasks.columns())
    np.testing.assert_allclose(found[:, 0].numpy(), np.array(centres), atol=1e-5)


def test_feet_that_move_along_near_the_ground_cost_reward() -> None:
    task = BLIND.task(terrain="flat", speed=0.4).columns()
    thigh, calf = (float(task[name]) for name in ("thigh_length", "calf_length"))
    leg, low = thigh + calf, standing_height(thigh, calf)
    told = 0.4 * np.sqrt(9.81 * leg) * DT  # metres in a control step
    for raised, share, expected in ((0, 1, 0.5), (0.1, 1, 0.75), (0.2, 1, 1), (0, 0.5, 0.75), (0, 0, 1), (0, 3, 0.5)):
        poses = (torch.tensor([[[x, 0, low + raised * leg, 1, *[0.0] * 15]]]) for x in (0.0, share * told))
        before, after = ({"qpos": pose} for pose in poses)
        step = Transition(before, torch.zeros(1, 1, 12), after, task)
        assert float(steps_high(step)) == pytest.approx(expected, abs=1e-3)

"""Sums and differences of states agree with MuJoCo's, and states continue in other worlds."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.envs import TaskBatchEnv
from robotmeta.envs.state_space import StateSpace

MODEL = mujoco.MjModel.from_xml_string(
    """<mujoco><worldbody>
    <body><freejoint/><geom size="0.1"/>
      <body><joint type="ball"/><geom size="0.1" pos="1 0 0"/>
        <body><joint type="hinge"/><geom size="0.1" pos="0 1 0"/></body></body></body>
    <body><joint type="slide"/><geom size="0.1"/></body>
    </worldbody></mujoco>"""
)


def test_differences_are_those_of_mujoco() -> None:
    space = StateSpace.of_model(MODEL)
    rng = np.random.default_rng(0)
    start, end, moved = np.zeros(MODEL.nq), np.zeros(MODEL.nq), rng.normal(size=MODEL.nv)
    mujoco.mj_integratePos(MODEL, start, rng.normal(size=MODEL.nv), 1.0)
    start = MODEL.qpos0.copy()
    mujoco.mj_integratePos(MODEL, start, rng.normal(size=MODEL.nv), 1.0)
    end[:] = start
    mujoco.mj_integratePos(MODEL, end, moved, 1.0)
    velocity = rng.normal(size=(2, MODEL.nv))
    a = {"qpos": torch.from_numpy(start), "qvel": torch.from_numpy(velocity[0])}
    b = {"qpos": torch.from_numpy(end), "qvel": torch.from_numpy(velocity[1])}
    difference = space.minus(b, a)
    assert space.size == 2 * MODEL.nv
    assert difference.numpy() == pytest.approx(np.concatenate([moved, velocity[1] - velocity[0]]), abs=1e-9)
    back = space.plus(a, difference)
    assert back["qpos"].numpy() == pytest.approx(end, abs=1e-9)


@pytest.mark.parametrize("name", ["grasp", "quadruped", "fetch-push", "cheetah-dynamics", "point-navigation"])
def test_a_full_state_continues_in_worlds_of_another_environment(name: str) -> None:
    family = rm.make(name)
    task = family.tasks("test", 1)  # among others with delayed actions
    env, other = TaskBatchEnv(family, 1, 2), TaskBatchEnv(family, 3, 2)
    env.load(task)
    other.load(task.repeat(3))
    generator = torch.Generator().manual_seed(0)
    seen = env.reset(generator)
    actions = 0.5 * torch.randn(12, 1, 2, family.action_size, generator=generator)
    for action in actions[:6]:
        seen = env.step(action).observation
    again = other.start(env.simulator.full_state)
    assert torch.allclose(again, seen.expand(3, -1, -1), atol=1e-5)
    for action in actions[6:]:
        seen, again = env.step(action).observation, other.step(action.expand(3, -1, -1)).observation
        assert torch.allclose(again, seen.expand(3, -1, -1), atol=1e-5)

"""The gripper: its model, and how actions move its targets."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest
import torch

from robotmeta.envs.families.gripper.model import GRIP, HEIGHT, LIFT, LONGEST_DELAY, OPENING, SPEEDS, TIMESTEP, gripper
from tests.envs.families.gripping import BUILD, GRASP, PUSH, REACH, SLIDE, acting, seen, worlds


def test_the_model_ships_with_the_package() -> None:
    folder = files("robotmeta") / "assets" / "gripper"
    assert (folder / "gripper.xml").is_file()
    assert (folder / "README.md").is_file()


def test_the_constants_are_those_of_the_model() -> None:
    model = gripper().compile()
    assert model.opt.timestep == TIMESTEP
    speeds = model.actuator_gainprm[:, 0] / -model.actuator_biasprm[:, 1]
    np.testing.assert_allclose(speeds, list(SPEEDS.values()))
    assert [model.actuator(i).name for i in range(model.nu)] == list(SPEEDS)
    assert model.actuator("fingers").forcerange.tolist() == [-GRIP, GRIP]
    assert model.actuator("z").forcerange.tolist() == [-LIFT, LIFT]
    assert model.body("hand").pos[2] == HEIGHT
    inner = model.body("left_finger").pos[1] + model.geom("left_pad").pos[1] - model.geom("left_pad").size[1]
    assert 2 * inner == pytest.approx(OPENING)
    delayed = (model.actuator_history[:, 0] - 1) * TIMESTEP
    assert delayed.min() >= 1e-3 * LONGEST_DELAY


@pytest.mark.parametrize("name", SPEEDS)
def test_an_action_moves_a_target_at_full_speed_and_none_holds_it(name: str) -> None:
    env = worlds(GRASP, GRASP.task())
    axis = list(SPEEDS).index(name)
    start = env.simulator.state["act"].clone()
    direction = torch.zeros(env.action_size).index_fill(0, torch.tensor(axis), 1.0)
    for _ in range(3):
        env.step(direction.expand(1, 1, -1))
    moved = (env.simulator.state["act"] - start)[0, 0]
    expected = torch.zeros(env.action_size, dtype=torch.float64)
    expected[axis] = 3 * GRASP.dt
    torch.testing.assert_close(moved, expected, atol=1e-12, rtol=0.0)
    for _ in range(25):
        env.step(acting(env))
    hand = seen(env)
    assert abs(hand["closure_target" if name == "fingers" else f"{name}_target"]) < 1e-3
    still = env.simulator.state["qpos"].clone()
    env.step(acting(env))
    torch.testing.assert_close(env.simulator.state["qpos"], still, atol=1e-4, rtol=0.0)


def test_a_hand_left_alone_stays_where_the_episode_starts() -> None:
    for family in (REACH, PUSH, SLIDE, GRASP):
        env = worlds(family, family.task(), episodes=4)
        start = env.simulator.state["qpos"].clone()
        for _ in range(family.horizon):
            env.step(acting(env))
        torch.testing.assert_close(env.simulator.state["qpos"], start, atol=1e-4, rtol=0.0)


def test_targets_stay_within_the_workspace() -> None:
    env = worlds(GRASP, GRASP.task())
    low, high = BUILD["grasp"].nominal.actuator_actrange.T
    for sign, bound in ((1.0, high), (-1.0, low)):
        for _ in range(100):
            env.step(acting(env, *[sign] * 5))
        np.testing.assert_allclose(env.simulator.state["act"][0, 0], bound)
    lowest = env.simulator.state["qpos"][0, 0, 2] + HEIGHT - float(BUILD["grasp"].nominal.geom("left_pad").size[2])
    assert lowest > 0.0  # pads above the table, which they do not collide with

"""The gripper's hand: each of its numbers does what it says."""

from __future__ import annotations

import math

import mujoco
import pytest
import torch

from robotmeta.envs.families import object_state
from robotmeta.envs.families.gripper.model import GRIP
from tests.envs.families.gripping import (
    BUILD,
    GRASP,
    GRAVITY,
    PUSH,
    REACH,
    SLIDE,
    acting,
    data_of,
    model_of,
    put_between_the_pads,
    seen,
    worlds,
)


@pytest.mark.parametrize(("milliseconds", "substeps"), [(0.0, 0), (10.0, 1), (33.0, 4), (80.0, 8), (200.0, 20)])
def test_latency_delays_a_target_by_its_substeps_rounded_up(milliseconds: float, substeps: int) -> None:
    model = model_of(GRASP, latency=milliseconds)
    data = mujoco.MjData(model)
    for _ in range(30):
        mujoco.mj_step(model, data)
    data.ctrl[:] = 1.0
    moved = []
    for _ in range(25):
        mujoco.mj_step(model, data)
        moved.append(bool((data.act > 0.0).all()))
    assert moved.index(True) == substeps


def test_controls_of_one_episode_do_not_arrive_in_the_next() -> None:
    env = worlds(GRASP, GRASP.task(latency=200.0))
    first = env.reset(torch.Generator().manual_seed(0))
    fresh = [env.step(acting(env)).observation for _ in range(6)]
    for _ in range(6):
        env.step(acting(env, *[1.0] * 5))
    assert torch.equal(env.reset(torch.Generator().manual_seed(0)), first)
    assert torch.equal(torch.stack([env.step(acting(env)).observation for _ in range(6)]), torch.stack(fresh))


def test_a_load_lets_the_hand_sag_by_its_weight_over_the_stiffness() -> None:
    for payload, strength in ((0.5, 1.0), (1.0, 1.0), (1.0, 0.5)):
        env = worlds(REACH, REACH.task(payload=payload, strength=strength))
        for _ in range(50):
            env.step(acting(env))
        stiffness = -strength * BUILD["reach"].nominal.actuator("z").biasprm[1]
        assert seen(env)["z_target"] == pytest.approx(payload * GRAVITY / stiffness, rel=1e-3)


@pytest.mark.parametrize("split", ["test", "ood"])
def test_every_hand_that_a_policy_is_measured_on_can_hold_its_load(split: str) -> None:
    env = worlds(REACH, REACH.tasks(split, 100))
    before = env.simulator.state["qpos"].clone()
    for _ in range(REACH.horizon):
        env.step(acting(env))
    assert float((env.simulator.state["qpos"] - before).abs().max()) < 0.02


def test_a_weak_hand_is_slower() -> None:
    env = worlds(REACH, *(REACH.task(strength=strength) for strength in (0.5, 1.0, 1.5)))
    env.simulator.state["qpos"][:] = env.simulator.state["act"][:] = 0.0
    for _ in range(4):
        env.step(acting(env, 1.0, 0.0, 0.0))
    travelled = env.simulator.state["qpos"][:, 0, 0]
    assert travelled[0] < travelled[1] - 1e-3 < travelled[2] - 2e-3


@pytest.mark.parametrize("turn", [-1.0, 0.0, 0.7])
def test_a_turned_gantry_moves_the_hand_another_way(turn: float) -> None:
    env = worlds(REACH, REACH.task(gantry_turn=turn))
    before = seen(env)
    for _ in range(5):
        env.step(acting(env, 1.0, 0.0, 0.0))
    after = seen(env)
    assert math.atan2(after["y"] - before["y"], after["x"] - before["x"]) == pytest.approx(turn, abs=1e-5)
    data = data_of(env)
    assert data.body("hand").xpos[:2].tolist() == pytest.approx([after["x"], after["y"]], abs=1e-6)


@pytest.mark.parametrize("strength", [0.8, 1.4])
def test_the_fingers_squeeze_with_the_force_their_strength_allows(strength: float) -> None:
    env = worlds(GRASP, GRASP.task(finger_strength=strength))
    put_between_the_pads(env)
    for _ in range(60):
        env.step(acting(env, 0.0, 0.0, 0.0, 0.0, 1.0))
    hand = seen(env)
    assert hand["left_touch"] == pytest.approx(strength * GRIP, rel=0.01)
    assert hand["right_touch"] == pytest.approx(strength * GRIP, rel=0.01)


def test_the_width_of_a_finger_is_that_of_both_pads() -> None:
    model = model_of(GRASP, finger_width=0.024)
    assert model.geom("left_pad").size[0] == model.geom("right_pad").size[0] == 0.012


def test_a_heavier_object_is_slower_to_push() -> None:
    env = worlds(PUSH, *(PUSH.task(mass=mass, table_friction=0.3, strength=0.5) for mass in (0.1, 0.5, 1.0, 3.0)))
    state = env.simulator.state
    state["qpos"][:] = state["qpos"][0]
    state["qpos"][..., 1] = state["qpos"][..., 3] = 0.0
    for _ in range(8):
        env.step(acting(env, 1.0, 0.0))
    travelled = object_state.position(state)[:, 0, 0].tolist()
    assert travelled == sorted(travelled, reverse=True)
    assert travelled[0] > travelled[-1] + 0.01


def test_the_slipperier_the_table_the_farther_an_object_slides_on_when_the_hand_stops() -> None:
    frictions = (0.1, 0.3, 1.0)
    env = worlds(PUSH, *(PUSH.task(table_friction=friction) for friction in frictions))
    state = env.simulator.state
    state["qpos"][:] = state["qpos"][0]
    for t in range(40):
        env.step(acting(env, 1.0 if t < 12 else 0.0, 0.0))
    travelled = object_state.position(state)[:, 0, 0]
    assert travelled[0] > travelled[1] + 0.03
    assert travelled[1] > travelled[2] + 0.01


def test_what_slides_stops_farther_than_the_hand_reaches_and_farther_the_slipperier_it_is() -> None:
    env = worlds(SLIDE, *(SLIDE.task(table_friction=friction, latency=0.0) for friction in (0.08, 0.12, 0.2)))
    state = env.simulator.state
    state["qpos"][:] = state["qpos"][0]
    state["qpos"][..., 1] = state["qpos"][..., 3] = 0.0
    for _ in range(SLIDE.horizon - 1):
        env.step(acting(env, 0.7, 0.0))
    hand, slid = state["qpos"][:, 0, 0], object_state.position(state)[:, 0, 0]
    assert float(hand.max()) < -0.03  # its target went on
    assert bool((slid > 0.0).all())
    assert slid[0] > slid[1] + 0.03
    assert slid[1] > slid[2] + 0.02
    assert float(object_state.velocity(state).norm(dim=-1).max()) < 0.01

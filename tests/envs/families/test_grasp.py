"""Grasping: a script lifts what can be lifted, and rewards pay for each stage of it."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from robotmeta.envs.families import object_state, objects
from robotmeta.envs.families.gripper.model import OPENING
from tests.envs.families.gripping import (
    GRASP,
    SHAPES,
    acting,
    grasped,
    put_between_the_pads,
    share,
    with_values,
    worlds,
)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=objects.SHAPES)
def test_a_firm_grip_lifts_and_holds_every_shape(shape: int) -> None:
    env = worlds(GRASP, with_values(GRASP.tasks("test", 16), shape=shape, offset=0.0), episodes=2)
    grasped(env)
    assert share(env) > 0.9


@pytest.mark.slow
def test_held_out_objects_can_be_grasped_and_out_of_distribution_ones_at_their_centre_of_mass() -> None:
    env = worlds(GRASP, GRASP.tasks("test", 24))
    grasped(env)
    assert share(env) > 0.9
    shares = []
    for balanced in (False, True):
        env = worlds(GRASP, GRASP.tasks("ood", 24))
        grasped(env, squeeze=0.06, balanced=balanced)
        shares.append(share(env))
    assert shares[1] > 0.9
    assert shares[1] > shares[0] + 0.1


def test_a_weak_grip_drops_what_is_heavy_and_slippery() -> None:
    light = dict(mass=0.1, friction=0.9)
    heavy = dict(mass=0.5, friction=0.35, finger_friction=0.8)
    env = worlds(GRASP, GRASP.task(**light), GRASP.task(**heavy), episodes=2)
    grasped(env, squeeze=0.012)
    success = env.success()
    assert success is not None
    assert success.tolist() == [[True, True], [False, False]]
    grasped(firm := worlds(GRASP, GRASP.task(**heavy)), squeeze=0.06)
    assert share(firm) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=objects.SHAPES)
def test_what_is_held_creeps_less_than_2_mm_in_8_seconds(shape: int) -> None:
    env = worlds(GRASP, *(GRASP.task(shape=float(shape), mass=mass) for mass in (0.1, 0.5)))
    grasped(env)
    state = env.simulator.state

    def in_hand() -> Tensor:
        return object_state.position(state) - state["qpos"][..., :3]

    before = in_hand()
    for _ in range(round(8.0 / GRASP.dt)):
        env.step(acting(env))
    assert float((in_hand() - before).norm(dim=-1).max()) < 0.002


def test_what_is_held_off_its_centre_of_mass_tilts_to_the_heavy_side() -> None:
    env = worlds(GRASP, *(GRASP.task(offset=offset, mass=0.4, aspect=1.5) for offset in (-0.5, 0.0, 0.5)))
    put_between_the_pads(env)
    for _ in range(8):
        env.step(acting(env, 0.0, 0.0, 0.0, 0.0, 1.0))
    for _ in range(15):
        env.step(acting(env, 0.0, 0.0, 0.3, 0.0, 0.0))
    tilt = object_state.tilt(env.simulator.state, env._columns)[:, 0]
    assert tilt[0] > 0.05
    assert abs(float(tilt[1])) < 1e-3
    assert tilt[2] < -0.05


def test_how_level_an_object_is_depends_on_what_shows_of_it() -> None:
    env = worlds(GRASP, *(GRASP.task(shape=float(shape)) for shape in SHAPES))
    half = math.asin(0.3) / 2
    for axis, expected in (
        ("y", {"box": -0.3, "cylinder": 0.3, "sphere": 0.0, "capsule": -0.3}),
        ("x", {"cylinder": 0.3}),
    ):
        turn = [math.cos(half), *(math.sin(half) * (axis == other) for other in "xyz")]
        env.simulator.state["qpos"][..., -4:] = torch.tensor(turn, dtype=torch.float64)
        tilt = object_state.tilt(env.simulator.state, env._columns)[:, 0].tolist()
        assert tilt == pytest.approx([expected.get(shape, 0.0) for shape in objects.SHAPES])


def test_pay_grows_from_stage_to_stage_and_stays_within_0_and_1() -> None:
    env = worlds(GRASP, *(GRASP.task(shape=float(shape), mass=0.1) for shape in SHAPES), episodes=2)
    rewards, stages = grasped(env, squeeze=0.015)
    assert float(rewards.min()) >= 0.0
    assert float(rewards.max()) <= 1.0
    last = [(rewards * (stages == s)).amax(dim=0) for s in range(4)]  # approach, descend, close, lift
    for earlier, later in itertools.pairwise(last):
        assert bool((later > earlier + 0.04).all())
    assert float(last[3].min()) > 0.75


def test_a_firmer_grip_than_needed_costs() -> None:
    returns = []
    for squeeze in (0.015, 0.03, 0.06):
        env = worlds(GRASP, GRASP.task(mass=0.1), episodes=2)
        returns.append(float(grasped(env, squeeze)[0][-20:].mean()))
        assert share(env) == 1.0
    assert returns[0] > returns[1] + 0.05 > returns[2] + 0.1


def test_pressing_on_an_object_or_throwing_it_pays_no_more_than_being_near_it() -> None:
    env = worlds(GRASP, GRASP.task())
    put_between_the_pads(env)
    state = env.simulator.state
    state["act"][..., 4] = 0.39  # fingers closed, above the object
    state["qpos"][..., 4:6] = 0.5 * OPENING - 0.001
    state["qpos"][..., 2] = state["act"][..., 2] * 0.5 + 0.06
    rewards = [env.step(acting(env, 0.0, 0.0, -1.0, 0.0, 0.0)).reward for _ in range(40)]
    assert float(torch.stack(rewards).max()) < 0.2
    assert float(object_state.position(state)[0, 0, 2]) > 0.015
    state["qpos"][..., -5] = 0.1 + 0.02  # in the air, at its height, with nothing around it
    state["qpos"][..., 2] = 0.0
    state["qvel"][..., -4] = 0.2
    assert float(env.step(acting(env)).reward) < 0.2

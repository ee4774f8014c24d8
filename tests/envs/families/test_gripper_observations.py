"""What a policy of the gripper sees, and what it cannot see."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest
import torch

from robotmeta.envs import TaskBatchEnv, TaskFamily
from robotmeta.envs.families import object_state, objects
from robotmeta.envs.families.gripper.model import HEIGHT, OPENING, SPEEDS
from tests.envs.families.gripping import (
    BUILD,
    GRASP,
    PUSH,
    REACH,
    SHAPES,
    SLIDE,
    Script,
    acting,
    data_of,
    put_between_the_pads,
    seen,
    with_values,
    worlds,
)


def test_observations_of_a_grasp_are_what_mujoco_says() -> None:
    env = worlds(GRASP, with_values(GRASP.tasks("test", 3), shape=0.0))
    script = Script(env)
    for t in range(70):
        env.step(script())
        if t % 10:
            continue
        for world, model in enumerate(BUILD["grasp"](env.tasks)):
            observed, data = seen(env, world), mujoco.MjData(model)
            state = {name: value[world, 0].numpy() for name, value in env.simulator.state.items()}
            data.qpos[:], data.qvel[:], data.act[:] = state["qpos"], state["qvel"], state["act"]
            mujoco.mj_forward(model, data)
            turn = data.body("hand").xmat.reshape(3, 3).T

            def velocity(body: str, model: mujoco.MjModel = model, data: mujoco.MjData = data) -> np.ndarray:
                found = np.zeros(6)
                kind = int(mujoco.mjtObj.mjOBJ_XBODY)
                mujoco.mj_objectVelocity(model, data, kind, model.body(body).id, found, 0)
                return found

            hand, held = data.body("hand"), data.body("object")
            apart = abs(data.geom("left_pad").xpos - data.geom("right_pad").xpos)
            gap = float(np.linalg.norm(apart)) - 2 * model.geom("left_pad").size[1]
            orientation = turn @ held.xmat.reshape(3, 3)
            moving = turn @ (velocity("object")[3:] - velocity("hand")[3:])
            expected = {
                "x": hand.xpos[0],
                "y": hand.xpos[1],
                "z": hand.xpos[2] - HEIGHT,
                "yaw": math.atan2(turn[0, 1], turn[0, 0]),
                "closure": OPENING - gap,
                "x_velocity": velocity("hand")[3],
                "z_velocity": velocity("hand")[5],
                "yaw_velocity": velocity("hand")[2],
                "z_target": SPEEDS["z"] * data.act[2] - data.qpos[2],
                "left_touch": state["sensordata"][0],
                "object_x": (turn @ (held.xpos - hand.xpos))[0],
                "object_y": (turn @ (held.xpos - hand.xpos))[1],
                "object_z": (turn @ (held.xpos - hand.xpos))[2],
                "object_along_x": orientation[0, 0],
                "object_along_z": orientation[2, 0],
                "object_up_y": orientation[1, 2],
                "object_up_z": orientation[2, 2],
                "object_x_velocity": moving[0],
                "object_y_velocity": moving[1],
                "object_z_velocity": moving[2],
                "object_spin_y": (held.xmat.reshape(3, 3).T @ velocity("object")[:3])[1],
            }
            for name, value in expected.items():
                assert observed[name] == pytest.approx(float(value), abs=2e-5), name


def test_how_a_box_is_turned_shows_and_how_a_cylinder_or_a_sphere_is_does_not() -> None:
    env = worlds(GRASP, *(GRASP.task(shape=float(shape), half_width=0.02) for shape in SHAPES))
    state, shown = env.simulator.state, {}
    for yaw in (0.0, 0.5):
        state["qpos"][..., 3] = 0.1
        state["qpos"][..., -7:] = object_state.at_rest(torch.zeros(4, 1, 2), torch.full((4, 1), yaw), env._columns)
        shown[yaw] = [seen(env, world) for world in range(4)]
    for shape, square, askew in zip(objects.SHAPES, shown[0.0], shown[0.5], strict=True):
        if shape in ("box", "capsule"):
            assert askew["object_along_y"] == pytest.approx(math.sin(0.4), abs=1e-6)
            assert square["object_along_x"] == pytest.approx(math.cos(0.1), abs=1e-6)
        else:
            assert square == askew
            assert askew["object_along_x"] == 1.0


def test_turning_to_the_sides_of_a_box_pays_before_it_is_reached() -> None:
    rewards = []
    for yaw in (0.0, 0.3, 0.6):
        env = worlds(GRASP, GRASP.task())
        state = env.simulator.state
        state["qpos"][..., :4] = torch.tensor([0.0, 0.0, 0.06, 0.0])
        state["act"].zero_()
        state["act"][..., 2] = 0.06 / SPEEDS["z"]
        place = torch.zeros(1, 1, 2, dtype=torch.float64)
        state["qpos"][..., -7:] = object_state.at_rest(
            place, torch.full((1, 1), yaw, dtype=torch.float64), env._columns
        )
        rewards.append(float(env.step(acting(env)).reward))
    assert rewards[0] > rewards[1] + 0.005 > rewards[2] + 0.01


def test_touch_is_the_force_of_the_last_substep() -> None:
    env = worlds(GRASP, GRASP.task())
    put_between_the_pads(env)
    (model,) = BUILD["grasp"](env.tasks)
    data = mujoco.MjData(model)
    data.qpos[:] = env.simulator.state["qpos"][0, 0]
    for _ in range(25):
        env.step(acting(env, 0.0, 0.0, 0.0, 0.0, 1.0))
        data.ctrl[:] = 0.0, 0.0, 0.0, 0.0, 1.0
        for _ in range(4):
            mujoco.mj_step(model, data)
        assert np.array_equal(env.simulator.state["sensordata"][0, 0], data.sensordata)
    assert data.sensordata.min() > 1.0


def test_a_touch_is_felt_in_its_own_world_and_episode_only() -> None:
    env = TaskBatchEnv(GRASP, 4, 1, threads=1)
    env.reset(torch.Generator().manual_seed(0))
    put_between_the_pads(env)
    closing = acting(env).clone()
    closing[1::2, :, 4] = 1.0
    for _ in range(25):
        env.step(closing)
    touch = env.simulator.state["sensordata"]
    assert [float(force.amin()) > 1.0 for force in touch] == [False, True, False, True]
    env.simulator.reset({name: env.simulator.state[name].clone() for name in ("qpos", "qvel", "act")})
    assert [float(force.amin()) > 1.0 for force in touch] == [False, True, False, True]  # before any step
    env.reset(torch.Generator().manual_seed(1))
    assert not touch.any()


def test_observations_of_reach_and_push_are_what_mujoco_says() -> None:
    env = worlds(REACH, REACH.tasks("test", 3))
    for _ in range(5):
        env.step(acting(env, 0.5, -0.3, 0.2))
    for world, row in enumerate(env.tasks):
        data, observed = data_of(env, world), seen(env, world)
        goal = np.array([row[f"goal_{axis}"] for axis in "xyz"])
        np.testing.assert_allclose(
            [observed[f"goal_{axis}"] for axis in "xyz"], goal - data.body("hand").xpos, atol=1e-6
        )
        np.testing.assert_allclose(goal, BUILD["reach"](env.tasks)[world].site("goal").pos)
    env = worlds(PUSH, PUSH.tasks("test", 3))
    for _ in range(15):
        env.step(acting(env, 1.0, 0.0))
    for world, row in enumerate(env.tasks):
        data, observed = data_of(env, world), seen(env, world)
        hand, pushed = data.body("hand").xpos, data.body("object")
        np.testing.assert_allclose([observed["object_x"], observed["object_y"]], (pushed.xpos - hand)[:2], atol=1e-6)
        assert observed["goal_x"] == pytest.approx(row["goal_x"] - pushed.xpos[0], abs=1e-6)
        assert observed["object_cos"] == pytest.approx(pushed.xmat[0], abs=1e-6)
        assert observed["object_sin"] == pytest.approx(pushed.xmat[3], abs=1e-6)


@pytest.mark.parametrize(
    ("family", "hidden"),
    [
        (REACH, {"payload": 1.0, "strength": 0.6, "latency": 60.0}),
        (PUSH, {"mass": 1.0, "offset": 0.5, "friction": 0.4, "table_friction": 0.9, "strength": 0.6, "latency": 60.0}),
        (SLIDE, {"mass": 1.0, "offset": 0.5, "friction": 0.5, "table_friction": 0.2, "strength": 0.6, "latency": 60.0}),
        (GRASP, {"mass": 0.5, "offset": 0.5, "friction": 0.4, "finger_friction": 0.8, "finger_strength": 1.3}),
        (GRASP, {"latency": 60.0, "finger_width": 0.025, "table_friction": 0.6}),
    ],
    ids=lambda value: value.name if isinstance(value, TaskFamily) else "",
)
def test_what_is_hidden_cannot_be_seen_before_one_acts(family: TaskFamily, hidden: dict[str, float]) -> None:
    env = worlds(family, family.task(), family.task(**hidden))
    env.simulator.reset({name: value[:1].expand_as(value).clone() for name, value in env.simulator.state.items()})
    nominal, changed = env._observation()[:, 0]
    torch.testing.assert_close(nominal, changed, atol=1e-7, rtol=0.0)

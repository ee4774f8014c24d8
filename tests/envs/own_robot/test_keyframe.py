"""An episode starts in the state in which MuJoCo's own reset would start it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.envs import TaskBatchEnv, TaskFamily, scale
from robotmeta.envs.family import MujocoWorld, Transition
from robotmeta.envs.models import ModelBuilder

# Activations, a delayed control, a body in motion that no force moves, an equality that is off, and the time.
ROBOT = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <body name="base"><freejoint/><geom size="0.1"/>
      <body name="arm"><joint name="servo" axis="0 1 0"/><geom name="link" size="0.05" pos="0 0 -0.3"/></body></body>
    <body name="reel" pos="2 0 0"><joint name="reel" axis="0 0 1"/><geom size="0.1" pos="0.1 0 0"/></body>
    <body name="target" mocap="true" pos="0 0 3"><geom size="0.1" contype="0" conaffinity="0"/></body>
    <body name="held" pos="0 0 3"><freejoint/><geom size="0.1" contype="0" conaffinity="0"/></body>
  </worldbody>
  <equality>
    <weld body1="target" body2="held"/>
    <joint joint1="servo" active="false"/>
  </equality>
  <actuator>
    <position name="servo" joint="servo" kp="20" kv="2" timeconst="0.3" ctrlrange="-1 1"/>
    <intvelocity name="reel" joint="reel" kp="5" actrange="-9 9" ctrlrange="-1 1"/>
    <motor name="late" joint="reel" nsample="5" delay="0.03" ctrlrange="-1 1"/>
  </actuator>
  <keyframe>
    <key name="moving" time="0.7" qpos="0 0 1 1 0 0 0 0.4 -0.2 0 0 4 1 0 0 0" qvel="0.5 0 0 0 0 0 1 -2 0 0 0 0 0 0"
         act="-0.8 0.6" ctrl="0.1 0.2 0.9" mpos="0 1 4" mquat="0 1 0 0"/>
  </keyframe>
</mujoco>
"""
STATE = ("time", "qpos", "qvel", "act", "ctrl", "mocap_pos", "mocap_quat", "eq_active", "history")


def family_of(model: str = ROBOT, **options: Any) -> TaskFamily:
    def reward(step: Transition) -> Tensor:
        return step.after["qvel"][..., 0]

    vary = options.pop("vary", {"arm.mass": scale(0.5, 2.0)})
    return TaskFamily.from_mjcf(model, vary, reward, **{"frame_skip": 2, "reset_noise": 0.0, **options})


def started(family: TaskFamily, **row: float) -> tuple[TaskBatchEnv, mujoco.MjModel]:
    """A world of one task, at the start of an episode that follows another one; and its model."""
    env = TaskBatchEnv(family, 2, 1)
    env.load(family.space.row(row).repeat(2))
    for _ in range(2):
        env.reset(torch.Generator().manual_seed(0))
        env.step(torch.full((2, 1, family.action_size), 0.5))
    env.reset(torch.Generator().manual_seed(0))
    assert isinstance(family.world, MujocoWorld)
    return env, ModelBuilder(family.world.spec, family.space)(family.space.row(row))[0]


def lengthen(spec: mujoco.MjSpec, factor: float) -> None:
    spec.geom("link").pos *= factor


@pytest.mark.parametrize("keyframe", [None, "moving"])
@pytest.mark.parametrize("fields", [(), ("act", "sensordata"), ("xpos",)])
def test_the_state_is_that_of_mujocos_own_reset(keyframe: str | None, fields: tuple[str, ...]) -> None:
    vary = {"arm.mass": scale(0.5, 2.0), "length": scale(0.5, 2.0, edit=lengthen)}
    env, model = started(family_of(vary=vary, keyframe=keyframe, fields=fields), arm_mass=1.5, length=1.2)
    data = mujoco.MjData(model)
    if keyframe is not None:
        mujoco.mj_resetDataKeyframe(model, data, 0)
    mine = env.simulator._batch.get_data(0)  # pyright: ignore[reportAttributeAccessIssue]
    for name in STATE:
        np.testing.assert_allclose(getattr(mine, name), getattr(data, name), atol=1e-12, err_msg=name)
    for _ in range(20):
        env.step(torch.tensor([[0.3, -0.2, 0.7]]).expand(2, 1, 3))
        data.ctrl[:] = (0.3, -0.2, 0.7)
        mujoco.mj_step(model, data, 2)
        np.testing.assert_allclose(env.simulator.state["qpos"][0, 0].numpy(), data.qpos, rtol=1e-6, atol=1e-9)


def test_an_activation_of_a_keyframe_holds_the_joint_where_it_was() -> None:
    servo = """
    <mujoco><option timestep="0.002" gravity="0 0 0"/><worldbody><body><joint name="j" axis="0 1 0" damping="0.1"/>
      <geom size="0.05" pos="0 0 -0.1"/></body></worldbody>
    <actuator><position joint="j" kp="40" kv="4" timeconst="2" ctrlrange="-1 1"/></actuator>
    <keyframe><key name="home" qpos="-0.8" act="-0.8" ctrl="-0.8"/></keyframe></mujoco>"""
    family = family_of(servo, vary={"j.damping": scale(0.5, 2.0)}, keyframe="home", frame_skip=10)
    env, model = started(family)
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    for _ in range(20):
        env.step(torch.full((2, 1, 1), -0.8))
        data.ctrl[:] = float(np.float32(-0.8))
        mujoco.mj_step(model, data, 10)
    assert float(env.simulator.state["qpos"][0, 0, 0]) == pytest.approx(-0.8, abs=1e-6)
    assert float(env.simulator.state["qpos"][0, 0, 0]) == pytest.approx(data.qpos[0], abs=1e-12)


def test_noise_is_on_positions_and_velocities_alone() -> None:
    env, model = started(family_of(keyframe="moving", reset_noise=0.1, fields=("act",)))
    state = env.simulator.state
    np.testing.assert_array_equal(state["act"][0, 0].numpy(), [-0.8, 0.6])
    for name in ("qpos", "qvel"):
        distance = np.abs(state[name][0, 0].numpy() - getattr(model, f"key_{name}")[0])
        assert 0.0 < distance.max() < 0.5


def test_a_function_of_ones_own_starts_from_the_keyframe() -> None:
    def reset(nominal: dict[str, Tensor], generator: torch.Generator, task: object) -> dict[str, Tensor]:
        return {"qpos": nominal["qpos"] + 0.5, "qvel": nominal["qvel"]}

    given: Callable[..., Any] = reset
    env, model = started(family_of(keyframe="moving", reset=given, fields=("act",)))
    np.testing.assert_allclose(env.simulator.state["qpos"][0, 0].numpy(), model.key_qpos[0] + 0.5)
    np.testing.assert_array_equal(env.simulator.state["act"][0, 0].numpy(), [-0.8, 0.6])


def test_a_function_of_ones_own_may_set_activations_and_mocap_poses() -> None:
    def reset(nominal: dict[str, Tensor], generator: torch.Generator, task: object) -> dict[str, Tensor]:
        zeros = nominal["qpos"][..., :1] * 0.0
        return {
            **nominal,
            "act": zeros + torch.tensor([0.25, 0.5]),
            "mocap_pos": zeros.unsqueeze(-1) + torch.ones(1, 3),
        }

    given: Callable[..., Any] = reset
    env, _ = started(family_of(reset=given, fields=("act",)))
    np.testing.assert_array_equal(env.simulator.state["act"][0, 0].numpy(), [0.25, 0.5])
    data = env.simulator._batch.get_data(1)  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_array_equal(data.mocap_pos, [[1.0, 1.0, 1.0]])


def raise_base(spec: mujoco.MjSpec, height: float) -> None:
    spec.body("base").pos[2] += height


def test_a_robot_that_starts_higher_starts_higher_in_the_pose_of_the_keyframe_too() -> None:
    vary = {"height": scale(1.0, 2.0, edit=lambda spec, factor: raise_base(spec, factor - 1.0))}
    env, _ = started(family_of(vary=vary, keyframe="moving"), height=1.25)
    assert float(env.simulator.state["qpos"][0, 0, 2]) == pytest.approx(1.25)


def test_a_keyframe_without_a_name_gets_one() -> None:
    env, _ = started(family_of(ROBOT.replace('name="moving" ', ""), keyframe="key", fields=("act",)))
    np.testing.assert_array_equal(env.simulator.state["act"][0, 0].numpy(), [-0.8, 0.6])

"""The Panda: it has the published geometry and limits, its parameters do what they say, and it can pick objects up."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.envs import TaskBatchEnv, Tasks, make
from robotmeta.envs.families import object_state
from robotmeta.envs.families.panda.model import CLOSING_SPEED, GRIP, HOME, JOINTS, OPENING, READY, SPEED
from robotmeta.envs.family import MujocoWorld, Transition
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import UserError

FAMILY = make("panda-grasp")
assert isinstance(FAMILY.world, MujocoWorld)
BUILD = ModelBuilder(FAMILY.world.spec, FAMILY.space)
NAMES = [name for name, _ in FAMILY.observations]
BASE = np.array([-0.48, 0.0, 0.0])
STIFFNESS = np.array([600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0])  # N m/rad

# Craig's parameters (alpha, a, d) of each joint, as the manufacturer publishes them.
DH = (
    (0.0, 0.0, 0.333),
    (-math.pi / 2, 0.0, 0.0),
    (math.pi / 2, 0.0, 0.316),
    (math.pi / 2, 0.0825, 0.0),
    (-math.pi / 2, -0.0825, 0.384),
    (math.pi / 2, 0.0, 0.0),
    (math.pi / 2, 0.088, 0.0),
)
FLANGE, TOOL, HAND_TURN = 0.107, 0.1034, -math.pi / 4


def model_of(**values: float) -> mujoco.MjModel:
    (model,) = BUILD(FAMILY.task(**values))
    return model


def together(*tasks: Tasks) -> Tasks:
    return Tasks(FAMILY.space.names, np.concatenate([t.values for t in tasks]))


def worlds(tasks: Tasks, episodes: int = 1, seed: int = 0) -> TaskBatchEnv:
    env = TaskBatchEnv(FAMILY, len(tasks), episodes)
    env.load(tasks)
    env.reset(torch.Generator().manual_seed(seed))
    return env


def still(env: TaskBatchEnv) -> Tensor:
    return torch.zeros(env.num_tasks, env.num_episodes, env.action_size)


def settled(model: mujoco.MjModel, seconds: float = 3.0) -> mujoco.MjData:
    """An arm commanded to stay in its initial pose for a while, the object out of the way."""
    data = mujoco.MjData(model)
    data.qpos[9:11] = 0.25
    for _ in range(round(seconds / model.opt.timestep)):
        mujoco.mj_step(model, data)
    mujoco.mj_forward(model, data)
    return data


def transform(alpha: float, a: float, d: float, theta: float) -> np.ndarray:
    """Rx(alpha) Tx(a) Rz(theta) Tz(d)."""
    ca, sa, ct, st = math.cos(alpha), math.sin(alpha), math.cos(theta), math.sin(theta)
    return np.array(
        [
            [ct, -st, 0.0, a],
            [st * ca, ct * ca, -sa, -d * sa],
            [st * sa, ct * sa, ca, d * ca],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


def forward_kinematics(angles: np.ndarray) -> np.ndarray:
    pose = np.eye(4)
    for (alpha, a, d), angle in zip(DH, angles, strict=True):
        pose = pose @ transform(alpha, a, d, angle)
    return pose @ transform(0.0, 0.0, FLANGE + TOOL, HAND_TURN)


# -- the arm -----------------------------------------------------------------------------------------------------------


def test_the_tool_is_where_the_published_parameters_put_it() -> None:
    model, rng = model_of(), np.random.default_rng(0)
    data = mujoco.MjData(model)
    for _ in range(50):
        data.qpos[:7] = rng.uniform(*model.jnt_range[:7].T)
        mujoco.mj_kinematics(model, data)
        pose, tool = forward_kinematics(data.qpos[:7]), data.site("tool")
        np.testing.assert_allclose(tool.xpos - BASE, pose[:3, 3], atol=1e-9)
        np.testing.assert_allclose(tool.xmat.reshape(3, 3), pose[:3, :3], atol=1e-9)


def test_the_hand_starts_open_over_the_middle_of_the_table_pointing_down() -> None:
    model = model_of()
    np.testing.assert_allclose(model.qpos0[:7], HOME, atol=1e-12)
    for pose, height in ((HOME, 0.03), (READY, 0.155)):
        tool = forward_kinematics(np.array(pose))
        np.testing.assert_allclose(tool[:3, 3] + BASE, [0.0, 0.0, height], atol=5e-4)
        np.testing.assert_allclose(tool[:3, :3], np.diag([1.0, -1.0, -1.0]), atol=1e-12)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    inner = [data.geom(f"{side}_pad").xpos[1] - sign * 0.0076 for side, sign in (("left", -1.0), ("right", 1.0))]
    assert abs(inner[0] - inner[1]) == pytest.approx(OPENING)


def test_joints_and_motors_have_the_published_limits() -> None:
    model = model_of()
    low = [-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973, 0.0, 0.0]
    high = [2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973, 0.04, 0.04]
    np.testing.assert_allclose(model.jnt_range[:9], np.stack([low, high], axis=1))
    # Targets stay within the joints' limits.
    reach = np.array(HOME)[:, None] + SPEED * model.actuator_actrange[:7]
    np.testing.assert_allclose(reach, model.jnt_range[:7])
    data = mujoco.MjData(model)
    for sign in (-1.0, 1.0):
        data.act[:7] = sign * 1e3
        mujoco.mj_forward(model, data)
        np.testing.assert_allclose(data.qfrc_actuator[:7], sign * np.array([87.0] * 4 + [12.0] * 3))


def test_a_target_moves_at_full_speed_while_a_control_is_one_and_stays_while_it_is_zero() -> None:
    env = worlds(FAMILY.task())
    state = env.simulator.state
    start = state["act"].clone()
    action = still(env)
    action[..., 0], action[..., 7] = 1.0, 1.0
    for _ in range(5):
        env.step(action)
    for _ in range(15):
        env.step(still(env))
    moved = (state["act"] - start)[0, 0]
    assert moved[0] * SPEED == pytest.approx(0.25)
    assert moved[7] * CLOSING_SPEED == pytest.approx(0.04)
    assert float(moved[1:7].abs().max()) == 0.0
    assert float(state["qpos"][0, 0, 0] - (SPEED * start[0, 0, 0] + HOME[0])) == pytest.approx(0.25, abs=0.01)
    assert float(state["qpos"][0, 0, 7:9].sum()) == pytest.approx(0.04, abs=1e-3)


# -- gravity, and what an arm can suffer from --------------------------------------------------------------------------


def test_gravity_on_the_arm_is_compensated_without_motors_or_friction() -> None:
    model = model_of(joint_friction=0.0)
    model.actuator_gainprm[:] = model.actuator_biasprm[:] = 0.0
    data = mujoco.MjData(model)
    data.qpos[:7] = READY
    data.qpos[9:11] = 0.25
    start = data.qpos[:7].copy()
    for _ in range(200):
        mujoco.mj_step(model, data)
    np.testing.assert_allclose(data.qpos[:7], start, atol=1e-4)


def test_a_payload_makes_the_hand_sag_as_much_as_the_servos_are_soft() -> None:
    still_there = settled(model_of(joint_friction=0.0)).site("tool").xpos[2]
    heights = []
    for mass in (0.5, 1.0):
        model = model_of(joint_friction=0.0, payload=mass)
        assert model.body("payload").mass == pytest.approx(mass)
        data, jacobian = settled(model), np.zeros((2, 3, model.nv))
        mujoco.mj_jacBodyCom(model, data, jacobian[0], None, model.body("payload").id)
        mujoco.mj_jacSite(model, data, jacobian[1], None, model.site("tool").id)
        load, tool = jacobian[:, 2, :7]
        expected = -(tool * load / STIFFNESS).sum() * mass * 9.81
        assert data.site("tool").xpos[2] - still_there == pytest.approx(expected, rel=0.1)
        heights.append(data.site("tool").xpos[2])
    assert still_there > heights[0] > heights[1]


@pytest.mark.parametrize(("joint", "load"), [(2, -28.1), (4, 17.8), (6, 2.28)])
def test_a_weak_joint_that_carries_the_arm_gives_way_under_it(joint: int, load: float) -> None:
    share, index = 0.6, joint - 1
    healthy, weak = model_of(joint_friction=0.0), model_of(joint_friction=0.0, faulty_joint=joint, fault_strength=share)
    assert weak.jnt_actfrcrange[index].tolist() == pytest.approx((share * healthy.jnt_actfrcrange[index]).tolist())
    data = settled(weak)
    gives_way = data.qpos[index] - HOME[index]
    # Of the torque that held the joint, a share is missing; the softer servo makes up for it.
    assert gives_way == pytest.approx(-(1.0 - share) * load / (share * STIFFNESS[index]), rel=0.1)
    assert data.site("tool").xpos[2] < settled(healthy).site("tool").xpos[2] - 1e-3 or joint == 6
    others = np.delete(np.arange(7), index)
    np.testing.assert_allclose(data.qpos[others], np.array(HOME)[others], atol=5e-3)


@pytest.mark.parametrize("joint", [1, 3, 5, 7])
def test_a_weak_joint_that_carries_nothing_is_only_softer(joint: int) -> None:
    data = settled(model_of(joint_friction=0.0, faulty_joint=joint, fault_strength=0.6))
    np.testing.assert_allclose(data.qpos[:7], HOME, atol=2e-3)
    push = 2.0  # N m
    turned = []
    for share in (1.0, 0.5):
        model = model_of(joint_friction=0.0, faulty_joint=joint, fault_strength=share)
        data = mujoco.MjData(model)
        data.qpos[9:11] = 0.25
        data.qfrc_applied[joint - 1] = push
        for _ in range(300):
            mujoco.mj_step(model, data)
        turned.append(data.qpos[joint - 1] - HOME[joint - 1])
    assert turned[1] == pytest.approx(2.0 * turned[0], rel=0.1)


def test_a_joint_without_strength_has_no_torque() -> None:
    model = model_of(faulty_joint=4.0, fault_strength=0.0)
    data = mujoco.MjData(model)
    data.act[:7] = 0.3
    mujoco.mj_forward(model, data)
    assert data.qfrc_actuator[3] == 0.0
    assert np.abs(np.delete(data.qfrc_actuator[:7], 3)).min() > 1.0


def test_dry_friction_holds_a_joint_that_is_pushed_less() -> None:
    friction = np.array([0.546, 0.872, 0.641, 1.279, 0.839, 0.303, 0.565])  # N m
    np.testing.assert_allclose(model_of().dof_frictionloss[:7], friction)
    moved = []
    for factor in (0.5, 2.0):
        model = model_of(joint_friction=factor)
        np.testing.assert_allclose(model.dof_frictionloss[:7], factor * friction)
        np.testing.assert_allclose(model.dof_frictionloss[7:], 0.0)
        model.actuator_gainprm[:] = model.actuator_biasprm[:] = 0.0
        data = mujoco.MjData(model)
        data.qfrc_applied[0] = friction[0]
        for _ in range(50):
            mujoco.mj_step(model, data)
        moved.append(abs(data.qpos[0]))
    assert moved[0] > 0.01 > 1e-3 > moved[1]


@pytest.mark.parametrize("joint", [0.0, 2.0])
def test_damping_holds_a_joint_back_in_proportion_to_its_speed_and_its_torque_limit(joint: float) -> None:
    np.testing.assert_array_equal(model_of(faulty_joint=joint).dof_damping, 0.0)
    model = model_of(joint_damping=8.0, faulty_joint=joint)
    data = mujoco.MjData(model)
    data.qvel[:7] = 0.5
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.qfrc_passive[:7], -4.0 * np.array([1.0] * 4 + [12.0 / 87.0] * 3))
    np.testing.assert_array_equal(model.dof_damping[7:], 0.0)


@pytest.mark.parametrize("milliseconds", [0.0, 45.0, 120.0])
def test_latency_delays_the_servos(milliseconds: float) -> None:
    model = model_of(latency=milliseconds)
    data = mujoco.MjData(model)
    data.ctrl[0] = 1.0
    targets = []
    for _ in range(20):
        mujoco.mj_step(model, data)
        targets.append(float(data.act[0]) > 0.0)
    assert targets.index(True) == math.ceil(1e-3 * milliseconds / model.opt.timestep - 1e-9)


# -- picking objects up ------------------------------------------------------------------------------------------------


class Script:
    """Goes over the object, down, closes, lifts and holds: resolved-rate control by damped least squares."""

    def __init__(self, tasks: Tasks, squeeze: float = 0.75) -> None:
        self.env = worlds(tasks)
        self.models, self.rows = BUILD(tasks), list(tasks)
        self.squeeze = squeeze * GRIP / 300.0  # metres beyond touching
        place = object_state.position(self.env.simulator.state)[:, 0].numpy().copy()
        along = object_state.along(self.env.simulator.state)[:, 0].numpy()
        self.place, self.yaw = place, np.arctan2(along[:, 1], along[:, 0])
        self.rewards: list[Tensor] = []
        self.touches: list[Tensor] = []

    def play(self, steps: int = FAMILY.horizon) -> None:
        state = self.env.simulator.state
        for time in range(len(self.rewards), len(self.rewards) + steps):
            action = [self.action(task, time) for task in range(len(self.rows))]
            self.rewards.append(self.env.step(torch.tensor(np.array(action))[:, None]).reward[:, 0])
            self.touches.append(state["sensordata"][:, 0, :2].clone())

    def action(self, task: int, time: int) -> np.ndarray:
        row, state = self.rows[task], self.env.simulator.state
        height, half = self.place[task, 2], row["half_width"]
        low = max(0.013, min(height, 0.03), 2 * height - 0.033)  # pads at its middle, palm above its top
        z = low + 0.03 + height if time < 20 else low if time < 50 else low + row["goal_z"] * min(1.0, (time - 50) / 20)
        model, data = self.models[task], mujoco.MjData(self.models[task])
        data.qpos[:] = state["qpos"][task, 0]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        jacobian, tool = np.zeros((6, model.nv)), data.site("tool")
        mujoco.mj_jacSite(model, data, jacobian[:3], jacobian[3:], tool.id)
        cos, sin = math.cos(self.yaw[task]), math.sin(self.yaw[task])
        wanted, turned = np.array([[cos, sin, 0.0], [sin, -cos, 0.0], [0.0, 0.0, -1.0]]), tool.xmat.reshape(3, 3).T
        error = np.concatenate([[*self.place[task, :2], z] - tool.xpos, np.cross(turned, wanted).sum(axis=0) / 2])
        arm = jacobian[:, :7]
        turn = arm.T @ np.linalg.solve(arm @ arm.T + 1e-4 * np.eye(6), 0.2 * error)
        closure = OPENING - 2 * half + self.squeeze if time >= 35 else 0.0
        close = 0.3 * (closure / CLOSING_SPEED - float(state["act"][task, 0, 7]))
        return np.concatenate([turn / SPEED, [close]]) / FAMILY.dt


@pytest.mark.slow
def test_a_script_picks_up_every_shape_with_a_healthy_a_loaded_and_a_weak_arm() -> None:
    ailments: tuple[dict[str, float], ...] = (
        {},
        {"payload": 1.5, "latency": 40.0},
        {"faulty_joint": 2.0, "fault_strength": 0.5, "joint_friction": 3.0},
        {"faulty_joint": 4.0, "fault_strength": 0.5, "mass": 0.4},
    )
    tasks = together(*(FAMILY.task(shape=float(s), **a) for s in range(4) for a in ailments))
    script = Script(tasks)
    script.play()
    success = script.env.success()
    assert success is not None
    assert bool(success.all())
    assert float(torch.stack(script.rewards)[-10:].min()) > 0.5
    held = torch.stack(script.touches)[-25:]
    assert float(held.std(dim=0).max()) < 0.5  # newtons: a steady grip of all of them


def test_a_finger_squeezes_with_its_strength() -> None:
    for strength in (0.7, 1.4):
        script = Script(FAMILY.task(finger_strength=strength, mass=0.3), squeeze=3.0)
        script.play(50)
        np.testing.assert_allclose(script.touches[-1], strength * GRIP, rtol=0.02)


def test_what_is_held_too_loosely_for_its_weight_and_friction_slips_out() -> None:
    # A grip of F newtons on both sides holds 2 friction F.
    tasks = together(
        FAMILY.task(mass=0.4, friction=0.5),
        FAMILY.task(mass=0.4, friction=0.1),
        FAMILY.task(mass=0.4, friction=0.5, finger_friction=0.2),
        FAMILY.task(mass=2.0, friction=0.5),
    )
    script = Script(tasks)  # of 15 N
    script.play()
    success = script.env.success()
    assert success is not None
    assert success.flatten().tolist() == [True, False, False, False]


def test_a_hand_pressed_on_the_table_stays_above_it_and_feels_no_object() -> None:
    env = worlds(together(FAMILY.task(), FAMILY.task(payload=3.0)))
    state = env.simulator.state
    state["qpos"][..., 9:11] = 0.25
    action = still(env)
    action[..., 1], action[..., 3], action[..., 7] = 0.6, 0.3, 0.5
    lowest = []
    for _ in range(60):
        env.step(action)
        lowest.append(float(state["sensordata"][..., 4].min()))
        assert float(state["sensordata"][..., :2].abs().max()) == 0.0
    assert 0.0 < min(lowest) < 0.02
    assert float(state["qvel"].abs().max()) < 5.0


# -- episodes ----------------------------------------------------------------------------------------------------------


def test_episodes_start_with_the_object_on_the_table_and_nothing_else_touching() -> None:
    tallest, widest = {"shape": 1.0, "half_width": 0.0376, "aspect": 1.8}, {"shape": 3.0, "half_width": 0.0376}
    tasks = together(FAMILY.tasks("test", 60), FAMILY.tasks("ood", 60), FAMILY.task(**tallest), FAMILY.task(**widest))
    env = worlds(tasks, episodes=4)
    state, models = env.simulator.state, BUILD(tasks)
    for task, model in enumerate(models):
        data, table = mujoco.MjData(model), model.geom("table").id
        for episode in range(4):
            data.qpos[:] = state["qpos"][task, episode]
            mujoco.mj_forward(model, data)
            assert (data.contact.geom[:, 0] == table).all()
            assert (np.abs(data.contact.dist) < 1e-9).all()
            tool = data.site("tool").xpos
            assert np.linalg.norm((tool - data.body("object").xpos)[:2]) < 0.1
            assert data.geom("tips").xpos[2] - 0.00925 > 2 * object_state.half_extents(env._columns)[task, 0, 2]


def test_observations_are_what_their_names_say() -> None:
    env = worlds(FAMILY.task(goal_z=0.12, half_width=0.025))
    generator = torch.Generator().manual_seed(1)
    steps = [env.step(2.0 * torch.rand(1, 1, 8, generator=generator) - 1.0) for _ in range(10)]
    seen = steps[-1].observation[0, 0].double().numpy()
    state = {name: value[0, 0].numpy() for name, value in env.simulator.state.items()}
    (model,) = BUILD(env.tasks)
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = state["qpos"], state["qvel"]
    mujoco.mj_forward(model, data)
    tool, body = data.site("tool"), data.body("object")
    frame, velocity = tool.xmat.reshape(3, 3).T, np.zeros((2, 6))
    mujoco.mj_objectVelocity(model, data, int(mujoco.mjtObj.mjOBJ_SITE), tool.id, velocity[0], 0)
    mujoco.mj_objectVelocity(model, data, int(mujoco.mjtObj.mjOBJ_XBODY), body.id, velocity[1], 0)
    apart = body.xpos - tool.xpos
    drift = velocity[1, 3:] - velocity[0, 3:] - np.cross(velocity[0, :3], apart)
    closed = state["qpos"][7:9].sum()
    targets = np.array([*HOME, 0.0]) + state["act"] * np.array([SPEED] * 7 + [CLOSING_SPEED])
    expected = {
        **dict(zip(JOINTS, state["qpos"][:7], strict=True)),
        "closure": closed,
        **{f"{name}_velocity": v for name, v in zip(JOINTS, state["qvel"][:7], strict=True)},
        "closure_velocity": state["qvel"][7:9].sum(),
        **{f"{name}_target": v for name, v in zip(JOINTS, targets[:7] - state["qpos"][:7], strict=True)},
        "closure_target": targets[7] - closed,
        "left_touch": state["sensordata"][0],
        "right_touch": state["sensordata"][1],
        "object_half_length": 0.025 * 1.25,
        "object_half_width": 0.025,
        "object_half_height": 0.025,
        "to_lift": 0.12 - (body.xpos[2] - 0.025),
    }
    vectors = {
        "tool_{}": tool.xpos,
        "up_{}": frame @ [0.0, 0.0, 1.0],
        "object_{}": frame @ apart,
        "object_along_{}": frame @ body.xmat.reshape(3, 3)[:, 0],
        "object_up_{}": frame @ body.xmat.reshape(3, 3)[:, 2],
        "object_{}_velocity": frame @ drift,
    }
    expected |= {key.format(axis): value[i] for key, value in vectors.items() for i, axis in enumerate("xyz")}
    assert set(expected) == set(NAMES)
    for name, value in expected.items():
        assert seen[NAMES.index(name)] == pytest.approx(value, abs=1e-6), name


def test_the_policy_sees_sizes_and_the_goal_and_nothing_else_of_the_task() -> None:
    hidden = {"mass": 0.3, "offset": 0.3, "friction": 0.5, "payload": 1.0, "faulty_joint": 3.0, "fault_strength": 0.5}
    tasks = together(FAMILY.task(), FAMILY.task(**hidden), FAMILY.task(goal_z=0.15), FAMILY.task(half_width=0.025))
    env = worlds(tasks)
    state = {n: env.simulator.state[n][:1].expand(4, 1, -1).clone() for n in ("qpos", "qvel", "act")}
    env.simulator.reset(state)
    nominal, other, higher, wider = env._observation()[:, 0]
    assert torch.equal(nominal, other)
    assert [NAMES[i] for i in (nominal != higher).nonzero().flatten()] == ["to_lift"]
    sizes = {"object_half_length", "object_half_width", "object_half_height", "to_lift"}
    assert {NAMES[i] for i in (nominal != wider).nonzero().flatten()} == sizes


def test_the_pay_by_hand() -> None:
    script = Script(FAMILY.task(goal_z=0.1))
    state, rewards = script.env.simulator.state, []
    for steps in (10, 40, 15, 35):
        script.play(steps)
        distance = float(state["sensordata"][0, 0, 8:11].norm())
        left, right = state["sensordata"][0, 0, :2].tolist()
        too_far = max(0.0, distance - 0.015)
        near, around = max(0.0, 1.0 - too_far / 0.25), 0.1 ** ((too_far / 0.03) ** 2)
        gap = OPENING - float(state["qpos"][0, 0, 7:9].sum())
        closed = max(0.0, 1.0 - max(0.0, gap - 0.04, 0.035 - gap) / 0.04)
        askew = abs(float(state["sensordata"][0, 0, 12]))
        turned = max(0.0, 1.0 - max(0.0, askew - 0.1) / 0.7)
        height = float(state["qpos"][0, 0, 11]) - 0.02
        off = min(1.0, max(0.0, height / 0.01))
        lift = max(0.0, 1.0 - max(0.0, abs(height - 0.1) - 0.01) / 0.09)
        gently = 1.0 - 0.5 * min(1.0, (left + right) / 2 / GRIP)
        held = min(1.0, min(left, right) / 0.2)  # level all the time
        rewards.append(float(script.rewards[-1][0]))
        reached, gripped = (near + near * turned + around) / 3, around * (closed + held) / 2
        expected = 0.15 * reached + 0.15 * gripped + held * (0.1 * off + 0.6 * lift * gently)
        assert rewards[-1] == pytest.approx(expected, abs=1e-5)
    assert rewards == sorted(rewards)
    assert rewards[-1] > 0.5


def test_learners_are_guided_to_the_exact_height_of_an_object_that_is_held() -> None:
    script = Script(FAMILY.task(goal_z=0.1))
    script.play(100)
    now, columns, action = script.env.simulator.state, script.env.tasks.columns(), torch.zeros(1, 1, 8)
    assert FAMILY.shaping_reward is not None
    shaping = []
    for off, touch in ((0.0, 1.0), (-0.01, 1.0), (-0.02, 1.0), (0.0, 0.0)):
        state = {name: value.clone() for name, value in now.items()}
        state["qpos"][..., 11] = 0.02 + 0.1 + off
        state["sensordata"][..., :2] = touch
        shaping.append(float(FAMILY.shaping_reward(Transition(state, action, state, columns))))
    assert shaping[0] > 0.25
    assert shaping[:3] == pytest.approx([shaping[0], shaping[0] * 0.1**0.25, shaping[0] * 0.1], rel=1e-3)
    assert shaping[3] == 0.0


def test_an_episode_ends_where_the_object_leaves_the_middle_of_the_table() -> None:
    env = worlds(FAMILY.task(), episodes=3)
    env.simulator.state["qpos"][0, 1, 10] = 0.32
    env.simulator.state["qpos"][0, 2, 11] = -0.1
    terminated = FAMILY.terminated(env.simulator.state, env._columns)
    assert terminated is not None
    assert terminated.tolist() == [[False, True, True]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"half_width": 0.045}, r"half_width=0.045 is outside its physical range \[0.008, 0.0376\] m"),
        ({"mass": 0.0}, r"mass=0 is outside its physical range \[0.01, 5\] kg"),
        ({"faulty_joint": 8.0}, "faulty_joint is one of none, joint1, .* joint7, not 8"),
        ({"faulty_joint": 2.5}, "faulty_joint is one of none, joint1, .* joint7, not 2.5"),
        ({"payload": -1.0}, r"payload=-1 is outside its physical range \[0, 3\] kg"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(values: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        FAMILY.task(**values)
    assert "\n" not in str(refused.value)

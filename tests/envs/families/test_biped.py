"""The biped: its rows are the humanoids they name, all of them stand, and its clock and feet are what rewards say."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.envs import TaskBatchEnv, Tasks, make
from robotmeta.envs.families.biped.feet import lift, slip, touching
from robotmeta.envs.families.biped.gait import CYCLE, MEMORY, stepping
from robotmeta.envs.families.biped.model import DEPTH, JOINTS, LEGS, NUMBERS, SHOULDERS, STAND
from robotmeta.envs.families.biped.robots import ROBOTS, BipedParameters
from robotmeta.envs.families.legged.measurements import DT, natural_time
from robotmeta.envs.families.legged.world import GRAVITY
from robotmeta.envs.family import MujocoWorld, State, Transition
from robotmeta.envs.models import ModelBuilder
from robotmeta.envs.parameters import Proportional

FAMILY = make("biped")
assert isinstance(FAMILY.world, MujocoWorld)
BUILD = ModelBuilder(FAMILY.world.spec, FAMILY.space)
NAMES = [name for name, _ in FAMILY.observations]
G1 = FAMILY.task().columns()


def model_of(**values: float) -> mujoco.MjModel:
    (model,) = BUILD(FAMILY.task(**values))
    return model


def worlds(tasks: Tasks, episodes: int = 1) -> TaskBatchEnv:
    env = TaskBatchEnv(FAMILY, len(tasks), episodes)
    env.load(tasks)
    env.reset(torch.Generator().manual_seed(0))
    return env


def still(env: TaskBatchEnv) -> Tensor:
    return torch.zeros(env.num_tasks, env.num_episodes, env.action_size)


def total_mass(robot: BipedParameters) -> float:
    return robot.torso_mass + 2 * (robot.hip_mass + robot.thigh_mass + robot.calf_mass + robot.foot_mass)


# -- a row is a robot --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROBOTS)
def test_a_real_robot_has_the_masses_sizes_and_torques_of_its_row(name: str) -> None:
    robot, (model,) = ROBOTS[name], BUILD(FAMILY.robot(name))
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    assert model.body_mass.sum() == pytest.approx(total_mass(robot), abs=1e-5)
    assert model.body("torso").ipos[2] == pytest.approx(robot.torso_height)
    torques = {"hip": robot.hip_torque, "knee": robot.knee_torque, "ankle": robot.ankle_torque}
    for leg in LEGS:
        for link in ("hip", "thigh", "calf", "foot"):
            assert model.body(f"{leg}_{link}").mass == pytest.approx(getattr(robot, f"{link}_mass"))
        hip, knee, ankle = (data.body(f"{leg}_{link}").xpos for link in ("thigh", "calf", "foot"))
        assert np.linalg.norm(knee - hip) == pytest.approx(robot.thigh_length)
        assert np.linalg.norm(ankle - knee) == pytest.approx(robot.calf_length)
        heel, toe = (data.site(f"{leg}_{end}").xpos for end in ("heel", "toe"))
        assert (toe - ankle).tolist() == pytest.approx([robot.toe_length, 0.0, -robot.ankle_height])
        assert (heel - ankle).tolist() == pytest.approx([-robot.heel_length, 0.0, -robot.ankle_height])
        assert heel[2] == pytest.approx(0.0, abs=1e-9)  # soles lie on the ground
    for joint in JOINTS:
        torque = torques[joint.split("_")[1]]
        assert model.actuator(joint).forcerange.tolist() == [-torque, torque]
    apart = data.body("left_hip").xpos - data.body("right_hip").xpos
    assert apart.tolist() == pytest.approx([0.0, robot.hip_width, 0.0])


def test_real_robots_say_where_they_come_from_and_lie_within_what_is_trained_on() -> None:
    assert FAMILY.robots.keys() == ROBOTS.keys()
    for name, robot in ROBOTS.items():
        assert robot.source
        assert set(robot.estimated) <= set(robot.row) <= set(NUMBERS) <= set(FAMILY.space.names)
        for parameter in FAMILY.space:
            if parameter.name in robot.row:
                train, value = parameter.train, robot.row[parameter.name]
                if isinstance(train, Proportional):
                    train, value = train.factor, value / math.prod(robot.row[p.name] for p in train.columns)
                low, high = train.support
                assert low <= value <= high, (name, parameter.name)


def test_the_nominal_and_every_real_robot_stand_with_no_action() -> None:
    robots = FAMILY.tasks("robots").values
    columns = [FAMILY.space.names.index(name) for name in NUMBERS]
    rows = FAMILY.space.nominal(1 + len(robots))
    rows.values[1:, columns] = robots[:, columns]
    rows.values[:, FAMILY.space.names.index("commands")] = FAMILY.space["commands"].read("fixed")  # told to stand
    env = worlds(rows)
    start = env.simulator.state["qpos"][..., 2].clone()
    for _ in range(200):
        terminated = env.step(still(env)).terminated
        assert terminated is not None
        assert not bool(terminated.any())
    state = env.simulator.state
    assert float(env._observation()[..., NAMES.index("gravity_z")].max()) < -0.995
    assert float((state["qpos"][..., 2] / start).min()) > 0.97
    assert float(state["qpos"][..., :2].norm(dim=-1).max()) < 0.06


def test_positive_angles_are_alike_on_both_sides_and_turn_as_the_interface_says() -> None:
    moved = {}
    for joint in JOINTS:
        model = model_of()
        data = mujoco.MjData(model)
        mujoco.mj_kinematics(model, data)
        leg = joint.split("_")[0]
        before = data.site(f"{leg}_toe").xpos.copy()
        data.joint(joint).qpos[:] = 0.2
        mujoco.mj_kinematics(model, data)
        moved[joint] = data.site(f"{leg}_toe").xpos - before
    for joint in JOINTS[:6]:
        other = moved[joint.replace("left", "right")] * [1.0, -1.0, 1.0]
        assert moved[joint].tolist() == pytest.approx(other.tolist(), abs=1e-9)
    assert moved["left_hip_yaw"][1] > 0.01
    assert moved["left_hip_roll"][1] > 0.05
    assert moved["left_hip_pitch"][0] < -0.05
    assert moved["left_knee"][0] < -0.02
    assert moved["left_ankle_pitch"][2] < -0.02
    assert sum(STAND[kind] for kind in ("hip_pitch", "knee", "ankle_pitch")) == pytest.approx(0.0)


def test_a_payload_adds_its_mass_where_it_is_put() -> None:
    empty, loaded = model_of(), model_of(payload_mass=3.0, payload_x=-0.5, payload_y=0.2)
    height = ROBOTS["g1"].torso_height
    assert loaded.body_mass.sum() == pytest.approx(empty.body_mass.sum() + 3.0, abs=1e-5)
    expected = [-0.5 * DEPTH * height, 0.2 * SHOULDERS * height, height]
    assert loaded.body("payload").pos.tolist() == pytest.approx(expected)


def test_feet_touch_each_other_and_only_the_ground_counts_as_contact() -> None:
    model = model_of()
    data = mujoco.MjData(model)
    data.qpos[2] += 0.5  # in the air, with crossed legs
    for leg in LEGS:
        data.joint(f"{leg}_hip_roll").qpos[:] = -0.2
    mujoco.mj_forward(model, data)
    assert data.ncon > 0
    assert data.sensordata[[9, 22]].tolist() == [0.0, 0.0]


def test_the_servos_follow_the_actions_with_a_lag_and_the_last_target_is_observed() -> None:
    env = worlds(FAMILY.task(commands="fixed"))  # told to stand: nothing is added to the actions
    for expected in (0.3, 0.3 + 0.3 * 0.7, 0.51 + 0.3 * 0.49):
        observation = env.step(torch.ones_like(still(env))).observation
        assert observation[0, 0, NAMES.index("left_knee_target")] == pytest.approx(expected, rel=1e-5)


# -- the clock and the feet --------------------------------------------------------------------------------------------


Foot = tuple[float, float, float]


def with_feet(*, left: Foot, right: Foot, phase: float, told: float = 0.3) -> Transition:
    """A step after which each foot has a height, in leg lengths, contacts, and a share of the weight."""
    weight = GRAVITY * total_mass(ROBOTS["g1"])
    length = float(G1["thigh_length"] + G1["calf_length"])
    feet = torch.zeros(1, 1, 2, 13)
    for place, (height, touch, share) in enumerate((left, right)):
        feet[..., place, 8] = height * length + float(G1["ankle_height"])
        feet[..., place, 9], feet[..., place, 12] = touch, -share * weight
    command = torch.tensor([told, 0.0, 0.0, told, 0.0, float(told > 0.0)]).view(1, 1, 6)
    after: State = {"sensordata": feet.flatten(2), "phase": torch.full((1, 1), phase)}
    return Transition({"command": command}, torch.zeros(1, 1, 12), after, G1)


DOWN, HALF, HIGH, LOW = (0.0, 4.0, 0.5), (0.0, 4.0, 0.25), (0.1, 0.0, 0.0), (0.04, 0.0, 0.0)


@pytest.mark.parametrize(
    ("left", "right", "phase", "told", "expected"),
    [
        (HIGH, DOWN, math.pi / 2, 0.3, 1.0),
        (LOW, DOWN, math.pi / 2, 0.3, 0.75),
        (DOWN, HIGH, math.pi / 2, 0.3, 0.0),
        (DOWN, HIGH, 3 * math.pi / 2, 0.3, 1.0),
        (HALF, DOWN, math.pi / 2, 0.3, 0.25),
        (HIGH, HIGH, math.pi / 2, 0.3, 0.0),
        (DOWN, DOWN, math.pi / 2, 0.3, 0.0),
        (DOWN, DOWN, 0.1, 0.3, 1.0),
        (DOWN, DOWN, math.pi / 2, 0.0, 1.0),
        (HIGH, DOWN, math.pi / 2, 0.0, 0.0),
    ],
)
def test_steps_are_paid_in_time_with_the_clock(
    left: Foot, right: Foot, phase: float, told: float, expected: float
) -> None:
    step = with_feet(left=left, right=right, phase=phase, told=told)
    assert float(stepping(step)) == pytest.approx(expected, abs=1e-5)


def test_the_clock_goes_round_once_in_a_cycle_and_starts_anywhere() -> None:
    env = worlds(FAMILY.task(), 8)
    start = env.state["phase"].clone()
    assert float(start.max() - start.min()) > 3.0
    steps = 10
    for _ in range(steps):
        env.step(still(env))
    moved = torch.remainder(env.state["phase"] - start, 2.0 * math.pi)
    cycle = CYCLE * float(natural_time(G1))
    torch.testing.assert_close(moved, torch.full_like(moved, 2.0 * math.pi * steps * DT / cycle))


def test_robots_step_in_place_in_time_with_the_clock_without_a_policy() -> None:
    env = worlds(FAMILY.task(command_x=0.2), 4)
    paid, alive = torch.zeros(1, 4), torch.ones(1, 4, dtype=torch.bool)
    for _ in range(200):
        before = {**env.simulator.state, "command": env.state["command"]}
        step = env.step(still(env))
        assert step.terminated is not None
        alive &= ~step.terminated
        paid += stepping(Transition(before, still(env), env.state, G1))
    assert bool(alive.all())
    assert float(paid.min()) / 200 > 0.4  # standing still brings 0.35, falling less
    assert float(env.simulator.state["qpos"][..., :2].abs().max()) < 0.5


def test_nothing_is_added_to_the_actions_of_a_robot_that_is_told_to_stand() -> None:
    assert FAMILY.reference is not None
    for told, moves in ((0.2, True), (0.0, False)):
        env = worlds(FAMILY.task(commands="fixed", command_x=told), 4)
        assert bool(FAMILY.reference(env.state, G1).any()) == moves


def test_a_replay_finds_the_clock_in_what_was_observed() -> None:
    env = worlds(FAMILY.task(command_x=0.3), 3)
    env.step(still(env))
    observation = env.step(still(env)).observation
    assert MEMORY.resume is not None
    assert MEMORY.follow is not None
    resumed = MEMORY.resume(env.simulator.state, observation, G1)
    again = FAMILY.observe({**env.simulator.state, **resumed}, G1)
    torch.testing.assert_close(again, observation, check_dtype=False)
    followed = MEMORY.follow({**resumed, "phase": resumed["phase"] + 1.0}, observation)
    turned = torch.remainder(followed["phase"] - env.state["phase"] + 1.0, 2.0 * math.pi)
    torch.testing.assert_close(turned, torch.ones_like(turned))


def test_a_foot_that_rolls_over_its_toes_does_not_slip_and_one_that_slides_does() -> None:
    feet = torch.zeros(1, 1, 2, 13)
    feet[..., 0, 0:2] = torch.tensor([0.3, 0.4])  # the left heel moves, and its toe rests
    feet[..., 1, 0:2] = feet[..., 1, 3:5] = torch.tensor([0.3, 0.4])
    feet[..., 9] = 2.0
    speed, touch = slip({"sensordata": feet.flatten(2)}, G1)
    torch.testing.assert_close(speed, torch.tensor([[[0.0, 0.5]]]))
    assert touch.tolist() == [[[1.0, 1.0]]]


def test_a_standing_robot_has_both_soles_on_the_ground() -> None:
    env = worlds(FAMILY.task())
    for _ in range(30):
        env.step(still(env))
    assert touching(env.state).tolist() == [[[1.0, 1.0]]]
    assert float(lift(env.state, G1).abs().max()) < 0.01

"""The quadruped: its rows are the robots they name, each column does what it says, and the robots stand and trot."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.adapters.gymnasium_out import FamilyEnv
from robotmeta.cli import main
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import Parameter, ParameterSpace, TaskBatchEnv, TaskFamily, Tasks, make
from robotmeta.envs.distributions import LogUniform, Uniform
from robotmeta.envs.edits import Field, ModelEdit
from robotmeta.envs.families.legged.world import GRAVITY, TIMESTEP
from robotmeta.envs.families.quadruped.model import JOINTS, LEGS, NUMBERS
from robotmeta.envs.families.quadruped.robots import ROBOTS, QuadrupedParameters
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.envs.parameters import Proportional
from robotmeta.errors import UserError
from robotmeta.policy import new_policy
from robotmeta.policy_file import save_policy

FAMILY = make("quadruped")
assert isinstance(FAMILY.world, MujocoWorld)
BUILD = ModelBuilder(FAMILY.world.spec, FAMILY.space)
NAMES = [name for name, _ in FAMILY.observations]


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


def together(*tasks: Tasks) -> Tasks:
    return Tasks(FAMILY.space.names, np.concatenate([t.values for t in tasks]))


def total_mass(robot: QuadrupedParameters) -> float:
    return robot.trunk_mass + 4 * (robot.hip_mass + robot.thigh_mass + robot.calf_mass)


def settled(model: mujoco.MjModel, seconds: float = 2.0) -> mujoco.MjData:
    """A robot asked to stand for a while."""
    data = mujoco.MjData(model)
    for _ in range(round(seconds / TIMESTEP)):
        mujoco.mj_step(model, data)
    return data


# -- a row is a robot --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROBOTS)
def test_a_real_robot_has_the_masses_sizes_and_torques_of_its_row(name: str) -> None:
    robot, (model,) = ROBOTS[name], BUILD(FAMILY.robot(name))
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    assert model.body_mass.sum() == pytest.approx(total_mass(robot), abs=1e-5)
    assert model.body("trunk").mass == pytest.approx(robot.trunk_mass)
    for leg in LEGS:
        assert model.body(f"{leg}_hip").mass == pytest.approx(robot.hip_mass)
        assert model.body(f"{leg}_thigh").mass == pytest.approx(robot.thigh_mass)
        assert model.body(f"{leg}_calf").mass == pytest.approx(robot.calf_mass)
        hip, thigh, knee = (data.body(f"{leg}_{link}").xpos for link in ("hip", "thigh", "calf"))
        assert np.linalg.norm(thigh - hip) == pytest.approx(robot.hip_offset)
        assert np.linalg.norm(knee - thigh) == pytest.approx(robot.thigh_length)
        assert np.linalg.norm(model.geom(f"{leg}_foot").pos) == pytest.approx(robot.calf_length)
        for joint in ("abduction", "hip"):
            assert model.actuator(f"{leg}_{joint}").forcerange.tolist() == [-robot.hip_torque, robot.hip_torque]
        assert model.actuator(f"{leg}_knee").forcerange.tolist() == [-robot.knee_torque, robot.knee_torque]
    front, hind = data.body("fl_hip").xpos, data.body("hr_hip").xpos
    assert (front - hind)[:2].tolist() == pytest.approx([robot.trunk_length, robot.trunk_width])


def test_every_real_robot_says_where_its_numbers_come_from() -> None:
    assert FAMILY.robots.keys() == ROBOTS.keys()
    for robot in ROBOTS.values():
        assert robot.source
        assert set(robot.estimated) <= set(robot.row) <= set(NUMBERS) <= set(FAMILY.space.names)


def test_real_robots_lie_within_what_is_trained_on() -> None:
    # Held-out they are, but no harder than what was seen: each number fits the distribution it would be drawn from.
    for name, robot in ROBOTS.items():
        for parameter in FAMILY.space:
            if parameter.name in robot.row:
                train, value = parameter.train, robot.row[parameter.name]
                if isinstance(train, Proportional):
                    train, value = train.factor, value / math.prod(robot.row[p.name] for p in train.columns)
                low, high = train.support
                assert low <= value <= high, (name, parameter.name)


def test_the_gains_are_in_units_of_the_robot() -> None:
    for name in ("solo12", "spot"):
        robot, (model,) = ROBOTS[name], BUILD(FAMILY.robot(name, stiffness=1.2, damping=0.08))
        length = robot.thigh_length + robot.calf_length
        stiffness = 1.2 * total_mass(robot) * GRAVITY * length
        np.testing.assert_allclose(model.actuator_biasprm[:, 1], -stiffness)
        np.testing.assert_allclose(model.actuator_biasprm[:, 2], -0.08 * stiffness * math.sqrt(length / GRAVITY))


def test_the_parts_of_a_sampled_robot_fit_together() -> None:
    thigh = Parameter(
        "thigh", "length", train=LogUniform(0.1, 0.4), nominal=0.2, bounds=(0.0, 1.0), ood=Uniform(0.4, 0.5)
    )
    mass = Parameter(
        "mass", "of it", train=Proportional(Uniform(2.0, 3.0), (thigh, thigh, thigh)), nominal=0.02, bounds=(0.0, 1.0)
    )
    space = ParameterSpace((thigh, mass))
    assert str(mass.train) == "U(2, 3) * thigh^3"
    assert mass.train.support == pytest.approx((2.0 * 0.1**3, 3.0 * 0.4**3))
    for ood in (False, True):
        lengths, masses = space.sample(200, np.random.default_rng(0), ood=ood).values.T
        factors = masses / lengths**3
        assert 2.0 <= factors.min() < 2.1
        assert 2.9 < factors.max() <= 3.0


@pytest.mark.slow
def test_every_sampled_and_every_real_robot_stands_still() -> None:
    sampled = FAMILY.sample(40, np.random.default_rng(3))
    columns = [FAMILY.space.names.index(name) for name in NUMBERS]
    robots = FAMILY.space.nominal(40)
    robots.values[:, columns] = sampled.values[:, columns]
    env = worlds(together(robots, FAMILY.tasks("robots")))
    height = env.simulator.nominal["qpos"][..., 2].clone()
    for _ in range(200):
        terminated = env.step(still(env)).terminated
        assert terminated is not None
        assert not bool(terminated.any())
    state = env.simulator.state
    assert float(state["qvel"].abs().max()) < 0.05
    assert float((state["qpos"][..., 2] / height).min()) > 0.85
    assert float(env._observation()[..., NAMES.index("gravity_z")].max()) < -0.99


# -- what a robot can meet ---------------------------------------------------------------------------------------------


def test_nominal_values_leave_the_nominal_robot_as_it_is() -> None:
    (row,) = FAMILY.task()
    for parameter in FAMILY.space:
        for edit in parameter.edits:
            if isinstance(edit, Field | ModelEdit):
                model = copy.copy(BUILD.nominal)
                edit.apply(model, parameter.nominal, row)
                for field in mujoco.MjModel._all_fields:
                    assert np.array_equal(getattr(model, field), getattr(BUILD.nominal, field)), (parameter.name, field)


def test_a_payload_adds_its_mass_where_it_is_put_and_makes_the_robot_sag() -> None:
    empty, loaded = model_of(), model_of(payload_mass=4.0, payload_x=0.25, payload_y=-0.5)
    assert empty.body("payload").mass < 1e-5
    assert loaded.body("payload").mass == pytest.approx(4.0)
    assert loaded.body_mass.sum() == pytest.approx(empty.body_mass.sum() + 4.0, abs=1e-5)
    trunk = ROBOTS["go2"]
    assert loaded.body("payload").pos[:2].tolist() == pytest.approx([trunk.trunk_length / 4, -trunk.trunk_width / 2])
    side = 2 * loaded.geom("payload").size[0]
    assert loaded.body("payload").inertia.tolist() == pytest.approx([4.0 * side**2 / 6] * 3)
    heights = [float(settled(model_of(payload_mass=mass)).qpos[2]) for mass in (0.0, 2.0, 4.0)]
    assert heights[0] > heights[1] > heights[2] > 0.8 * heights[0]


def test_a_load_on_one_side_makes_the_robot_lean_to_it() -> None:
    rolls = [float(settled(model_of(payload_mass=3.0, payload_y=y)).qpos[4]) for y in (0.5, 0.0, -0.5)]
    assert rolls[0] < -1e-3 < 1e-3 < rolls[2]  # a positive roll lifts the left side
    assert rolls[1] == pytest.approx(0.0, abs=1e-3)


def test_a_limp_joint_has_no_torque_and_the_others_keep_theirs() -> None:
    healthy, limp = model_of(), model_of(faulty_joint=6.0, fault=0.0)
    forces = []
    for model in (healthy, limp):
        data = mujoco.MjData(model)
        data.ctrl[:] = 0.5
        mujoco.mj_forward(model, data)
        forces.append(data.actuator_force.copy())
    assert JOINTS[5] == "fr_knee"
    assert forces[1][5] == 0.0
    assert forces[0][5] != 0.0
    assert np.array_equal(np.delete(forces[0], 5), np.delete(forces[1], 5))


@pytest.mark.parametrize("joint", [1, 2, 12])
def test_a_locked_joint_does_not_move_while_the_others_do(joint: int) -> None:
    env = worlds(together(FAMILY.task(faulty_joint=float(joint), fault=1.0), FAMILY.task()))
    generator = torch.Generator().manual_seed(1)
    env.simulator.state["qpos"][:, :, 7:] = 0.0
    moved = []
    for _ in range(25):
        env.step(2.0 * torch.rand(2, 1, env.action_size, generator=generator) - 1.0)
        moved.append(env.simulator.state["qpos"][:, 0, 7:].abs().clone())
    furthest = torch.stack(moved).amax(dim=0)
    assert float(furthest[0, joint - 1]) < 0.03
    assert float(furthest[1, joint - 1]) > 0.1
    others = torch.arange(env.action_size) != joint - 1
    assert float(furthest[0, others].min()) > 0.1


@pytest.mark.parametrize(("milliseconds", "substeps"), [(0.0, 0), (5.0, 1), (12.0, 3), (30.0, 6), (60.0, 12)])
def test_latency_delays_the_servos_by_its_substeps_rounded_up(milliseconds: float, substeps: int) -> None:
    model = model_of(latency=milliseconds)
    data = settled(model, 1.0)
    before = float(data.actuator("fl_hip").force[0])
    data.ctrl[:] = 1.0
    forces = []
    for _ in range(16):
        mujoco.mj_step(model, data)
        forces.append(float(data.actuator("fl_hip").force[0]))
    arrived = [force > before + 5.0 for force in forces]
    assert arrived.index(True) == substeps


def test_controls_of_one_episode_do_not_arrive_in_the_next() -> None:
    env = worlds(FAMILY.task(latency=60.0))
    first = env.reset(torch.Generator().manual_seed(0))
    fresh = [env.step(still(env)).observation for _ in range(5)]
    for _ in range(5):
        env.step(torch.ones_like(still(env)))
    assert torch.equal(env.reset(torch.Generator().manual_seed(0)), first)
    assert torch.equal(torch.stack([env.step(still(env)).observation for _ in range(5)]), torch.stack(fresh))


@pytest.mark.parametrize("leg", LEGS)
def test_strength_scales_limits_and_gains_of_one_leg(leg: str) -> None:
    nominal, weak = model_of(), model_of(**{f"strength_{leg}": 0.6})
    scale = np.array([0.6 if joint.startswith(leg) else 1.0 for joint in JOINTS])[:, None]
    for field in ("actuator_gainprm", "actuator_biasprm", "actuator_forcerange"):
        np.testing.assert_allclose(getattr(weak, field), scale * getattr(nominal, field))


def test_friction_of_the_floor_is_what_the_column_says_and_holds_the_feet() -> None:
    drifts = []
    for friction in (0.1, 0.25, 0.8):
        model = model_of(friction=friction)
        data = settled(model)
        assert [contact.friction[0] for contact in data.contact] == pytest.approx([friction] * 4)
        start = float(data.qpos[1])
        data.qfrc_applied[1] = 0.3 * GRAVITY * total_mass(ROBOTS["go2"])  # a push to the left, a third of its weight
        for _ in range(100):
            mujoco.mj_step(model, data)
        drifts.append(float(data.geom("fl_foot").xpos[1]) - start)
    assert drifts[0] > drifts[1] + 0.1 > drifts[2] + 0.1


# -- what a policy observes and maximizes ------------------------------------------------------------------------------


def test_observations_are_in_the_trunk_frame_and_in_natural_units() -> None:
    env = worlds(FAMILY.task(speed=0.4))
    state, length = env.simulator.state, 2 * ROBOTS["go2"].thigh_length
    time = math.sqrt(length / GRAVITY)
    state["qpos"][..., 3:7] = torch.tensor(
        [math.sqrt(0.5), 0.0, 0.0, math.sqrt(0.5)], dtype=torch.float64
    )  # to the left
    state["qpos"][..., 7:] = torch.arange(12) / 100.0
    state["qvel"][..., :3] = torch.tensor([0.0, 1.0, 0.5])  # which no sensor of a robot tells
    state["qvel"][..., 3:6] = torch.tensor([0.1, 0.2, 0.3])
    state["qvel"][..., 6:] = torch.arange(12) / 10.0
    state["ctrl"][:] = torch.arange(12) / 12.0
    expected = torch.tensor(
        [
            *(0.0, 0.0, -1.0),
            *(0.1 * time, 0.2 * time, 0.3 * time),
            *(i / 100.0 for i in range(12)),
            *(i / 10.0 * time for i in range(12)),
            *(i / 12.0 for i in range(12)),
            0.4,
        ]
    )
    torch.testing.assert_close(env._observation()[0, 0], expected)
    assert [name for name, _ in FAMILY.privileged_state] == ["velocity_x", "velocity_y"]
    assert FAMILY.observe_privileged_state is not None
    privileged = FAMILY.observe_privileged_state(state, env.tasks.columns())
    torch.testing.assert_close(privileged[0, 0].float(), torch.tensor([1.0 / math.sqrt(GRAVITY * length), 0.0]))
    half = math.radians(30.0)
    state["qpos"][..., 3:7] = torch.tensor([math.cos(half), math.sin(half), 0.0, 0.0], dtype=torch.float64)
    gravity = env._observation()[0, 0, :3]  # rolled by 60 degrees: left side up
    torch.testing.assert_close(gravity, torch.tensor([0.0, -math.sin(2 * half), -math.cos(2 * half)]))


def test_the_policy_is_told_the_speed_and_nothing_else_of_the_task() -> None:
    env = worlds(together(FAMILY.task(), FAMILY.task(speed=0.5), FAMILY.robot("go2", payload_mass=3.0, friction=0.3)))
    env.simulator.state["qpos"][:, :, 7:] = 0.0
    nominal, faster, loaded = env._observation()[:, 0]
    assert torch.equal(nominal, loaded)
    assert [NAMES[i] for i in (nominal != faster).nonzero().flatten()] == ["speed"]


def test_the_command_changes_the_pay_and_not_the_physics() -> None:
    env = worlds(together(*(FAMILY.task(speed=speed) for speed in (0.2, 0.4))))
    action = 0.2 * torch.ones(2, 1, env.action_size)
    env.simulator.state["qpos"][1] = env.simulator.state["qpos"][0]
    for step in [env.step(action) for _ in range(10)]:
        assert torch.equal(step.observation[0, :, :-1], step.observation[1, :, :-1])
        assert step.reward[0] != step.reward[1]


def test_the_pay_by_hand() -> None:
    env = worlds(FAMILY.task(speed=0.3))
    env.step(0.1 * torch.ones(1, 1, env.action_size))
    step = env.step(torch.full((1, 1, env.action_size), -0.2))
    seen = dict(zip(NAMES, step.observation[0, 0].tolist(), strict=True))
    trunk_to_world = np.zeros(9)
    mujoco.mju_quat2Mat(trunk_to_world, env.simulator.state["qpos"][0, 0, 3:7].numpy())
    in_world = env.simulator.state["qvel"][0, 0, :3].numpy()
    velocity = trunk_to_world.reshape(3, 3).T @ in_world / math.sqrt(GRAVITY * 2 * ROBOTS["go2"].thigh_length)
    forward = max(0.0, 1.0 - abs(velocity[0] - 0.3) / 0.3)
    sideways = 0.1 ** ((velocity[1] / 0.3) ** 2)
    turning = 0.1 ** ((seen["angular_velocity_z"] / 0.4) ** 2)
    upright = -seen["gravity_z"]
    expected = upright * (0.1 + 0.9 * forward * sideways * turning) - 0.05 * 0.3**2
    assert float(step.reward) == pytest.approx(expected, abs=1e-5)


def test_a_robot_has_fallen_at_60_degrees_or_at_half_its_height() -> None:
    env = worlds(FAMILY.task(), episodes=4)
    qpos = env.simulator.state["qpos"]
    for episode, degrees in enumerate((55.0, 65.0)):
        half = math.radians(degrees) / 2
        qpos[0, episode, 3:7] = torch.tensor([math.cos(half), 0.0, math.sin(half), 0.0], dtype=torch.float64)
    qpos[0, 2, 2] *= 0.55
    qpos[0, 3, 2] *= 0.45
    fallen = FAMILY.terminated(env.simulator.state, FAMILY.task().columns())
    assert fallen is not None
    assert fallen.tolist() == [[False, True, False, True]]


def test_success_is_the_mean_speed_of_a_whole_episode_within_a_quarter() -> None:
    env = worlds(FAMILY.task(speed=0.4), episodes=5)
    qpos = env.simulator.state["qpos"]
    goal = 0.4 * math.sqrt(GRAVITY * 2 * ROBOTS["go2"].thigh_length) * FAMILY.horizon * FAMILY.dt
    qpos[0, :, 0] = goal * torch.tensor([0.7, 0.8, 1.0, 1.3, 1.0])
    qpos[0, 4, 2] = 0.05
    success = env.success()
    assert success is not None
    assert success.tolist() == [[False, True, True, False, False]]


def test_an_open_loop_trot_walks_forward_and_pays_better_than_standing() -> None:
    # Diagonal legs together, half a cycle in a natural time; legs swing back and forth, knees bend on the way forward.
    names = ("go1", "go2", "a1", "spot", "solo12", "mini-cheetah", "b2")
    tasks = together(*(FAMILY.robot(name) for name in names))
    length = torch.tensor([ROBOTS[name].thigh_length + ROBOTS[name].calf_length for name in names])
    walking, standing = worlds(tasks), worlds(tasks)
    rewards = torch.zeros(2, len(names))
    for t in range(FAMILY.horizon):
        phase = math.pi * t * FAMILY.dt / (length / GRAVITY).sqrt()
        action = torch.zeros(len(names), 1, FAMILY.action_size)
        for i, leg in enumerate(LEGS):
            shifted = phase + math.pi * (leg in ("fr", "hl"))
            action[:, 0, 3 * i + 1] = 0.4 * shifted.cos()
            action[:, 0, 3 * i + 2] = -0.6 * shifted.sin().clamp(min=0.0)
        steps = walking.step(action), standing.step(torch.zeros_like(action))
        rewards += torch.stack([step.reward[:, 0] for step in steps])
        assert all(step.terminated is not None and not bool(step.terminated.any()) for step in steps)
    walked = walking.simulator.state["qpos"][:, 0, 0] / (FAMILY.horizon * FAMILY.dt * (GRAVITY * length).sqrt())
    assert float(walked.min()) > 0.08
    assert bool((rewards[0] > 2.0 * rewards[1]).all())


# -- robots by name ----------------------------------------------------------------------------------------------------


def test_a_robot_is_a_task_that_other_columns_can_change() -> None:
    (row,) = FAMILY.robot("anymal-c", payload_mass=5.0, calf_length=0.3)
    expected = {**next(iter(FAMILY.task())), **ROBOTS["anymal-c"].row, "payload_mass": 5.0, "calf_length": 0.3}
    assert row == expected
    assert FAMILY.task(robot="go2").digest == FAMILY.robot("go2").digest == FAMILY.task().digest


def test_the_robots_split_holds_every_robot_once() -> None:
    assert FAMILY.splits == ("test", "ood", "robots")
    tasks = FAMILY.tasks("robots")
    assert len(tasks) == len(ROBOTS)
    for row, name in zip(tasks, ROBOTS, strict=True):
        assert row == next(iter(FAMILY.robot(name)))
    assert len(FAMILY.tasks("robots", 3)) == 3


def without_robots() -> TaskFamily:
    return make("cheetah-direction")


@pytest.mark.parametrize(
    ("mistake", "expected"),
    [
        (lambda: FAMILY.robot("go3"), r"no robot 'go3' in family 'quadruped'; nearest: go\d, go\d \(also a1, .*spot\)"),
        (lambda: FAMILY.tasks("robot"), r"no split 'robot'; nearest: robots, ood \(also test, changing\)"),
        (lambda: without_robots().robot("go2"), "no robot 'go2' in family 'cheetah-direction': there are none"),
        (lambda: without_robots().tasks("robots"), "family 'cheetah-direction' has no robots split; there is: test"),
        (lambda: FAMILY.robot("go2", calf_length=0.0), r"calf_length=0 is outside its physical range \[0.05, 3\] m"),
        (lambda: FAMILY.task(friction=-0.1), "friction=-0.1 is outside"),
        (lambda: FAMILY.task(trunk_length=5.0), "trunk_length=5 is outside"),
        (lambda: FAMILY.task(payload_mass=-1.0), "payload_mass=-1 is outside"),
        (lambda: FAMILY.task(faulty_joint=2.5), "faulty_joint is one of none, fl_abduction, .* hr_knee, not 2.5"),
        (lambda: FAMILY.task(latency=80.0), "latency=80 is outside"),
    ],
)
def test_what_cannot_be_is_answered_in_one_line(mistake, expected: str) -> None:
    with pytest.raises(UserError, match=expected) as error:
        mistake()
    assert "\n" not in str(error.value)


def test_gymnasium_takes_a_robot_by_name() -> None:
    env = FamilyEnv("quadruped", task={"robot": "spot", "payload_mass": 3.0})
    _, info = env.reset(seed=0)
    assert info["task"] == next(iter(FAMILY.robot("spot", payload_mass=3.0)))
    _, info = env.reset(options={"task": {"robot": "b2"}})
    assert info["task"]["trunk_mass"] == ROBOTS["b2"].trunk_mass
    with pytest.raises(UserError, match="no robot 'spott'"):
        FamilyEnv("quadruped", task={"robot": "spott"})


@pytest.mark.slow
def test_the_command_line_takes_a_robot_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy, answer = tmp_path / "policy.safetensors", tmp_path / "answer.json"
    save_policy(new_policy(RunConfig("quadruped", "promp", hyperparameters("promp", {"hidden": (8,)}))), policy)
    main(["adapt", str(policy), "--task", "robot=solo12", "payload_mass=0.5", "--episodes", "1", "--json", str(answer)])
    assert json.loads(answer.read_text())["task"] == next(iter(FAMILY.robot("solo12", payload_mass=0.5)))
    main(["families", "quadruped", "--json", str(answer)])
    described = json.loads(answer.read_text())
    assert described["splits"] == ["train", "test", "ood", "robots"]
    assert described["robots"]["go2"] == ROBOTS["go2"].row
    assert "robot=a1" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        main(["adapt", str(policy), "--task", "robot=solo13"])
    assert stopped.value.code == 2
    assert "nearest: solo12" in capsys.readouterr().err


# -- off the level floor -----------------------------------------------------------------------------------------------


def test_on_terrain_the_interface_is_that_on_the_level_floor() -> None:
    rough = make("quadruped-terrain")
    assert (rough.observations, rough.actions, rough.horizon) == (
        FAMILY.observations,
        FAMILY.actions,
        FAMILY.horizon,
    )
    assert rough.space.names == (*FAMILY.space.names, "terrain", "difficulty", "terrain_seed")
    assert rough.robot("spot", terrain=1.0, difficulty=0.4).names == rough.space.names


@pytest.mark.parametrize("robot", ["solo12", "go2", "b2"])
def test_a_fall_is_judged_from_the_ground_under_the_robot(robot: str) -> None:
    rough = make("quadruped-terrain")
    task = rough.robot(robot, terrain=1.0, difficulty=1.0, terrain_seed=0.0)  # uphill in all directions
    env = TaskBatchEnv(rough, 1, 2)
    env.load(task)
    env.reset(torch.Generator().manual_seed(0))
    qpos, legs = env.simulator.state["qpos"], ROBOTS[robot].thigh_length + ROBOTS[robot].calf_length
    before = float(qpos[0, 0, 2])
    qpos[0, :, 0] = 8.0 * legs  # beyond the flat apron of 0.8 legs
    qpos[0, 0, 2] = before + 0.35 * (8.0 - 0.8) * legs
    fallen = rough.terminated(env.simulator.state, task.columns())
    assert fallen is not None
    assert fallen.tolist() == [[False, True]]


def test_a_robot_with_longer_legs_than_the_ground_is_made_for_is_refused() -> None:
    env = TaskBatchEnv(make("quadruped-terrain"), 1, 1)
    with pytest.raises(UserError, match=r"the terrain is made for legs of at most 1\.1 m"):
        env.load(env.family.task(thigh_length=0.8, calf_length=0.8, terrain=1.0))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quadruped", {"hip_torque": 0.0}),  # MuJoCo would make no limit of it
        ("quadruped", {"knee_torque": 0.0}),
        ("quadruped", {"friction": 0.0}),  # the simulation would diverge
        ("quadruped-terrain", {"speed": 0.8}),  # the robot would walk off the ground
    ],
)
def test_what_the_simulation_cannot_bear_is_outside_the_physical_range(name: str, value: dict[str, float]) -> None:
    with pytest.raises(UserError, match="outside its physical range"):
        make(name).task(**value)

"""What every registered family promises, and the physics behind the parameters of the half-cheetah."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.envs import FAMILIES, TaskBatchEnv, TaskFamily, Tasks, make
from robotmeta.envs.family import ClosedFormWorld, MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.envs.simulators.mujoco_cpu import MujocoSimulator
from robotmeta.errors import RobotmetaWarning, SimulationDiverged

SIMULATED = [name for name in FAMILIES if isinstance(make(name).world, MujocoWorld)]
# What a policy is told is the same in all training tasks; the tests of its family try it.
PARAMETERS = [(name, p) for name in FAMILIES for p in make(name).space.names if p not in make(name).told]
# Random actions do not bring Fetch's fingers to the object; the tests of Fetch do.
PARAMETERS = [pair for pair in PARAMETERS if pair[1] != "finger_friction" or not pair[0].startswith("fetch-")]

# Parameters that change nothing without another one: a fault needs a joint, a faulty joint some fault.
TOGETHER_WITH: dict[str, Mapping[str, float]] = {
    "faulty_joint": {"fault_strength": 0.0},
    "fault_strength": {"faulty_joint": 1.0},
    "difficulty": {"terrain": 1.0},
    "terrain_seed": {"terrain": 1.0},
    "fault": {"faulty_joint": 3.0},
    "payload_x": {"payload_mass": 3.0},
    "payload_y": {"payload_mass": 3.0},
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_actions(env: TaskBatchEnv, steps: int, seed: int = 1) -> Tensor:
    """Actions over the whole range and somewhat beyond, ``[time, task, episode, action]``."""
    shape = (steps, env.num_tasks, env.num_episodes, env.action_size)
    return 2.4 * torch.rand(shape, generator=generator(seed)) - 1.2


def play(env: TaskBatchEnv, actions: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Observations ``[time + 1, ...]`` and rewards ``[time, ...]`` of an open-loop rollout that ignores endings."""
    observations, rewards = [env.reset(generator(seed))], []
    for action in actions:
        step = env.step(action)
        assert step.diverged is None
        observations.append(step.observation)
        rewards.append(step.reward)
    return torch.stack(observations), torch.stack(rewards)


def builder(family: TaskFamily) -> ModelBuilder:
    assert isinstance(family.world, MujocoWorld)
    return ModelBuilder(family.world.spec, family.space)


def model_of(family: TaskFamily, **values: float) -> mujoco.MjModel:
    (model,) = builder(family)(family.task(**values))
    return model


def content(model: mujoco.MjModel) -> bytes:
    """Everything a model holds."""
    buffer = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return buffer.tobytes()


# -- every family ------------------------------------------------------------------------------------------------------


@pytest.mark.smoke
@pytest.mark.parametrize("name", FAMILIES)
def test_worlds_have_the_interface_the_family_declares(name: str) -> None:
    family = make(name)
    assert family.name == name
    assert len(set(family.observations)) == family.observation_size
    assert len(set(family.actions)) == family.action_size
    env = TaskBatchEnv(family, 2, 3)
    observation = env.reset(generator())
    step = env.step(random_actions(env, 1)[0])
    for seen in (observation, step.observation):
        assert seen.shape == (2, 3, family.observation_size)
        assert seen.dtype == torch.float32
        assert bool(seen.isfinite().all())
    assert step.reward.shape == (2, 3)
    assert step.reward.dtype == torch.float32
    assert (step.shaping_reward is None) == (family.shaping_reward is None)
    if step.shaping_reward is not None:
        assert step.shaping_reward.shape == (2, 3)
        assert step.shaping_reward.dtype == torch.float32
    assert (env.success() is None) == (family.success is None)
    distance = env.distance()
    assert (distance is None) == (family.distance is None)
    if distance is not None:
        assert distance.shape == (2, 3)
        assert distance.dtype == torch.float32
        assert bool((distance > 0.0).all())
    privileged = env.privileged_state()
    assert privileged.shape == (2, 3, len(family.privileged_state))
    assert privileged.dtype == torch.float32
    assert bool(privileged.isfinite().all())
    if isinstance(family.world, MujocoWorld) and family.world.drive is None:
        assert builder(family).nominal.nu == family.action_size


@pytest.mark.parametrize("name", SIMULATED)
def test_a_control_step_lasts_as_long_as_the_family_says(name: str) -> None:
    family = make(name)
    assert isinstance(family.world, MujocoWorld)
    assert builder(family).nominal.opt.timestep * family.world.frame_skip == pytest.approx(family.dt)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(name: str) -> None:
    family = make(name)
    tasks = family.tasks("test", 3)
    played = []
    for threads in (1, 2, 1):
        env = TaskBatchEnv(family, 3, 2, threads=threads)
        env.load(tasks)
        played.append(play(env, random_actions(env, 20)))
    for observations, rewards in played[1:]:
        assert torch.equal(observations, played[0][0])
        assert torch.equal(rewards, played[0][1])


@pytest.mark.parametrize("name", SIMULATED)
def test_every_episode_starts_from_a_state_of_its_own(name: str) -> None:
    env = TaskBatchEnv(make(name), 2, 3)
    first = env.reset(generator(0))
    assert len(first.flatten(0, 1).unique(dim=0)) == 6
    assert not torch.equal(env.reset(generator(1)), first)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_random_rollouts_stay_finite_on_all_splits(name: str) -> None:
    family = make(name)
    held_out = [family.tasks(split, 6) for split in (("test", "ood") if family.space.has_ood else ("test",))]
    tasks = Tasks(family.space.names, np.concatenate([t.values for t in held_out]))
    env = TaskBatchEnv(family, len(tasks), 4)
    env.load(tasks)
    observations, rewards = play(env, random_actions(env, family.horizon))
    assert bool(observations.isfinite().all())
    assert bool(rewards.isfinite().all())
    if isinstance(env.simulator, MujocoSimulator):
        # No world ran out of room for contacts or constraints either, which would silently drop some.
        assert not env.simulator._batch.warning[:, :, 1].any()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_every_parameter_changes_what_happens_or_what_is_paid(name: str, parameter: str) -> None:
    family = make(name)
    (column,) = (p for p in family.space if p.name == parameter)
    extreme = max(column.train.support, key=lambda value: abs(value - column.nominal))
    together = {n: v for n, v in TOGETHER_WITH.get(parameter, {}).items() if n in family.space.names}
    env = TaskBatchEnv(family, 2, 1)
    nominal, changed = family.task(**together), family.task(**{**together, parameter: extreme})
    env.load(Tasks(nominal.names, np.concatenate([nominal.values, changed.values])))
    # At least a second, so that every foot has met the ground.
    actions = random_actions(env, max(25, round(1.0 / family.dt)))[:, :1].expand(-1, 2, -1, -1)
    # Both worlds start alike, each around its own nominal pose.
    start = env.simulator.nominal
    noise = torch.rand(start["qpos"].shape[-1], generator=generator()) if "qpos" in start else torch.zeros(1)
    env.reset(generator())
    state = {n: v.expand(2, 1, -1) + (0.05 * noise if n == "qpos" else 0.0) for n, v in start.items()}
    env.simulator.reset(state)
    steps = [env.step(action) for action in actions]
    observed = torch.stack([step.observation for step in steps])
    rewards = torch.stack([step.reward for step in steps])
    assert not (torch.equal(observed[:, 0], observed[:, 1]) and torch.equal(rewards[:, 0], rewards[:, 1]))


@pytest.mark.parametrize("name", SIMULATED)
def test_a_batched_step_is_a_loop_of_plain_mujoco_steps_bit_for_bit(name: str) -> None:
    family = make(name)
    assert isinstance(family.world, MujocoWorld)
    tasks = family.tasks("test", 2)
    env = TaskBatchEnv(family, 2, 2)
    env.load(tasks)
    env.reset(generator())
    state = env.simulator.state
    models = builder(family)(tasks)
    worlds = []
    for task, episode in np.ndindex(2, 2):
        data = mujoco.MjData(models[task])
        data.qpos[:], data.qvel[:] = state["qpos"][task, episode], state["qvel"][task, episode]
        if "act" in state:
            data.act[:] = state["act"][task, episode]
        worlds.append((task, episode, data))
    for action in random_actions(env, 10):
        bounded = action.clamp(-1.0, 1.0)
        if family.reference is not None:
            bounded = bounded + family.reference(env.state, tasks.columns()).float()
        drive = family.world.drive
        inputs = {"ctrl": bounded} if drive is None else drive(state, bounded, tasks.columns())
        env.step(action)
        for task, episode, data in worlds:
            for name, value in inputs.items():
                getattr(data, name)[:] = value[task, episode]
            for _ in range(family.world.frame_skip):
                mujoco.mj_step(models[task], data)
            for field in ("qpos", "qvel"):
                assert np.array_equal(state[field][task, episode].numpy(), getattr(data, field))


@pytest.mark.parametrize("name", SIMULATED)
def test_loading_other_tasks_in_between_leaves_no_trace(name: str) -> None:
    family = make(name)
    build = builder(family)
    nominal = content(build.nominal)
    first, second = family.tasks("test", 8)[:4], family.tasks("test", 8)[4:]
    before = [content(model) for model in build(first)]
    build(second)
    assert [content(model) for model in build(first)] == before
    assert content(build.nominal) == nominal

    env = TaskBatchEnv(family, 4, 1)
    env.load(first)
    played = play(env, random_actions(env, 10))
    env.load(second)
    env.reset(generator())
    env.load(first)
    again = play(env, random_actions(env, 10))
    assert torch.equal(played[0], again[0])
    assert torch.equal(played[1], again[1])


@pytest.mark.parametrize("name", SIMULATED)
def test_constants_derived_from_masses_and_lengths_are_up_to_date(name: str) -> None:
    family = make(name)
    for model in builder(family)(family.tasks("test", 5)):
        fresh = copy.copy(model)
        mujoco.mj_setConst(fresh, mujoco.MjData(fresh))
        for field in mujoco.MjModel._all_fields:
            value = getattr(model, field)
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                np.testing.assert_allclose(value, getattr(fresh, field), rtol=1e-9, atol=1e-12, err_msg=field)


# -- worlds that break -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", [1e12, float("nan"), float("inf")])
@pytest.mark.parametrize("name", SIMULATED)
def test_a_world_that_diverges_is_reported_and_leaves_the_others_alone(name: str, broken: float) -> None:
    env = TaskBatchEnv(make(name), 2, 2)
    actions = random_actions(env, 4)
    whole = play(env, actions)

    env.reset(generator())
    env.step(actions[0])
    env.simulator.state["qvel"][0, 1] = broken
    active = torch.ones(2, 2, dtype=torch.bool)
    for t, action in enumerate(actions[1:], start=1):
        step = env.step(action, active)
        if t == 1:
            assert step.diverged is not None
            assert step.diverged.tolist() == [[False, True], [False, False]]
            assert step.reward[0, 1] == 0.0
            active = ~step.diverged
        assert torch.equal(step.observation[active], whole[0][t + 1][active])
        assert torch.equal(step.reward[active], whole[1][t][active])


@pytest.mark.parametrize("name", SIMULATED)
def test_a_broken_world_is_whole_again_after_a_reset(name: str) -> None:
    env = TaskBatchEnv(make(name), 2, 2)
    actions = random_actions(env, 3)
    whole = play(env, actions)
    env.simulator.state["qvel"][0, 1] = float("nan")
    env.step(actions[0])
    again = play(env, actions)
    assert torch.equal(again[0], whole[0])
    assert torch.equal(again[1], whole[1])


def test_nothing_is_left_to_learn_from_when_every_world_diverges() -> None:
    env = TaskBatchEnv(make("cheetah-direction"), 2, 2)
    env.reset(generator())
    env.simulator.state["qvel"][:] = 1e12
    with pytest.raises(SimulationDiverged, match="every world of family 'cheetah-direction' diverged"):
        env.step(random_actions(env, 1)[0])


def test_a_last_world_that_diverges_does_not_cost_the_episodes_that_ended_before_it() -> None:
    env = TaskBatchEnv(make("cheetah-direction"), 1, 2)
    env.reset(generator())
    env.simulator.state["qvel"][0, 1] = 1e12
    ended = torch.tensor([[True, False]])
    step = env.step(random_actions(env, 1)[0], active=~ended)
    assert step.diverged is not None
    assert bool(step.diverged[0, 1])


# -- the half-cheetah: what its parameters do --------------------------------------------------------------------------

JOINTS = ("bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")


def cheetah() -> TaskFamily:
    return make("cheetah-dynamics")


def acceleration(model: mujoco.MjModel, joint: str, *, control: float = 0.0, velocity: float = 0.0) -> float:
    """Acceleration of one joint in the initial pose, before contacts and limits push back."""
    data = mujoco.MjData(model)
    data.ctrl[JOINTS.index(joint)] = control
    data.joint(joint).qvel[:] = velocity
    mujoco.mj_forward(model, data)
    return float(data.qacc_smooth[model.joint(joint).dofadr[0]])


def settle(model: mujoco.MjModel, seconds: float, *, x_velocity: float = 0.0) -> mujoco.MjData:
    """Lets go of the robot in its initial pose."""
    data = mujoco.MjData(model)
    data.qvel[0] = x_velocity
    for _ in range(round(seconds / model.opt.timestep)):
        mujoco.mj_step(model, data)
    return data


def test_the_nominal_cheetah_weighs_what_its_model_file_asks_for() -> None:
    assert float(model_of(cheetah()).body_mass.sum()) == pytest.approx(14.0)


@pytest.mark.parametrize("scale", [0.5, 1.5])
def test_mass_scales_every_link_and_its_inertia(scale: float) -> None:
    nominal, changed = model_of(cheetah()), model_of(cheetah(), mass=scale)
    np.testing.assert_allclose(changed.body_mass, scale * nominal.body_mass)
    np.testing.assert_allclose(changed.body_inertia, scale * nominal.body_inertia)


def test_a_heavier_cheetah_accelerates_less_under_the_same_torque() -> None:
    family = cheetah()
    gains = []
    for mass in (0.67, 1.0, 1.5):
        model = model_of(family, mass=mass)
        gains.append(acceleration(model, "bthigh", control=1.0) - acceleration(model, "bthigh"))
    assert gains[0] > gains[1] > gains[2] > 0.0


def test_writing_masses_gives_the_model_that_compiling_denser_links_gives() -> None:
    family = cheetah()
    assert isinstance(family.world, MujocoWorld)
    spec = family.world.spec()
    for geom in spec.geoms:
        geom.density *= 1.3
    compiled, written = spec.compile(), model_of(family, mass=1.3)
    for field in ("body_subtreemass", "body_invweight0", "dof_invweight0", "dof_M0", "actuator_acc0", "body_inertia"):
        np.testing.assert_allclose(getattr(written, field), getattr(compiled, field), rtol=1e-9, err_msg=field)


def test_the_scale_of_the_constraint_solver_follows_the_masses() -> None:
    # The solver stops at a tolerance relative to the mean inertia, which mj_setConst leaves as it was.
    model = model_of(cheetah(), mass=1.3)
    assert model.stat.meaninertia == pytest.approx(float(model.dof_M0.mean()))


def test_friction_scales_sliding_friction_alone_and_shortens_a_slide() -> None:
    family = cheetah()
    nominal = model_of(family)
    slides = []
    for friction in (0.4, 1.0, 2.0):
        model = model_of(family, friction=friction)
        np.testing.assert_allclose(model.geom_friction, nominal.geom_friction * [friction, 1.0, 1.0])
        slides.append(float(settle(model, 1.0, x_velocity=4.0).qpos[0]))
    assert slides[0] > slides[1] > slides[2] > 0.0


def test_damping_scales_joint_damping_and_slows_a_moving_joint() -> None:
    family = cheetah()
    nominal = model_of(family)
    brakes = []
    for damping in (0.5, 1.0, 2.0):
        model = model_of(family, damping=damping)
        np.testing.assert_allclose(model.dof_damping, damping * nominal.dof_damping)
        brakes.append(acceleration(model, "bthigh", velocity=5.0) - acceleration(model, "bthigh"))
    assert brakes[2] < brakes[1] < brakes[0] < 0.0
    # Linear in the multiplier; what is left at zero are the other forces of motion.
    assert brakes[2] - brakes[1] == pytest.approx(2.0 * (brakes[1] - brakes[0]), rel=1e-6)


def test_motor_strength_scales_every_torque() -> None:
    family = cheetah()
    nominal, weak = model_of(family), model_of(family, motor_strength=0.7)
    np.testing.assert_allclose(weak.actuator_gear[:, 0], 0.7 * nominal.actuator_gear[:, 0])
    for joint in JOINTS:
        full, reduced = (acceleration(m, joint, control=1.0) - acceleration(m, joint) for m in (nominal, weak))
        assert reduced == pytest.approx(0.7 * full, rel=1e-6)


def test_motors_without_strength_are_motors_without_control() -> None:
    family = cheetah()
    env = TaskBatchEnv(family, 1, 1)
    actions = random_actions(env, 20)
    env.load(family.task(motor_strength=0.0))
    powerless, _ = play(env, actions)
    env.load(family.task())
    still, _ = play(env, torch.zeros_like(actions))
    torch.testing.assert_close(powerless, still)


def test_longer_legs_stand_taller_and_leave_the_torso_as_it_was() -> None:
    family = cheetah()
    nominal = model_of(family)
    heights, legs = [], []
    for length in (0.8, 1.0, 1.2):
        model = model_of(family, leg_length=length)
        assert model.body("torso").mass == pytest.approx(nominal.body("torso").mass, rel=1e-12)
        np.testing.assert_allclose(model.body("torso").inertia, nominal.body("torso").inertia, rtol=1e-9)
        heights.append(float(settle(model, 2.0).body("torso").xpos[2]))
        legs.append(float(model.body_mass.sum() - model.body("torso").mass[0]))
    assert heights[0] < heights[1] < heights[2]
    assert legs[0] < legs[1] < legs[2]  # of the same material


@pytest.mark.parametrize("length", [0.7, 1.0, 1.3])
def test_feet_start_at_the_same_height_above_the_ground_whatever_the_leg_length(length: float) -> None:
    gaps = []
    for model in (model_of(cheetah(), leg_length=length), model_of(cheetah())):
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        floor, spots = model.geom("floor").id, np.zeros(6)
        gaps.append(min(mujoco.mj_geomDistance(model, data, floor, model.geom(f).id, 1.0, spots) for f in JOINTS))
    assert gaps[0] == pytest.approx(gaps[1], abs=0.03)


def test_the_joints_of_the_half_cheetah_are_in_the_order_of_its_motors() -> None:
    model = model_of(cheetah())
    assert tuple(model.actuator(motor).name for motor in range(model.nu)) == JOINTS


@pytest.mark.parametrize("joint", range(1, 7))
@pytest.mark.parametrize("name", ["cheetah-dynamics", "walker-faults"])
def test_a_fault_changes_the_torque_of_the_joint_it_names_and_of_no_other(name: str, joint: int) -> None:
    family = make(name)
    nominal, faulty = model_of(family), model_of(family, faulty_joint=joint, fault_strength=-0.25)
    expected = nominal.actuator_gear[:, 0].copy()
    expected[joint - 1] *= -0.25
    np.testing.assert_allclose(faulty.actuator_gear[:, 0], expected)
    named = family.space["faulty_joint"].text(joint)
    turned = nominal.joint(int(nominal.actuator_trnid[joint - 1, 0])).name
    assert named == turned.replace("_joint", "") == family.actions[joint - 1][0].removesuffix("_torque")


def test_a_limp_joint_feels_no_control() -> None:
    model = model_of(cheetah(), faulty_joint=1.0, fault_strength=0.0)
    assert acceleration(model, "bthigh", control=1.0) == acceleration(model, "bthigh")


@pytest.mark.parametrize("name", [n for n in FAMILIES if "faulty_joint" in make(n).space.names])
def test_a_joint_that_is_named_as_faulty_has_a_fault(name: str) -> None:
    family = make(name)
    assert content(model_of(family, faulty_joint=1.0)) != content(model_of(family))


@pytest.mark.parametrize("name", ["cheetah-dynamics", "walker-faults"])
def test_without_a_faulty_joint_fault_strength_means_nothing(name: str) -> None:
    family = make(name)
    assert content(model_of(family, faulty_joint=0.0, fault_strength=0.0)) == content(model_of(family))


@pytest.mark.parametrize(
    ("name", "task", "expected"),
    [
        ("cheetah-direction", {"direction": 1.0}, lambda speed: speed),
        ("cheetah-direction", {"direction": -1.0}, lambda speed: -speed),
        ("cheetah-velocity", {"velocity": 2.5}, lambda speed: -(speed - 2.5).abs()),
        ("cheetah-dynamics", {"mass": 1.3}, lambda speed: -(speed - 2.0).abs()),
    ],
)
def test_the_cheetah_is_paid_by_its_speed_less_its_effort(name: str, task: Mapping[str, float], expected) -> None:
    family = make(name)
    env = TaskBatchEnv(family, 1, 3)
    env.load(family.task(**task))
    env.reset(generator())
    for action in random_actions(env, 5):
        x = env.simulator.state["qpos"][..., 0].clone()
        step = env.step(action)
        speed = (env.simulator.state["qpos"][..., 0] - x) / 0.05
        effort = 0.05 * action.clamp(-1.0, 1.0).square().sum(dim=-1)
        torch.testing.assert_close(step.reward, (expected(speed) - effort).float())


# -- point navigation by hand ------------------------------------------------------------------------------------------


def point(goal_x: float, goal_y: float) -> TaskBatchEnv:
    family = make("point-navigation")
    env = TaskBatchEnv(family, 1, 1)
    env.load(family.task(goal_x=goal_x, goal_y=goal_y))
    assert env.reset(generator()).tolist() == [[[0.0, 0.0]]]
    return env


def test_a_point_moves_a_tenth_of_its_action_and_pays_its_distance() -> None:
    env = point(0.3, 0.4)
    step = env.step(torch.tensor([[[0.5, -1.0]]]))
    torch.testing.assert_close(step.observation, torch.tensor([[[0.05, -0.1]]]))
    torch.testing.assert_close(step.reward, -torch.tensor([[(0.25**2 + 0.5**2) ** 0.5]]))


def test_a_point_clips_its_action() -> None:
    env = point(0.3, 0.4)
    step = env.step(torch.tensor([[[30.0, 1.0]]]))
    torch.testing.assert_close(step.observation, torch.tensor([[[0.1, 0.1]]]))
    torch.testing.assert_close(step.reward, -torch.tensor([[(0.2**2 + 0.3**2) ** 0.5]]))


@pytest.mark.parametrize(
    ("action", "arrived"),
    [((1.0, 0.5), True), ((0.95, 0.55), True), ((0.85, 0.5), False), ((1.0, 0.65), False)],
)
def test_a_point_has_arrived_within_a_centimetre_in_both_coordinates(
    action: tuple[float, float], arrived: bool
) -> None:
    env = point(0.1, 0.05)
    step = env.step(torch.tensor([[action]]))
    assert step.terminated is not None
    success = env.success()
    assert success is not None
    assert bool(step.terminated) == bool(success) == arrived


def test_a_point_that_is_left_out_stays_where_it_is() -> None:
    env = point(0.3, 0.4)
    step = env.step(torch.ones(1, 1, 2), active=torch.zeros(1, 1, dtype=torch.bool))
    assert step.observation.tolist() == [[[0.0, 0.0]]]


def test_an_oracle_sees_the_encoded_task() -> None:
    family = make("point-navigation")
    env = TaskBatchEnv(family, 1, 2, oracle=True)
    task = family.task(goal_x=0.5, goal_y=-0.25)
    env.load(task)
    assert env.observation_size == 4
    seen = [0.0, 0.0, *family.encoding.encode(task)[0].tolist()]
    assert env.reset(generator()).tolist() == [[seen] * 2]
    # Uniform on [-1/2, 1/2]: a standard deviation of 1/sqrt(12).
    assert seen[2:] == pytest.approx([math.sqrt(3.0), -math.sqrt(0.75)], abs=0.05)


def test_a_formula_that_leaves_the_numbers_is_reported_as_divergence() -> None:
    family = make("point-navigation")
    assert isinstance(family.world, ClosedFormWorld)

    def explode(state, action, task):
        return {"position": state["position"] / (1.0 - (state["position"] > 0.15).double())}

    moves = family.world.dynamics
    world = dataclasses.replace(family.world, dynamics=lambda s, a, t: explode(moves(s, a, t), a, t))
    env = TaskBatchEnv(dataclasses.replace(family, world=world), 1, 2)
    env.load(family.task(goal_x=0.5))
    env.reset(generator())
    right_and_left = torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]])
    assert env.step(right_and_left).diverged is None
    with pytest.warns(RobotmetaWarning, match="dynamics is not finite"):
        diverged = env.step(right_and_left).diverged
    assert diverged is not None
    assert diverged.tolist() == [[True, False]]
    distance = env.distance()  # of the world that broke, where it started
    assert distance is not None
    assert distance[0].tolist() == pytest.approx([0.5, 0.7])
    env.reset(generator())
    assert env.step(right_and_left).diverged is None
    distance = env.distance()
    assert distance is not None
    assert distance[0].tolist() == pytest.approx([0.4, 0.6])


def test_an_environment_refuses_another_number_of_tasks() -> None:
    family = make("point-navigation")
    with pytest.raises(ValueError, match="holds 2 tasks, not 3"):
        TaskBatchEnv(family, 2, 1).load(family.tasks("test", 3))


# -- success -----------------------------------------------------------------------------------------------------------


def test_a_success_that_has_to_last_counts_from_the_end_of_an_episode() -> None:
    def near(state: Mapping[str, Tensor], task: Mapping[str, Tensor]) -> Tensor:
        return state["position"][..., 0] < 0.15  # one step of full action away from the start, not two

    family = dataclasses.replace(make("point-navigation"), success=near, success_lasts=0.3)  # three control steps
    env = TaskBatchEnv(family, 1, 2)
    stay, there, back = (torch.tensor([[[x, 0.0], [0.0, 0.0]]]) for x in (0.0, 1.0, -1.0))

    def successes(actions: list[Tensor], active: Tensor | None = None) -> list[list[bool]]:
        found = []
        for action in actions:
            env.step(action, active)
            success = env.success()
            assert success is not None
            found.append(success[0].tolist())
        return found

    env.reset(generator())
    assert successes([stay, stay, stay]) == [[False, False], [False, False], [True, True]]
    assert successes([there, there, back, stay, stay])[1:] == [[False, True]] * 3 + [[True, True]]
    only_first = torch.tensor([[True, False]])
    env.reset(generator())
    assert successes([stay, stay, stay], only_first)[-1] == [True, False]

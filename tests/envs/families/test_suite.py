"""Rewards of the Control Suite, and its robots as families: the same numbers as dm_control's own environments."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, cast

import mujoco
import numpy as np
import pytest
import torch

from robotmeta.adaptation.adapt import adapt
from robotmeta.adapters.dm_env import DmEnv, load_suite
from robotmeta.adapters.gymnasium_in import wrap
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import TaskBatchEnv, TaskFamily, make
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.envs.rewards import Sigmoid, tolerance
from robotmeta.policy import Policy, new_policy

SUITE_TASKS = {"dm-cheetah": "cheetah-run", "dm-walker": "walker-walk", "dm-quadruped": "quadruped-walk"}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def model_of(family: TaskFamily, **values: float) -> mujoco.MjModel:
    assert isinstance(family.world, MujocoWorld)
    (model,) = ModelBuilder(family.world.spec, family.space)(family.space.row(values))
    return model


# -- tolerance ---------------------------------------------------------------------------------------------------------

BOUNDS = [(0.0, 0.0), (-0.5, 1.0), (1.2, float("inf")), (float("-inf"), -0.3)]
SIGMOIDS: list[tuple[Sigmoid, float]] = [
    ("gaussian", 0.1),
    ("gaussian", 0.7),
    ("long_tail", 0.1),
    ("long_tail", 0.5),
    ("linear", 0.0),
    ("linear", 0.5),
    ("quadratic", 0.0),
    ("quadratic", 0.3),
]


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize(("sigmoid", "value"), SIGMOIDS)
def test_tolerance_is_that_of_the_control_suite(bounds: tuple[float, float], sigmoid: Sigmoid, value: float) -> None:
    from dm_control.utils import rewards

    x = np.linspace(-4.0, 4.0, 201).reshape(3, 67)
    for margin in (0.0, 0.6, 2.0):
        expected = rewards.tolerance(x, bounds, margin, sigmoid, value)
        actual = tolerance(torch.from_numpy(x), bounds, margin, sigmoid=sigmoid, value_at_margin=value)
        np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-12, atol=1e-15)
        assert 0.0 <= float(actual.min()) <= float(actual.max()) <= 1.0


def test_each_task_may_have_bounds_and_a_margin_of_its_own() -> None:
    x = torch.tensor([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    goal, margin = torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [4.0]])
    values = tolerance(x, (goal, goal), margin, sigmoid="linear", value_at_margin=0.0)
    torch.testing.assert_close(values, torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.75, 1.0]]))


def test_a_tolerance_that_makes_no_sense_is_refused() -> None:
    x, cubic = torch.zeros(1), cast(Any, "cubic")
    with pytest.raises(ValueError, match="lower bound 1 is above the upper bound 0"):
        tolerance(x, (1.0, 0.0))
    with pytest.raises(ValueError, match="margin cannot be negative"):
        tolerance(x, (0.0, 1.0), -1.0)
    with pytest.raises(ValueError, match="gaussian sigmoid cannot be 0 at the margin"):
        tolerance(x, (0.0, 1.0), 1.0, value_at_margin=0.0)
    with pytest.raises(ValueError, match="no sigmoid 'cubic'; there are: gaussian, long_tail, linear, quadratic"):
        tolerance(x, (0.0, 1.0), 1.0, sigmoid=cubic)


# -- agreement with dm_control -----------------------------------------------------------------------------------------


def put(physics: Any, env: TaskBatchEnv, episode: int) -> None:
    """Puts dm_control's robot into the state of one of ours."""
    state = env.simulator.state
    with physics.reset_context():
        physics.data.qpos[:] = state["qpos"][0, episode]
        physics.data.qvel[:] = state["qvel"][0, episode]
    if "act" in state:
        low, high = physics.model.actuator_ctrlrange.T
        physics.data.act[:] = (high + low) / 2 + (high - low) / 2 * state["act"][0, episode].numpy()
        physics.forward()


@pytest.mark.parametrize("name", SUITE_TASKS)
def test_a_step_from_equal_states_is_that_of_the_suites_task(name: str) -> None:
    suite: Any = load_suite(SUITE_TASKS[name])
    theirs = wrap(DmEnv(suite))
    ours = TaskBatchEnv(make(name), 1, 8)
    theirs.reset(generator())
    ours.reset(generator())
    actions = generator(1)
    seen = []
    for _ in range(12):  # from standing to wherever random actions lead
        for _ in range(10):
            ours.step(2.4 * torch.rand(1, 8, ours.action_size, generator=actions) - 1.2)
        episode = len(seen) % 8
        put(suite.physics, ours, episode)
        action = 2.4 * torch.rand(1, 8, ours.action_size, generator=actions) - 1.2
        expected = theirs.step(action[:, episode : episode + 1])
        actual = ours.step(action)
        torch.testing.assert_close(actual.observation[0, episode], expected.observation[0, 0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(actual.reward[0, episode], expected.reward[0, 0], rtol=1e-5, atol=1e-6)
        seen.append(float(actual.reward[0, episode]))
    assert len(set(seen)) >= 3


@pytest.mark.parametrize("name", SUITE_TASKS)
def test_the_nominal_robot_weighs_and_lasts_what_the_suites_does(name: str) -> None:
    suite: Any = load_suite(SUITE_TASKS[name])
    family = make(name)
    model = model_of(family)
    theirs = suite.physics.model
    np.testing.assert_allclose(model.body_mass, theirs.body_mass, rtol=1e-12)
    np.testing.assert_allclose(model.body_inertia, theirs.body_inertia, rtol=1e-12)
    assert family.dt == pytest.approx(suite.control_timestep())
    assert [model.actuator(i).name for i in range(model.nu)] == [n.rsplit("_", 1)[0] for n, _ in family.actions]


def test_the_quadruped_walks_without_rangefinders() -> None:
    kinds = model_of(make("dm-quadruped")).sensor_type
    assert not (kinds == int(mujoco.mjtSensor.mjSENS_RANGEFINDER)).any()


# -- initial states ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SUITE_TASKS)
def test_robots_start_on_their_feet_without_touching_anything(name: str) -> None:
    family = make(name)
    env = TaskBatchEnv(family, 1, 200)
    env.reset(generator())
    model, state = model_of(family), env.simulator.state
    data = mujoco.MjData(model)
    limited = model.jnt_limited == 1
    low, high = model.jnt_range[limited].T
    for episode in range(200):
        data.qpos[:], data.qvel[:] = state["qpos"][0, episode], state["qvel"][0, episode]
        mujoco.mj_forward(model, data)
        assert data.ncon == 0
        angles = data.qpos[model.jnt_qposadr[limited]]
        assert bool(((low <= angles) & (angles <= high)).all())
        assert float(data.body("torso").xmat[8]) > 0.98


def test_the_cheetah_starts_about_where_the_suites_does() -> None:
    suite: Any = load_suite("cheetah-run")
    starts = []
    for _ in range(20):
        suite.reset()
        starts.append(suite.physics.data.qpos[1:].copy())
    env = TaskBatchEnv(make("dm-cheetah"), 1, 50)
    env.reset(generator())
    ours = env.simulator.state["qpos"][0, :, 1:].mean(dim=0).numpy()
    np.testing.assert_allclose(ours, np.mean(starts, axis=0), atol=0.06)


# -- what varies -------------------------------------------------------------------------------------------------------


def rewards_of(name: str, values: list[dict[str, float]], *, state: dict[str, torch.Tensor]) -> list[float]:
    """Reward of one step without control from one state, under each task."""
    family = make(name)
    result = []
    for task in values:
        env = TaskBatchEnv(family, 1, 1)
        env.load(family.space.row(task))
        start = {n: v.expand(1, 1, -1).clone() for n, v in env.simulator.nominal.items()}
        for field, offset in state.items():
            start[field] += offset
        env.simulator.reset(start)
        result.append(float(env.step(torch.zeros(1, 1, family.action_size)).reward))
    return result


def row(size: int, entries: dict[int, float]) -> torch.Tensor:
    return torch.tensor([entries.get(index, 0.0) for index in range(size)], dtype=torch.float64)


@pytest.mark.parametrize("speed", [-12.0, -5.0, 0.0, 3.0, 20.0])
def test_the_cheetah_loses_a_tenth_a_metre_a_second_off_its_goal(speed: float) -> None:
    goals = [3.0, -3.0, 6.0, 9.0, -9.0]
    state = {"qpos": row(9, {1: 0.5}), "qvel": row(9, {0: speed})}  # in the air
    expected = [max(0.0, 1.0 - abs(speed - goal) / 10.0) for goal in goals]
    assert rewards_of("dm-cheetah", [{"velocity": goal} for goal in goals], state=state) == pytest.approx(
        expected, abs=1e-6
    )


def test_from_the_suites_speed_on_faster_is_never_too_fast_either_way() -> None:
    goals = [{"velocity": goal} for goal in (10.0, -10.0, 9.9)]
    for speed, expected in ((4.0, [0.4, 0.0, 0.41]), (-4.0, [0.0, 0.4, 0.0]), (20.0, [1.0, 0.0, 0.0])):
        state = {"qpos": row(9, {1: 0.5}), "qvel": row(9, {0: speed})}
        assert rewards_of("dm-cheetah", goals, state=state) == pytest.approx(expected, abs=1e-6)


def test_the_walker_is_paid_for_standing_and_for_its_speed() -> None:
    goals = [{"velocity": goal} for goal in (1.0, 0.5, -0.5, -1.0)]
    for speed, moving in ((1.2, [1.0, 0.3, 0.0, 0.0]), (0.0, [0.0, 0.5, 0.5, 0.0]), (-1.4, [0.0, 0.0, 0.1, 1.0])):
        state = {"qpos": row(9, {0: 0.5}), "qvel": row(9, {1: speed})}  # in the air, upright
        expected = [(1.0 + 5.0 * move) / 6.0 for move in moving]
        assert rewards_of("dm-walker", goals, state=state) == pytest.approx(expected, abs=2e-3)


def test_the_quadruped_is_paid_for_speed_along_its_heading_as_seen_from_its_torso() -> None:
    headings = [{"heading": angle} for angle in (0.0, np.pi / 2, np.pi, -np.pi / 2)]
    lifted = row(23, {2: 1.0})
    to_the_left = {"qpos": lifted, "qvel": row(22, {1: 0.25})}
    assert rewards_of("dm-quadruped", headings, state=to_the_left) == pytest.approx([0.5, 0.75, 0.5, 0.25], abs=0.01)
    # Turned left by a quarter, the same motion is one straight ahead.
    turned = lifted.clone()
    turned[3:7] = torch.tensor([np.sqrt(0.5) - 1.0, 0.0, 0.0, np.sqrt(0.5)])
    ahead = {"qpos": turned, "qvel": to_the_left["qvel"]}
    assert rewards_of("dm-quadruped", headings, state=ahead) == pytest.approx([0.75, 0.5, 0.25, 0.5], abs=0.01)


@pytest.mark.parametrize("joint", range(1, 7))
def test_a_weak_joint_of_the_walker_is_that_joint_alone(joint: int) -> None:
    family = make("dm-walker")
    nominal, weak = model_of(family), model_of(family, weak_joint=joint)
    expected = nominal.actuator_gear[:, 0].copy()
    expected[joint - 1] *= 0.4
    np.testing.assert_allclose(weak.actuator_gear[:, 0], expected)
    assert nominal.actuator(joint - 1).name == family.space["weak_joint"].text(joint)


@pytest.mark.parametrize(
    ("leg", "name"), [*enumerate(("front_left", "front_right", "back_right", "back_left"), start=1)]
)
def test_a_weak_leg_of_the_quadruped_is_that_leg_alone(leg: int, name: str) -> None:
    family = make("dm-quadruped")
    nominal, weak = model_of(family), model_of(family, weak_leg=leg)
    for servo in range(nominal.nu):
        share = 0.4 if nominal.actuator(servo).name.endswith(name) else 1.0
        np.testing.assert_allclose(weak.actuator_gainprm[servo], share * nominal.actuator_gainprm[servo])
        np.testing.assert_allclose(weak.actuator_biasprm[servo], share * nominal.actuator_biasprm[servo])


def test_a_payload_makes_the_quadruped_heavier_and_sag() -> None:
    family = make("dm-quadruped")
    heights = []
    for payload in (0.0, 20.0, 40.0):
        model = model_of(family, payload=payload)
        assert float(model.body_mass.sum()) == pytest.approx(107.118 + payload, abs=1e-3)
        data = mujoco.MjData(model)
        for _ in range(400):
            mujoco.mj_step(model, data)
        heights.append(float(data.body("torso").xpos[2]))
    assert heights[0] > heights[1] > heights[2] > 0.3


def test_torso_mass_scales_the_walkers_torso_alone() -> None:
    family = make("dm-walker")
    nominal, heavy = model_of(family), model_of(family, torso_mass=2.0)
    share = np.ones(nominal.nbody)
    share[nominal.body("torso").id] = 2.0
    np.testing.assert_allclose(heavy.body_mass, share * nominal.body_mass)
    np.testing.assert_allclose(heavy.body_inertia, share[:, None] * nominal.body_inertia)


@pytest.mark.parametrize("parameter", ["mass", "friction", "motor_strength"])
def test_parameters_of_the_cheetah_scale_what_they_name(parameter: str) -> None:
    family = make("dm-cheetah")
    nominal, changed = model_of(family), model_of(family, **{parameter: 0.7})
    scaled = {"mass": ["body_mass", "body_inertia"], "motor_strength": ["actuator_gear"], "friction": ["geom_friction"]}
    for names in scaled.values():
        for name in names:
            share = np.where(name in scaled[parameter], 0.7, 1.0)
            before, after = getattr(nominal, name), getattr(changed, name)
            np.testing.assert_allclose(after[..., :1], share * before[..., :1])


def test_a_full_action_is_an_end_of_the_quadrupeds_servo_range() -> None:
    suite: Any = load_suite("quadruped-walk")
    env = TaskBatchEnv(make("dm-quadruped"), 1, 2)
    seen = env.reset(generator())
    ends = torch.tensor([-1.0, 1.0]).view(1, 2, 1).expand(1, 2, 12)
    for _ in range(100):
        seen = env.step(ends).observation
    names = [name for name, _ in env.family.observations]
    activation = seen[0, :, names.index("yaw_front_left_activation") : names.index("torso_x_velocity")]
    np.testing.assert_allclose(activation.numpy().T, suite.physics.model.actuator_ctrlrange, atol=1e-4)


# -- dm_control:... as an environment to adapt to ----------------------------------------------------------------------


def policy_for(family: str) -> Policy:
    return new_policy(RunConfig(family, "promp", hyperparameters("promp", {"hidden": (8,)})))


@pytest.mark.filterwarnings("ignore:only the number of observations and actions:UserWarning")
@pytest.mark.parametrize(("family", "task"), SUITE_TASKS.items())
def test_a_policy_of_the_family_adapts_to_the_suites_task(family: str, task: str) -> None:
    adapted = adapt(policy_for(family), wrap(f"dm_control:{task}", horizon=15), episodes=1, evaluation_episodes=1)
    assert adapted.return_after is not None
    assert 0.0 <= adapted.return_after <= 15.0
    assert adapted.return_before != adapted.return_after


def test_observations_are_named_in_the_suites_order() -> None:
    for name, task in SUITE_TASKS.items():
        suite: Any = load_suite(task)
        spec = suite.observation_spec()
        sizes = {key: int(np.prod(value.shape)) for key, value in spec.items()}
        names = [n for n, _ in make(name).observations]
        starts = dict(zip(sizes, np.cumsum([0, *sizes.values()])[:-1], strict=True))
        first = {key: names[start] for key, start in starts.items()}
        assert (
            first
            == {
                "dm-cheetah": {"position": "z", "velocity": "x_velocity"},
                "dm-walker": {"orientations": "torso_xx", "height": "height", "velocity": "z_velocity"},
                "dm-quadruped": {
                    "egocentric_state": "yaw_front_left",
                    "torso_velocity": "torso_x_velocity",
                    "torso_upright": "torso_upright",
                    "imu": "torso_x_acceleration",
                    "force_torque": "toe_front_left_x_force",
                },
            }[name]
        )


# -- dm_control in a process ------------------------------------------------------------------------------------------

SCRIPT = f"""
import sys, torch, robotmeta as rm
for name in {list(SUITE_TASKS)}:
    env = rm.TaskBatchEnv(rm.make(name), 1, 1)
    env.reset(torch.Generator())
print([module for module in sys.modules if module.startswith("dm_control.")])
try:
    env.render()
except rm.UserError:
    print("no pictures")
rm.wrap("dm_control:cheetah-run")
"""


@pytest.fixture(scope="module")
def process() -> subprocess.CompletedProcess[str]:
    """A process that makes the families, draws a picture, and only then imports dm_control."""
    return subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True)


@pytest.mark.slow
def test_making_a_family_of_the_suite_does_not_import_the_suite(process: subprocess.CompletedProcess[str]) -> None:
    # It costs a second, opens a GL library, and fails where that is missing.
    assert process.stdout.startswith("[]\n")


@pytest.mark.slow
def test_dm_control_after_the_first_picture_leaves_no_noise(process: subprocess.CompletedProcess[str]) -> None:
    if "no pictures" in process.stdout:
        pytest.skip("no GL library works here")
    assert "Traceback" not in process.stderr
    assert "deprecated" not in process.stderr

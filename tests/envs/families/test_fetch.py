"""Fetch: the package's own physics, observations, goals and rewards, and what each parameter does to them."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterator
from typing import Any

import mujoco
import numpy as np
import pytest
import torch
from gymnasium.spaces.utils import flatten
from torch import Tensor

from robotmeta.adapters.gymnasium_in import wrap
from robotmeta.envs import TaskBatchEnv, TaskFamily, Tasks, make
from robotmeta.envs.families.fetch.measurements import goal_position
from robotmeta.envs.families.fetch.model import FINGERS, OBJECT, PICK, PUSH, REACH, SIZE, SLIDE, ready
from robotmeta.envs.family import MujocoWorld, State, Transition
from robotmeta.envs.models import ModelBuilder, quiet_mujoco
from robotmeta.envs.parameters import Parameter
from robotmeta.envs.simulators.mujoco_cpu import MujocoSimulator
from robotmeta.errors import UserError

FAMILIES = {
    "fetch-reach": ("FetchReachDense-v4", REACH),
    "fetch-push": ("FetchPushDense-v4", PUSH),
    "fetch-slide": ("FetchSlideDense-v4", SLIDE),
    "fetch-pick-and-place": ("FetchPickAndPlaceDense-v4", PICK),
}
WITH_OBJECT = [name for name in FAMILIES if name != "fetch-reach"]


@pytest.fixture(autouse=True)
def _no_log_file() -> Iterator[None]:
    with quiet_mujoco():
        yield


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def worlds(family: TaskFamily, *tasks: Tasks, episodes: int = 1) -> TaskBatchEnv:
    env = TaskBatchEnv(family, len(tasks), episodes)
    env.load(Tasks(family.space.names, np.concatenate([task.values for task in tasks])))
    return env


def model_of(name: str, **values: float) -> mujoco.MjModel:
    family = make(name)
    assert isinstance(family.world, MujocoWorld)
    (model,) = ModelBuilder(family.world.spec, family.space)(family.task(**values))
    return model


def parameter(name: str, column: str) -> Parameter:
    (found,) = (p for p in make(name).space if p.name == column)
    return found


# -- the package's own environments ------------------------------------------------------------------------------------


def package(name: str) -> Any:
    """The package's environment behind a family."""
    env: Any = wrap(FAMILIES[name][0]).env.unwrapped
    env.reset(seed=0)
    return env


def put(theirs: Any, state: State, goal: Tensor) -> None:
    """Puts the package's environment into the state of our one world."""
    mujoco.mj_resetData(theirs.model, theirs.data)
    theirs.data.qpos[:], theirs.data.qvel[:] = state["qpos"][0, 0], state["qvel"][0, 0]
    theirs.goal = goal.numpy()
    mujoco.mj_forward(theirs.model, theirs.data)


def actions(theirs: Any, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """At the object where there is one, with open fingers, then anywhere, with the fingers shut."""
    action = np.zeros(4, dtype=np.float32)
    for step in range(30):
        if step % 5 == 0:
            action = rng.uniform(-1.0, 1.0, 4).astype(np.float32)
        if step < 15 and theirs.has_object:
            away = theirs.data.site("object0").xpos - theirs.data.site("robot0:grip").xpos
            action[:3] = np.clip(20.0 * away + rng.normal(0.0, 0.3, 3), -1.0, 1.0)
        action[3] = 1.0 if step < 15 else -1.0
        yield action


def assert_same(family: TaskFamily, env: TaskBatchEnv, theirs: Any, seed: int) -> float:
    """Plays an episode in both; returns how far the object, or else the gripper, got."""
    seen, state, task = env.reset(generator(seed)), env.simulator.state, env.tasks.columns()
    put(theirs, state, seen[0, 0, 3:6].double())
    theirs.goal[:] = family.observe(state, task)[0, 0, 3:6]  # to the last digit
    start = family.observe(state, task)[0, 0, :3]
    assert_same_observation(family, state, task, theirs, theirs._get_obs())
    for action in actions(theirs, np.random.default_rng(seed)):
        step = env.step(torch.from_numpy(action).view(1, 1, 4))
        observation, reward, _, _, info = theirs.step(action)
        qpos = state["qpos"][0, 0].numpy().copy()
        if theirs.block_gripper:
            qpos[FINGERS] = 0.0  # theirs are back already, ours with the next action
        np.testing.assert_array_equal(qpos, theirs.data.qpos)
        np.testing.assert_array_equal(state["qvel"][0, 0], theirs.data.qvel)
        assert_same_observation(family, state, task, theirs, observation)
        assert float(step.reward) == np.float32(reward)
        assert env.success() == torch.tensor([[bool(info["is_success"])]])
    return float((family.observe(state, task)[0, 0, :3] - start).norm())


def assert_same_observation(family: TaskFamily, state: State, task: Any, theirs: Any, observation: Any) -> None:
    flat = flatten(theirs.observation_space, observation)
    np.testing.assert_allclose(family.observe(state, task)[0, 0], np.asarray(flat), rtol=0.0, atol=1e-14)


@pytest.mark.parametrize("name", FAMILIES)
def test_episodes_are_those_of_the_package_from_equal_states(name: str) -> None:
    family, theirs = make(name), package(name)
    env = worlds(family, family.task())
    assert max(assert_same(family, env, theirs, seed) for seed in range(3)) > 0.05


def test_with_the_same_numbers_in_its_model_the_package_plays_other_tasks_too() -> None:
    family, theirs = make("fetch-push"), package("fetch-push")
    body, geom, table = theirs.model.body("object0").id, theirs.model.geom("object0").id, theirs.model.body("table0")
    theirs.model.body_mass[body] *= 1.5
    theirs.model.body_inertia[body] *= 1.5
    theirs.model.geom_friction[[geom, table.geomadr[0]], 0] = 0.4
    weld = theirs.model.eq_data.copy()
    mujoco.mj_setConst(theirs.model, mujoco.MjData(theirs.model))
    theirs.model.eq_data[:] = weld  # which mj_setConst takes back to how the model file has it
    theirs.model.stat.meaninertia = theirs.model.dof_M0.mean()
    env = worlds(family, family.task(mass=3.0, friction=0.4, goal_x=-0.1, goal_y=0.05))
    assert assert_same(family, env, theirs, 0) > 0.02


# -- the variants in which nothing is hidden ---------------------------------------------------------------------------

VARIANTS = [
    pytest.param(name, marks=() if name == "fetch-push" else pytest.mark.slow, id=f"{name}-package")
    for name in FAMILIES
]


def as_in(theirs: Any, name: str) -> TaskBatchEnv:
    """A world of the variant with the goal and in the state of the package's environment."""
    family, scene = make(f"{name}-package"), ready(FAMILIES[name][1])
    far: dict[str, float] = dict(zip(("goal_x", "goal_y", "goal_z"), theirs.goal - scene.gripper, strict=True))
    far["goal_height"] = theirs.goal[2] - scene.rest
    env = worlds(family, family.task(**{p: far[p] for p in family.space.names}))
    env.reset(generator())
    state = {"qpos": torch.tensor(theirs.data.qpos), "qvel": torch.tensor(theirs.data.qvel)}
    env.simulator.reset({key: value.view(1, 1, -1).clone() for key, value in state.items()})
    return env


def toward_the_goal(theirs: Any, rng: np.random.Generator) -> np.ndarray:
    """Moves the gripper to the goal, or an object there: around it, and then against it; with some noise."""
    grip, action, aim = theirs.data.site("robot0:grip").xpos, rng.uniform(-1.0, 1.0, 4), theirs.goal
    if theirs.has_object:
        thing, height = theirs.data.site("object0").xpos, np.array([0.0, 0.0, 0.1])
        ahead = (theirs.goal - thing) * [1.0, 1.0, 0.0]
        ahead /= np.linalg.norm(ahead) + 1e-6
        beside = np.linalg.norm(np.cross(ahead, grip - thing))
        pushing = np.dot(grip - thing, ahead) < 0.0 and beside < 0.02
        behind = thing - 0.06 * ahead
        aim = thing + 0.02 * ahead if pushing else behind + height * (np.linalg.norm((grip - behind)[:2]) > 0.03)
    action[:3] = np.clip(10.0 * (aim - grip) + 0.1 * action[:3], -1.0, 1.0)
    return action.astype(np.float32)


@pytest.mark.parametrize("name", VARIANTS)
def test_an_episode_that_the_package_starts_has_the_same_observations_and_success_here(name: str) -> None:
    theirs, rng, outcomes = package(name), np.random.default_rng(0), []
    for seed in range(3):
        observation, _ = theirs.reset(seed=seed)
        env = as_in(theirs, name)
        flat = flatten(theirs.observation_space, observation)
        seen = env.family.observe(env.simulator.state, env.tasks.columns())[0, 0]
        np.testing.assert_allclose(seen, np.asarray(flat), rtol=0.0, atol=1e-12)
        for _ in range(env.horizon):
            action = toward_the_goal(theirs, rng)
            step = env.step(torch.from_numpy(action).view(1, 1, 4))
            observation, _, _, _, info = theirs.step(action)
            flat = flatten(theirs.observation_space, observation)
            np.testing.assert_allclose(step.observation[0, 0], np.asarray(flat), rtol=0.0, atol=1e-6)
            assert env.success() == torch.tensor([[bool(info["is_success"])]])
        succeeded = env.success()
        assert succeeded is not None
        outcomes.append(bool(succeeded))
    assert any(outcomes) == (name != "fetch-pick-and-place"), "which the script does not lift"


@pytest.mark.parametrize("name", VARIANTS)
def test_only_goals_vary_as_the_package_samples_them_and_objects_start_as_there(name: str) -> None:
    family, theirs, count = make(f"{name}-package"), package(name), 1500
    assert family.splits == ("test",)
    assert all(p.startswith("goal_") for p in family.space.names)
    goals = np.array([theirs._sample_goal() for _ in range(count)])
    sampled = family.sample(count, np.random.default_rng(0)).columns()
    same_spread(goal_position(FAMILIES[name][1], sampled)[:, 0].numpy(), goals)
    nominal = worlds(family, family.task()).simulator.nominal
    many = {n: nominal[n].reshape(1, 1, -1).expand(1, count, -1) for n in ("qpos", "qvel")}
    ours = family.reset(many, generator(), family.task().columns())["qpos"][0]
    starts = []
    for _ in range(count):
        assert theirs._reset_sim()
        starts.append(theirs.data.qpos.copy())
    same_spread(ours[:, 15:].numpy(), np.array(starts)[:, 15:])
    np.testing.assert_allclose(ours[:, :15], np.array(starts)[:, :15], rtol=0.0, atol=1e-12)


def same_spread(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Both samples have the same deciles."""
    deciles = np.linspace(0.0, 1.0, 11)
    np.testing.assert_allclose(np.quantile(ours, deciles, axis=0), np.quantile(theirs, deciles, axis=0), atol=0.035)


# -- starts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_episodes_start_as_in_the_package(name: str) -> None:
    theirs, start = package(name), ready(FAMILIES[name][1])
    ours = start.qpos.copy()
    np.testing.assert_array_equal(start.gripper, theirs.initial_gripper_xpos)
    np.testing.assert_array_equal(start.qvel, theirs.initial_qvel)
    if theirs.block_gripper:
        np.testing.assert_allclose(ours[FINGERS], theirs.initial_qpos[FINGERS], atol=2e-3)  # open by a hair there
        ours[FINGERS] = theirs.initial_qpos[FINGERS]
    if theirs.has_object:
        assert start.rest == theirs.height_offset
        ours[OBJECT][:2] = theirs.initial_qpos[OBJECT][:2]
    np.testing.assert_array_equal(ours, theirs.initial_qpos)


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_that_touches_anything_in_the_package_is_missing(name: str) -> None:
    theirs, ours = package(name).model, model_of(name)
    gone = {theirs.geom(i).name for i in range(theirs.ngeom)} - {ours.geom(i).name for i in range(ours.ngeom)}
    touching = {n for n in gone if n and (theirs.geom(n).contype[0] or theirs.geom(n).conaffinity[0])}
    assert touching == {"robot0:estop_link", "robot0:laser_link"}  # behind and under the shoulder, out of reach


# -- starts and goals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITH_OBJECT)
def test_objects_start_anywhere_beside_the_gripper_but_not_under_it(name: str) -> None:
    family, scene = make(name), FAMILIES[name][1]
    env = worlds(family, family.task(), family.task(size=0.09), episodes=200)
    env.reset(generator())
    beside = env.simulator.state["qpos"][..., OBJECT][..., :2] - torch.tensor(
        ready(scene).gripper[:2], dtype=torch.float64
    )
    for offsets, extra in zip(beside, (0.0, (0.09 - SIZE) * math.sqrt(0.5)), strict=True):
        assert float(offsets.norm(dim=-1).min()) >= 0.1 + extra
        assert float(offsets.abs().max()) <= scene.spread + extra
        assert bool((offsets > 0.8 * scene.spread).any(dim=0).all())
        assert bool((offsets < -0.8 * scene.spread).any(dim=0).all())


@pytest.mark.parametrize("name", WITH_OBJECT)
def test_objects_of_all_sizes_lie_still_on_the_table(name: str) -> None:
    family = make(name)
    sizes = torch.tensor([0.02, 0.025, 0.035, 0.05, 0.065, 0.08, 0.09], dtype=torch.float64)
    tasks = [family.task(size=size, **v) for size in sizes.tolist() for v in ({}, {"mass": 0.25, "friction": 0.1})]
    env = worlds(family, *tasks, episodes=4)
    env.reset(generator())
    start = env.simulator.state["qpos"][..., OBJECT].clone()
    resting = 0.4 + FAMILIES[name][1].flatness * sizes.repeat_interleave(2).unsqueeze(-1)  # on a table 0.4 m high
    torch.testing.assert_close(start[..., 2], resting.expand(-1, 4), rtol=0.0, atol=5e-4)
    for _ in range(25):
        env.step(torch.zeros(len(tasks), 4, 4))
    torch.testing.assert_close(env.simulator.state["qpos"][..., OBJECT], start, rtol=0.0, atol=2e-3)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_goal_is_where_observation_and_picture_have_it(name: str) -> None:
    family, scene = make(name), FAMILIES[name][1]
    for values in ({}, {"goal_x": 0.12, "goal_y": -0.07}):
        env = worlds(family, family.task(**values))
        goal = env.reset(generator())[0, 0, 3:6].numpy()
        np.testing.assert_allclose(model_of(name, **values).site("goal").pos, goal, atol=1e-6)
        row = next(iter(family.task(**values)))
        np.testing.assert_allclose(goal[:2] - ready(scene).gripper[:2], [row["goal_x"], row["goal_y"]], atol=1e-6)


def test_goals_are_as_high_as_the_task_says() -> None:
    def height(name: str, **values: float) -> float:
        family = make(name)
        return float(worlds(family, family.task(**values)).reset(generator())[0, 0, 5])

    assert height("fetch-reach", goal_z=0.1) == pytest.approx(ready(REACH).gripper[2] + 0.1)
    assert height("fetch-push", size=0.07) == pytest.approx(0.435, abs=5e-4)
    assert height("fetch-slide", size=0.07) == pytest.approx(0.428, abs=5e-4)
    assert height("fetch-pick-and-place", goal_height=0.0) == pytest.approx(0.425, abs=5e-4)
    assert height("fetch-pick-and-place", goal_height=0.3) == pytest.approx(0.725, abs=5e-4)


def test_every_other_goal_of_pick_and_place_is_on_the_table_as_in_the_package() -> None:
    heights = make("fetch-pick-and-place").sample(2000, np.random.default_rng(0)).columns()["goal_height"]
    assert float((heights == 0.0).double().mean()) == pytest.approx(0.5, abs=0.05)
    assert float(heights.max()) == pytest.approx(0.45, abs=0.01)


def test_the_reward_is_minus_the_distance_and_success_is_less_than_5_cm() -> None:
    family = make("fetch-push")
    env = worlds(family, family.task(), episodes=2)
    observation = env.reset(generator())
    state = {name: value.clone() for name, value in env.simulator.state.items()}
    at = ready(PUSH).object
    assert at is not None
    for distance, succeeds in ((0.049, True), (0.051, False)):
        state["site_xpos"][..., at.site, :] = observation[..., 3:6].double()
        state["site_xpos"][..., at.site, 0] += distance
        step = Transition(state, torch.zeros(1, 2, 4), state, env.tasks.columns())
        torch.testing.assert_close(family.reward(step), torch.full((1, 2), -distance).double(), atol=1e-6, rtol=0.0)
        assert family.distance is not None
        assert torch.equal(family.distance(state, env.tasks.columns()), -family.reward(step))
        assert family.success is not None
        assert family.success(state, env.tasks.columns()).tolist() == [[succeeds, succeeds]]


# -- what parameters do ------------------------------------------------------------------------------------------------


def test_heading_turns_and_gain_scales_how_the_gripper_moves() -> None:
    family = make("fetch-reach")
    env = worlds(family, *(family.task(**v) for v in ({}, {"heading": 90.0}, {"heading": -180.0}, {"gain": 0.5})))
    start = env.simulator.nominal
    env.reset(generator())
    env.simulator.reset(start)
    before = family.observe(env.simulator.state, env.tasks.columns())[:, 0, :3]
    for _ in range(3):
        env.step(torch.tensor([-0.8, 0.0, 0.3, 0.0]).expand(4, 1, 4))
    nominal, left, back, half = family.observe(env.simulator.state, env.tasks.columns())[:, 0, :3] - before
    assert nominal[0] < -0.06
    assert nominal[2] > 0.02
    np.testing.assert_allclose(left, [-nominal[1], nominal[0], nominal[2]], atol=0.01)
    np.testing.assert_allclose(back, [-nominal[0], -nominal[1], nominal[2]], atol=0.01)
    np.testing.assert_allclose(half, nominal / 2, atol=0.01)


def test_size_gives_the_model_that_compiling_another_object_gives() -> None:
    for name in WITH_OBJECT:
        family = make(name)
        assert isinstance(family.world, MujocoWorld)
        spec = family.world.spec()
        spec.geom("object0").size = np.array(spec.geom("object0").size) * 1.4
        spec.geom("object0").mass = 3.0
        compiled, written = spec.compile(), model_of(name, size=1.4 * SIZE, mass=3.0)
        compiled.geom_friction[compiled.geom("object0").id, 0] = 0.0  # those of table and fingers count
        for field in mujoco.MjModel._all_fields:
            value = getattr(written, field)
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and field != "site_pos":  # of the goal
                np.testing.assert_allclose(value, getattr(compiled, field), rtol=1e-9, atol=1e-12, err_msg=field)


def test_friction_is_that_of_the_object_on_the_table() -> None:
    for name in ("fetch-push", "fetch-slide"):
        family, distances = make(name), []
        frictions = parameter(name, "friction").train.support
        env = worlds(family, *(family.task(friction=f) for f in frictions))
        env.reset(generator())
        state = {key: value.clone() for key, value in env.simulator.state.items() if key in ("qpos", "qvel")}
        state["qpos"][..., OBJECT][..., 0] = 1.2 if name == "fetch-push" else 0.9
        state["qpos"][..., OBJECT][..., 1] = 1.0
        state["qvel"][..., 15] = 0.5
        env.simulator.reset(state)
        for _ in range(15):
            env.step(torch.tensor([0.0, 0.0, 1.0, 0.0]).expand(2, 1, 4))
        distances = (env.simulator.state["qpos"] - state["qpos"])[:, 0, OBJECT][:, 0]
        for friction, distance in zip(frictions, distances.tolist(), strict=True):
            slid = min(0.5**2 / (2.0 * 9.81 * friction), 0.6 * 0.5)
            assert distance == pytest.approx(slid, rel=0.25), (name, friction)


def test_a_squeezed_cube_slips_through_smooth_fingers_and_not_through_rough_ones() -> None:
    family = make("fetch-pick-and-place")
    env = worlds(family, *(family.task(finger_friction=friction) for friction in (0.05, 1.0)))
    env.reset(generator())
    state = {key: value.clone() for key, value in env.simulator.state.items() if key in ("qpos", "qvel")}
    state["qpos"][..., OBJECT][..., :3] = torch.tensor(ready(PICK).gripper)
    state["qpos"][..., FINGERS] = 0.024
    env.simulator.reset(state)
    for _ in range(5):
        env.step(torch.tensor([0.0, 0.0, 0.0, -0.003]).expand(2, 1, 4))
    slipped, held = (ready(PICK).gripper[2] - env.simulator.state["qpos"][:, 0, OBJECT][:, 2]).tolist()
    assert held < 0.01 < 0.05 < slipped


def test_object_and_table_and_object_and_fingers_have_frictions_of_their_own() -> None:
    for friction, finger_friction in ((0.6, 0.3), (0.3, 0.6), (1.4, 0.5), (1.0, 1.0)):
        model = model_of("fetch-push", friction=friction, finger_friction=finger_friction)
        assert touching_friction(model, "table0") == pytest.approx(friction)
        for side in "rl":
            assert touching_friction(model, f"robot0:{side}_gripper_finger_link") == pytest.approx(finger_friction)


def touching_friction(model: mujoco.MjModel, other: str) -> float:
    """The sliding friction of the contact that MuJoCo makes where the object is put into a geom."""
    data = mujoco.MjData(model)
    data.qpos[:] = model.key_qpos[0]
    mujoco.mj_forward(model, data)
    data.qpos[OBJECT][:3] = data.geom(other).xpos
    mujoco.mj_forward(model, data)
    pair = {model.geom("object0").id, model.geom(other).id}
    return next(float(contact.friction[0]) for contact in data.contact if set(contact.geom.tolist()) == pair)


def test_a_heavier_object_holds_the_gripper_back() -> None:
    family = make("fetch-push")
    env = worlds(family, *(family.task(mass=mass) for mass in (0.5, 2.0, 8.0)))
    env.reset(generator())
    state = {key: value.clone() for key, value in env.simulator.state.items() if key in ("qpos", "qvel")}
    state["qpos"][..., OBJECT][..., :2] = torch.tensor(ready(PUSH).gripper[:2]) + torch.tensor([-0.1, 0.0])
    env.simulator.reset(state)
    for _ in range(8):
        env.step(torch.tensor([-1.0, 0.0, 0.05, 0.0]).expand(3, 1, 4))
    light, nominal, heavy = ready(PUSH).grip.position(env.simulator.state)[:, 0, 0].tolist()
    assert light < nominal < heavy < ready(PUSH).gripper[0] - 0.2  # a little: the weld of the hand is stiff


# -- shaping reward ----------------------------------------------------------------------------------------------------


def shaping_reward(name: str, *places: tuple[float, float], shut: float = 0.0, **task: float) -> list[float]:
    """The shaping reward with the object so far ahead and to the left of the gripper, one number a place."""
    family = make(name)
    assert family.shaping_reward is not None
    env = worlds(family, *[family.task(**task)] * len(places))
    env.reset(generator())
    scene = ready(FAMILIES[name][1])
    state = {key: value.clone() for key, value in env.simulator.state.items() if key in ("qpos", "qvel")}
    state["qpos"][..., OBJECT][:, 0, :2] = torch.tensor(scene.gripper[:2]) + torch.tensor(places, dtype=torch.float64)
    state["qpos"][..., OBJECT][:, 0, 2] = scene.gripper[2]
    state["qpos"][..., FINGERS] = 0.05 * (1.0 - shut)
    env.simulator.reset(state)
    now, action = env.simulator.state, torch.zeros(len(places), 1, 4)
    return family.shaping_reward(Transition(now, action, now, env.tasks.columns())).squeeze(1).tolist()


@pytest.mark.parametrize("name", ["fetch-push", "fetch-slide"])
def test_learners_are_guided_to_the_far_side_of_the_object(name: str) -> None:
    behind, beside, before, far = shaping_reward(
        name, (0.06, 0.0), (0.0, 0.06), (-0.06, 0.0), (-0.3, 0.0), goal_x=0.2, goal_y=0.0
    )
    assert behind > beside > before > far > 0.0
    assert behind == pytest.approx(0.2 + 0.5 * math.exp(-(0.06 - 0.5 * SIZE - 0.01) / 0.1), abs=0.01)


def test_learners_are_guided_to_close_the_fingers_around_the_object() -> None:
    around, off = (0.0, 0.0), (0.1, 0.0)
    (open_around, open_off), (shut_around, shut_off) = (
        shaping_reward("fetch-pick-and-place", around, off, shut=s) for s in (0.0, 0.5)
    )
    assert shut_around - open_around == pytest.approx(0.125, abs=0.01)
    assert shut_off - open_off < 0.02
    assert open_around > open_off > 0.0


@pytest.mark.parametrize("name", ["fetch-push", "fetch-slide"])
def test_an_object_that_is_there_leaves_nothing_to_guide_to(name: str) -> None:
    (largest,) = shaping_reward(name, (0.15, 0.0), goal_x=0.15, goal_y=0.0)
    assert largest == pytest.approx(0.7)


def test_a_gripper_alone_needs_no_guidance() -> None:
    assert make("fetch-reach").shaping_reward is None


# -- what can be done --------------------------------------------------------------------------------------------------


def play(env: TaskBatchEnv, act: Callable[[Tensor, int], Tensor]) -> Tensor:
    """An episode of a hand-written policy; returns the successes."""
    observation = env.reset(generator())
    for time in range(env.horizon):
        observation = env.step(act(observation, time)).observation
    succeeded = env.success()
    assert succeeded is not None
    return succeeded


def towards(away: Tensor, fingers: float) -> Tensor:
    return torch.cat([(10.0 * away).clamp(-1.0, 1.0), torch.full_like(away[..., :1], fingers)], dim=-1)


def test_every_goal_within_bounds_can_be_reached() -> None:
    family = make("fetch-reach")
    ends = [parameter("fetch-reach", f"goal_{axis}").bounds for axis in "xyz"]
    corners = [family.task(goal_x=x, goal_y=y, goal_z=z) for x in ends[0] for y in ends[1] for z in ends[2]]
    assert bool(play(worlds(family, *corners), lambda seen, time: towards(seen[..., 3:6] - seen[..., :3], 0.0)).all())


@pytest.mark.slow
@pytest.mark.parametrize("split", ["test", "ood"])
def test_cubes_of_all_tasks_can_be_picked_up_and_placed(split: str) -> None:
    family = make("fetch-pick-and-place")
    env = TaskBatchEnv(family, 20, 2)
    env.load(family.tasks(split, 20))

    def act(seen: Tensor, time: int) -> Tensor:
        above = torch.tensor([0.0, 0.0, 0.1])
        if time < 12:
            return towards(seen[..., 12:15] + above, 1.0)
        if time < 18:
            return towards(seen[..., 12:15], 1.0)
        if time < 24:
            return towards(seen[..., 12:15], -1.0)
        return towards(seen[..., 3:6] - seen[..., :3], -1.0)

    placed = play(env, act).double().mean(dim=1)
    mass, size, friction = (env._columns[name][:, 0] for name in ("mass", "size", "finger_friction"))
    slips = (mass > 4.0) & ((size < 0.035) | (friction < 0.25))  # out of distribution in two ways
    assert float(placed[~slips].mean()) >= 0.9
    assert bool(slips.any()) == (split == "ood")
    assert split == "test" or float(placed.mean()) >= 0.7


def test_an_open_loop_begins_as_steps_do() -> None:
    for name in FAMILIES:
        env = TaskBatchEnv(make(name), 2, 2)
        simulator = env.simulator
        assert isinstance(simulator, MujocoSimulator)
        action = 2.0 * torch.rand(2, 2, 1, 4, generator=generator(1)) - 1.0
        env.reset(generator())
        env.step(action[:, :, 0])
        stepped = simulator.state["qpos"].clone()
        env.reset(generator())
        simulator.open_loop(action)
        assert torch.equal(simulator.state["qpos"], stepped)


# -- mistakes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("fetch-push", {"goal_x": 0.5}, r"goal_x=0\.5 is outside its physical range \[-0\.25, 0\.2\] m"),
        ("fetch-push", {"mass": 0.0}, r"mass=0 is outside its physical range \[0\.02, 20\] kg"),
        ("fetch-pick-and-place", {"size": 0.2}, r"size=0\.2 is outside its physical range \[0\.02, 0\.09\] m"),
        ("fetch-slide", {"friction": -0.1}, r"friction=-0\.1 is outside its physical range \[0, 3\]"),
        ("fetch-reach", {"heading": 200.0}, r"heading=200 is outside its physical range \[-180, 180\] deg"),
        ("fetch-reach", {"mass": 1.0}, "no parameter 'mass' in family 'fetch-reach'"),
    ],
)
def test_what_cannot_be_is_answered_in_one_line(name: str, values: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        make(name).task(**values)
    assert "\n" not in str(caught.value)


def test_without_the_package_its_models_are_missed_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    family = make("fetch-push")
    assert isinstance(family.world, MujocoWorld)
    with pytest.raises(UserError, match="need the models of gymnasium-robotics: pip install gymnasium-robotics"):
        family.world.spec()

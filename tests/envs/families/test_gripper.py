"""The gripper: each column does what it says, a script grasps with it, and observations and rewards are right."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from importlib.resources import files

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.envs import TaskBatchEnv, TaskFamily, Tasks, make
from robotmeta.envs.families import object_state, objects
from robotmeta.envs.families.gripper.model import GRIP, HEIGHT, LIFT, LONGEST_DELAY, OPENING, SPEEDS, TIMESTEP, gripper
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.envs.simulators.mujoco_cpu import MujocoSimulator
from robotmeta.errors import UserError

REACH, PUSH, SLIDE, GRASP = make("reach"), make("push"), make("slide"), make("grasp")
GRAVITY = 9.81
SHAPES = range(len(objects.SHAPES))


def builder(family: TaskFamily) -> ModelBuilder:
    assert isinstance(family.world, MujocoWorld)
    return ModelBuilder(family.world.spec, family.space)


BUILD = {family.name: builder(family) for family in (REACH, PUSH, SLIDE, GRASP)}


def model_of(family: TaskFamily, **values: float) -> mujoco.MjModel:
    (model,) = BUILD[family.name](family.task(**values))
    return model


def together(*tasks: Tasks) -> Tasks:
    return Tasks(tasks[0].names, np.concatenate([t.values for t in tasks]))


def worlds(family: TaskFamily, *tasks: Tasks, episodes: int = 1, seed: int = 0) -> TaskBatchEnv:
    rows = together(*tasks)
    env = TaskBatchEnv(family, len(rows), episodes)
    env.load(rows)
    env.reset(torch.Generator().manual_seed(seed))
    return env


def acting(env: TaskBatchEnv, *action: float) -> Tensor:
    """The same action in every world; zero where none is given."""
    values = torch.tensor(action or (0.0,) * env.action_size)
    return values.expand(env.num_tasks, env.num_episodes, -1)


def seen(env: TaskBatchEnv, task: int = 0) -> dict[str, float]:
    names = [name for name, _ in env.family.observations]
    return dict(zip(names, env._observation()[task, 0].tolist(), strict=True))


def data_of(env: TaskBatchEnv, task: int = 0) -> mujoco.MjData:
    """What MuJoCo makes of the state that a world is in."""
    assert isinstance(env.simulator, MujocoSimulator)
    batch = env.simulator._batch
    data = batch.get_data(task * env.num_episodes)
    mujoco.mj_forward(batch.get_model(task * env.num_episodes), data)
    return data


def with_values(tasks: Tasks, **values: float) -> Tasks:
    changed = tasks.values.copy()
    for name, value in values.items():
        changed[:, tasks.names.index(name)] = value
    return Tasks(tasks.names, changed)


# -- the model ---------------------------------------------------------------------------------------------------------


def test_the_model_ships_with_the_package() -> None:
    folder = files("robotmeta") / "assets" / "gripper"
    assert (folder / "gripper.xml").is_file()
    assert (folder / "README.md").is_file()


def test_the_constants_are_those_of_the_model() -> None:
    model = gripper().compile()
    assert model.opt.timestep == TIMESTEP
    speeds = model.actuator_gainprm[:, 0] / -model.actuator_biasprm[:, 1]
    np.testing.assert_allclose(speeds, list(SPEEDS.values()))
    assert [model.actuator(i).name for i in range(model.nu)] == list(SPEEDS)
    assert model.actuator("fingers").forcerange.tolist() == [-GRIP, GRIP]
    assert model.actuator("z").forcerange.tolist() == [-LIFT, LIFT]
    assert model.body("hand").pos[2] == HEIGHT
    inner = model.body("left_finger").pos[1] + model.geom("left_pad").pos[1] - model.geom("left_pad").size[1]
    assert 2 * inner == pytest.approx(OPENING)
    delayed = (model.actuator_history[:, 0] - 1) * TIMESTEP
    assert delayed.min() >= 1e-3 * LONGEST_DELAY


@pytest.mark.parametrize("name", SPEEDS)
def test_an_action_moves_a_target_at_full_speed_and_none_holds_it(name: str) -> None:
    env = worlds(GRASP, GRASP.task())
    axis = list(SPEEDS).index(name)
    start = env.simulator.state["act"].clone()
    direction = torch.zeros(env.action_size).index_fill(0, torch.tensor(axis), 1.0)
    for _ in range(3):
        env.step(direction.expand(1, 1, -1))
    moved = (env.simulator.state["act"] - start)[0, 0]
    expected = torch.zeros(env.action_size, dtype=torch.float64)
    expected[axis] = 3 * GRASP.dt
    torch.testing.assert_close(moved, expected, atol=1e-12, rtol=0.0)
    for _ in range(25):
        env.step(acting(env))
    hand = seen(env)
    assert abs(hand["closure_target" if name == "fingers" else f"{name}_target"]) < 1e-3
    still = env.simulator.state["qpos"].clone()
    env.step(acting(env))
    torch.testing.assert_close(env.simulator.state["qpos"], still, atol=1e-4, rtol=0.0)


def test_a_hand_left_alone_stays_where_the_episode_starts() -> None:
    for family in (REACH, PUSH, SLIDE, GRASP):
        env = worlds(family, family.task(), episodes=4)
        start = env.simulator.state["qpos"].clone()
        for _ in range(family.horizon):
            env.step(acting(env))
        torch.testing.assert_close(env.simulator.state["qpos"], start, atol=1e-4, rtol=0.0)


def test_targets_stay_within_the_workspace() -> None:
    env = worlds(GRASP, GRASP.task())
    low, high = BUILD["grasp"].nominal.actuator_actrange.T
    for sign, bound in ((1.0, high), (-1.0, low)):
        for _ in range(100):
            env.step(acting(env, *[sign] * 5))
        np.testing.assert_allclose(env.simulator.state["act"][0, 0], bound)
    lowest = env.simulator.state["qpos"][0, 0, 2] + HEIGHT - float(BUILD["grasp"].nominal.geom("left_pad").size[2])
    assert lowest > 0.0  # pads above the table, which they do not collide with


# -- what each number of an object does --------------------------------------------------------------------------------


def test_models_of_all_shapes_have_one_layout_and_specks_that_nothing_can_touch() -> None:
    models = [model_of(GRASP, shape=float(shape)) for shape in SHAPES]
    for chosen, model in enumerate(models):
        assert (model.npair, model.nv, model.ngeom) == (models[0].npair, models[0].nv, models[0].ngeom)
        np.testing.assert_array_equal(model.geom_type, models[0].geom_type)
        np.testing.assert_array_equal(model.pair_dim, models[0].pair_dim)
        for shape, name in enumerate(objects.SHAPES):
            assert (model.geom(name).size.max() > 0.01) == (shape == chosen)
            if shape != chosen:
                assert model.geom_rbound[model.geom(name).id] < 1e-3


def test_a_shape_has_its_size_mass_and_inertia() -> None:
    radius, aspect, mass = 0.02, 1.5, 0.3
    half = aspect * radius
    for shape, size, inertia in (
        (0.0, (half, radius, radius), (2 * radius**2 / 3, (half**2 + radius**2) / 3, (half**2 + radius**2) / 3)),
        (1.0, (radius, half, 0.0), (radius**2 / 4 + half**2 / 3, radius**2 / 4 + half**2 / 3, radius**2 / 2)),
        (2.0, (radius, 0.0, 0.0), (2 * radius**2 / 5,) * 3),
    ):
        model = model_of(GRASP, shape=shape, half_width=radius, aspect=aspect, mass=mass)
        measures = (3, 2, 1)[int(shape)]
        assert model.geom(objects.SHAPES[int(shape)]).size[:measures].tolist() == pytest.approx(size[:measures])
        assert model.body("object").mass == pytest.approx(mass)
        np.testing.assert_allclose(np.sort(model.body("object").inertia), np.sort(mass * np.array(inertia)), rtol=1e-5)
    capsule = model_of(GRASP, shape=3.0, half_width=radius, aspect=aspect, mass=mass)
    assert capsule.geom("capsule").size[:2].tolist() == pytest.approx([radius, half - radius])
    assert capsule.body("object").mass == pytest.approx(mass)


@pytest.mark.parametrize("family", [PUSH, GRASP], ids=lambda family: family.name)
def test_objects_start_at_rest_on_the_table(family: TaskFamily) -> None:
    column = next(p for p in family.space if p.name == "half_width")
    shapes = [0.0, 1.0] if family is PUSH else [float(shape) for shape in SHAPES]
    rows = [
        family.task(shape=shape, half_width=width, aspect=aspect, offset=offset, mass=mass)
        for shape in shapes
        for width in column.bounds
        for aspect in (1.05, 2.0)
        for offset in (-0.8, 0.8)
        for mass in (0.01, 5.0)
    ]
    env = worlds(family, *rows)
    state = env.simulator.state
    assert isinstance(env.simulator.nominal["qpos"], Tensor)
    start = object_state.position(state).clone()
    for model, qpos in zip(BUILD[family.name](env.tasks), state["qpos"][:, 0], strict=True):
        data = mujoco.MjData(model)
        data.qpos[:] = qpos
        mujoco.mj_forward(model, data)
        assert all(contact.dist > -1e-9 for contact in data.contact)  # neither in the table nor in the hand
        data.qpos[-5] -= 1e-6
        mujoco.mj_forward(model, data)
        assert data.ncon > 0  # nor above the table
        assert all(model.geom("table").id in contact.geom for contact in data.contact)
    for _ in range(25):
        env.step(acting(env))
    assert float((object_state.position(state) - start).norm(dim=-1).max()) < 1e-4
    assert float(object_state.tilt(state, env._columns).abs().max()) < 1e-3


def test_friction_is_the_object_s_times_that_of_what_it_touches() -> None:
    model = model_of(GRASP, friction=0.5, finger_friction=1.2, table_friction=0.8)
    for pair in range(model.npair):
        table = model.geom("table").id in (model.pair_geom1[pair], model.pair_geom2[pair])
        assert model.pair_friction[pair, :2].tolist() == pytest.approx([0.5 * (0.8 if table else 1.2)] * 2)


@pytest.mark.parametrize("shape", [0.0, 1.0])
@pytest.mark.parametrize("mass", [0.1, 1.0])
@pytest.mark.parametrize("friction", [0.05, 0.1, 0.3])
def test_a_pushed_object_slides_as_far_as_its_friction_lets_it(shape: float, mass: float, friction: float) -> None:
    model = model_of(PUSH, shape=shape, friction=0.5, table_friction=2.0 * friction, mass=mass, aspect=1.1)
    data = mujoco.MjData(model)
    data.qpos[:2] = 0.2, 0.2  # the hand is out of the way
    data.act[:] = data.qpos[:2] / SPEEDS["x"]
    speed = 0.4
    data.qvel[2] = speed
    for _ in range(300):
        mujoco.mj_step(model, data)
    assert data.qpos[2] == pytest.approx(speed**2 / (2 * friction * GRAVITY), rel=0.1)


def test_a_rolling_sphere_comes_to_rest() -> None:
    model = model_of(GRASP, shape=2.0)
    data = mujoco.MjData(model)
    data.act[2], data.qpos[2] = 0.4, 0.2  # the hand is out of the way
    data.qvel[6], data.qvel[10] = 0.1, 0.1 / 0.02
    for _ in range(200):
        mujoco.mj_step(model, data)
    assert 0.005 < data.qpos[6] < 0.1
    assert np.abs(data.qvel[6:]).max() < 1e-3


@pytest.mark.parametrize("family", [PUSH, SLIDE], ids=lambda family: family.name)
def test_round_objects_are_pushed_too_and_roll_where_a_box_has_stopped(family: TaskFamily) -> None:
    assert set(family.tasks("test", 100).columns()["shape"].flatten().tolist()) == {0.0, 1.0, 2.0}
    assert set(family.tasks("ood", 20).columns()["shape"].flatten().tolist()) == {3.0}
    env = worlds(family, *(family.task(shape=float(s), table_friction=0.2) for s in SHAPES))
    state = {name: env.simulator.state[name].clone() for name in ("qpos", "qvel", "act")}
    zero = torch.zeros(len(SHAPES), 1, dtype=torch.float64)
    state["qpos"][..., :2], state["act"][:] = torch.tensor([-0.2, 0.2]), torch.tensor([-0.2, 0.2]) / SPEEDS["x"]
    state["qpos"][..., -7:] = object_state.at_rest(torch.stack([zero, zero], dim=-1), zero, env._columns)
    state["qvel"][..., 3] = 0.3  # along y, across a capsule
    env.simulator.reset(state)
    for _ in range(20):
        env.step(acting(env))
    box, cylinder, sphere, capsule = object_state.position(env.simulator.state)[:, 0, 1].tolist()
    slid = 0.3**2 / (2.0 * 0.2 * 0.45 * GRAVITY)
    assert max(box, cylinder) < 1.5 * slid
    assert min(sphere, capsule) > 1.5 * slid
    speeds = object_state.velocity(env.simulator.state).norm(dim=-1)[:, 0]
    assert float(speeds[0]) < 1e-3 < 0.01 < float(speeds[2:].min())


def test_the_centre_of_mass_is_where_the_offset_says() -> None:
    long, radius = 1.5, 0.02
    expected = {0.0: (0.5 * long * radius, 0.0), 1.0: (0.3 * radius, 0.0), 2.0: (0.0, -0.5 * radius), 3.0: (0.005, 0.0)}
    for shape, (x, z) in expected.items():
        model = model_of(GRASP, shape=shape, half_width=radius, aspect=long, offset=0.5)
        np.testing.assert_allclose(model.body("object").ipos, [x, 0.0, z], atol=1e-12)


# -- what each number of the hand does ---------------------------------------------------------------------------------


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


# -- a script that grasps ----------------------------------------------------------------------------------------------


def put_between_the_pads(env: TaskBatchEnv) -> None:
    """Lowers the open hand around an object in the middle of the table."""
    state = env.simulator.state
    state["qpos"][..., :-7] = state["act"][:] = 0.0
    zero = torch.zeros(env.num_tasks, env.num_episodes, dtype=torch.float64)
    state["qpos"][..., -7:] = object_state.at_rest(torch.stack([zero, zero], dim=-1), zero, env._columns)


@dataclass
class Script:
    """Goes above the object, down, closes, and lifts; looks at the true state.

    Attributes:
        squeeze: How far the fingers' target goes beyond where the object stops them, m.
        balanced: Whether it grips at the centre of mass, which a policy has to find out, or in the middle.
    """

    env: TaskBatchEnv
    squeeze: float = 0.05
    balanced: bool = False

    def __post_init__(self) -> None:
        shape = (self.env.num_tasks, self.env.num_episodes)
        self.stage = torch.zeros(shape, dtype=torch.long)
        self.full = torch.tensor(list(SPEEDS.values()), dtype=torch.float64) * GRASP.dt
        self.wanted = self.env.simulator.state["act"] * self.full / GRASP.dt

    def __call__(self) -> Tensor:
        state, task, wanted = self.env.simulator.state, self.env._columns, self.wanted
        target, hand = state["act"] * self.full / GRASP.dt, state["qpos"][..., :4]
        place, along = object_state.position(state), object_state.along(state)
        if self.balanced:
            centre = torch.tensor([model.body("object").ipos[0] for model in BUILD["grasp"](self.env.tasks)])
            place = place + centre[:, None, None] * along
        free = self.stage < 2
        wanted[..., :2] = torch.where(free.unsqueeze(-1), place[..., :2], wanted[..., :2])
        wanted[..., 3] = torch.where(free, torch.atan2(along[..., 1], along[..., 0]), wanted[..., 3])
        above = (place[..., :2] - hand[..., :2]).norm(dim=-1) < 0.004
        down = (place[..., 2] - HEIGHT).clamp(min=0.0)
        wanted[..., 2] = torch.where(self.stage == 1, down, wanted[..., 2])
        closed, touched = state["qpos"][..., 4:6].sum(dim=-1), state["sensordata"].amin(dim=-1) > 0.0
        tight = touched & (target[..., 4] - closed >= self.squeeze)
        closing = torch.where(touched, torch.maximum(target[..., 4], closed) + 0.006, target[..., 4] + 0.008)
        wanted[..., 4] = torch.where((self.stage == 2) & ~tight, closing, target[..., 4])
        missing = 0.4 * (task["goal_z"] - object_state.rise(state, task))
        wanted[..., 2] = torch.where(self.stage == 3, target[..., 2] + missing.clamp(-0.012, 0.012), wanted[..., 2])
        done = torch.stack([above, (down - hand[..., 2]).abs() < 0.006, tight, torch.zeros_like(tight)])
        self.stage += done.gather(0, self.stage.unsqueeze(0)).squeeze(0)
        gain = torch.tensor([0.3, 0.3, 0.6, 0.3, 1.0])  # gently where latency would make it swing
        return (gain * (wanted - target) / self.full).clamp(-1.0, 1.0).float()


def grasped(env: TaskBatchEnv, squeeze: float = 0.05, balanced: bool = False) -> tuple[Tensor, Tensor]:
    """Plays the script; rewards and stages ``[time, task, episode]``."""
    script, rewards, stages = Script(env, squeeze, balanced), [], []
    for _ in range(GRASP.horizon):
        stages.append(script.stage.clone())
        rewards.append(env.step(script()).reward)
    return torch.stack(rewards), torch.stack(stages)


def share(env: TaskBatchEnv) -> float:
    success = env.success()
    assert success is not None
    return float(success.float().mean())


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


# -- what a policy sees ------------------------------------------------------------------------------------------------


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


# -- endings and mistakes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [PUSH, SLIDE, GRASP], ids=lambda family: family.name)
def test_an_object_off_the_table_or_through_it_ends_the_episode_as_a_failure(family: TaskFamily) -> None:
    env = worlds(family, family.task(), episodes=4)
    qpos = env.simulator.state["qpos"]
    qpos[0, 1, -7] = 0.31
    qpos[0, 2, -6] = -0.31
    qpos[0, 3, -5] = -0.05
    fallen = family.terminated(env.simulator.state, env._columns)
    assert fallen is not None
    assert fallen.tolist() == [[False, True, True, True]]
    assert bool(env.step(acting(env)).reward.isfinite().all())
    success = env.success()
    assert success is not None
    assert not bool(success.any())


def test_success_in_reach_is_the_last_half_second_at_the_goal() -> None:
    env = worlds(REACH, REACH.task(goal_x=0.1, goal_y=0.0, goal_z=0.15), episodes=2)
    state = env.simulator.state
    state["qpos"][0, :, :] = torch.tensor([0.1, 0.0, 0.15 - HEIGHT])
    state["qpos"][0, 1, 1] = 0.03
    state["act"][:] = 2.0 * state["qpos"]
    torch.testing.assert_close(env.distance(), torch.tensor([[0.0, 0.03]]))
    reward = torch.zeros(1, 2)
    for t in range(13):
        success = env.success()
        assert success is not None
        assert success[0].tolist() == [t >= 12, False]
        reward = env.step(acting(env)).reward
    assert float(reward[0, 0]) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("family", "close"), [(PUSH, 0.03), (SLIDE, 0.02)], ids=["push", "slide"])
def test_success_in_push_and_slide_is_some_centimetres_from_the_goal(family: TaskFamily, close: float) -> None:
    env = worlds(family, family.task(goal_x=0.1, goal_y=0.05), episodes=3)
    qpos = env.simulator.state["qpos"]
    qpos[0, :, 2:4] = torch.tensor([0.1, 0.05], dtype=torch.float64)
    qpos[0, 1, 2] += close - 0.001
    qpos[0, 2, 3] += close + 0.001
    success = env.success()
    assert success is not None
    assert success[0].tolist() == [True, True, False]
    torch.testing.assert_close(env.distance(), torch.tensor([[0.0, close - 0.001, close + 0.001]]))
    rewards = env.step(acting(env)).reward[0]
    assert rewards[0] > rewards[1] > rewards[2] - 1e-9


@pytest.mark.parametrize(
    ("mistake", "expected"),
    [
        (lambda: GRASP.task(half_width=0.05), r"half_width=0.05 is outside its physical range \[0.008, 0.0376\] m"),
        (lambda: GRASP.task(mass=0.0), r"mass=0 is outside its physical range \[0.01, 5\] kg"),
        (lambda: GRASP.task(mass=float("nan")), "mass=nan is outside"),
        (lambda: GRASP.task(shape=4), "shape is one of box, cylinder, sphere, capsule, not 4"),
        (lambda: GRASP.task(shape=1.5), "shape is one of box, cylinder, sphere, capsule, not 1.5"),
        (lambda: GRASP.task(shape="cone"), r"no shape 'cone'; nearest: cylinder \(also box, sphere, capsule\)"),
        (lambda: GRASP.task(goal_z=0.5), r"goal_z=0.5 is outside its physical range \[0.03, 0.22\] m"),
        (lambda: GRASP.task(offset=1.0), "offset=1 is outside"),
        (lambda: GRASP.task(friction=-0.1), "friction=-0.1 is outside"),
        (lambda: GRASP.task(latency=300), "latency=300 is outside"),
        (lambda: PUSH.task(shape=4), "shape is one of box, cylinder, sphere, capsule, not 4"),
        (lambda: PUSH.task(goal_x=0.4), r"goal_x=0.4 is outside its physical range \[0, 0.25\] m"),
        (lambda: SLIDE.task(goal_x=0.0), r"goal_x=0 is outside its physical range \[0.03, 0.25\] m"),
        (lambda: REACH.task(goal_x=0.3), r"goal_x=0.3 is outside its physical range \[-0.17, 0.17\] m"),
        (lambda: REACH.task(payload=-1.0), "payload=-1 is outside"),
        (
            lambda: worlds(REACH, REACH.task(strength=0.35, payload=1.5)),
            "payload=1.5 is too heavy: a hand with strength=0.35 can hold 0.892 kg",
        ),
    ],
)
def test_what_cannot_be_is_answered_in_one_line(mistake, expected: str) -> None:
    with pytest.raises(UserError, match=expected) as error:
        mistake()
    assert "\n" not in str(error.value)


def test_every_goal_is_within_reach() -> None:
    high = BUILD["reach"].nominal.actuator_actrange[:, 1]
    far = max(abs(bound) for name in ("goal_x", "goal_y") for bound in bounds_of(REACH, name))
    assert math.hypot(far, far) <= SPEEDS["x"] * high[0]  # whichever way the gantry is turned
    assert bounds_of(REACH, "goal_z")[1] - HEIGHT <= SPEEDS["z"] * high[2]
    highest = bounds_of(GRASP, "goal_z")[1] + bounds_of(GRASP, "aspect")[1] * bounds_of(GRASP, "half_width")[1]
    assert highest - HEIGHT <= SPEEDS["z"] * BUILD["grasp"].nominal.actuator_actrange[2, 1]


def bounds_of(family: TaskFamily, name: str) -> tuple[float, float]:
    return next(p.bounds for p in family.space if p.name == name)

"""Composed objects: inertia, rest and contacts are right, each column does what it says, and a script grasps them."""

from __future__ import annotations

import functools
from collections.abc import Callable

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.envs import TaskBatchEnv, Tasks, make
from robotmeta.envs.families import object_state
from robotmeta.envs.families.gripper.hand import activations, servo_targets, turned
from robotmeta.envs.families.gripper.model import HEIGHT
from robotmeta.envs.families.gripper.objects import measured
from robotmeta.envs.families.gripper.objects.composed import Composition
from robotmeta.envs.families.gripper.objects.family import AXES
from robotmeta.envs.families.gripper.objects.kinds import KINDS, NAMES, SLOTS
from robotmeta.envs.families.gripper.objects.scene import GRIPPERS, NEIGHBOUR_HALF
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder

FAMILY = make("grasp-objects")
UNUSUAL = dict(half_width=0.023, aspect=1.55, part=1.2, density=900.0, part_density=1.8)
_OBJECT, _NEIGHBOUR = slice(15, 22), slice(8, 15)


@functools.cache
def _builder() -> ModelBuilder:
    assert isinstance(FAMILY.world, MujocoWorld)
    return ModelBuilder(FAMILY.world.spec, FAMILY.space)


def model_of(**values: float | str) -> mujoco.MjModel:
    (model,) = _builder()(FAMILY.task(**values))
    return model


def worlds(*tasks: Tasks, episodes: int = 1) -> TaskBatchEnv:
    rows = Tasks(tasks[0].names, np.concatenate([t.values for t in tasks]))
    env = TaskBatchEnv(FAMILY, len(rows), episodes)
    env.load(rows)
    env.reset(torch.Generator().manual_seed(0))
    return env


def acting(env: TaskBatchEnv, *action: float) -> Tensor:
    values = torch.tensor(action or (0.0,) * env.action_size)
    return values.expand(env.num_tasks, env.num_episodes, -1)


def seen(env: TaskBatchEnv, task: int = 0) -> dict[str, float]:
    names = [name for name, _ in FAMILY.observations]
    return dict(zip(names, env._observation()[task, 0].tolist(), strict=True))


def forward(model: mujoco.MjModel) -> mujoco.MjData:
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return data


# -- the object --------------------------------------------------------------------------------------------------------


def test_all_tasks_have_one_layout() -> None:
    models = [model_of(object=name, gripper=g) for name in NAMES for g in GRIPPERS]
    models += [model_of(neighbour=name) for name in ("carton", "can")]
    for model in models:
        for field in ("geom_type", "geom_quat", "pair_dim", "eq_active0", "body_gravcomp", "site_size"):
            np.testing.assert_array_equal(getattr(model, field), getattr(models[0], field))


@pytest.mark.parametrize("name", NAMES)
def test_mass_and_inertia_are_those_of_the_same_shape_compiled_by_mujoco(name: str) -> None:
    model = model_of(object=name, **UNUSUAL)
    spec = mujoco.MjSpec()
    body = spec.worldbody.add_body(name="object")
    second = {part.slot: part.second for part in KINDS[name].parts}
    for slot in second:
        geom = model.geom(slot)
        density = UNUSUAL["density"] * (UNUSUAL["part_density"] if second[slot] else 1.0)
        kind = getattr(mujoco.mjtGeom, f"mjGEOM_{slot.split('_')[0].upper()}")
        body.add_geom(type=kind, size=geom.size, pos=geom.pos, quat=geom.quat, density=density)
    compiled = spec.compile()
    ours, theirs = model.body("object"), compiled.body("object")
    np.testing.assert_allclose(ours.mass, theirs.mass, rtol=1e-9)
    np.testing.assert_allclose(ours.ipos, theirs.ipos, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(_tensor(ours), _tensor(theirs), rtol=1e-7, atol=1e-12)
    for slot in set(SLOTS) - set(second):
        assert float(model.geom(slot).rbound[0]) < 1e-3


def _tensor(body) -> np.ndarray:
    flat = np.zeros(9)
    mujoco.mju_quat2Mat(flat, np.array(body.iquat))
    turn = flat.reshape(3, 3)
    return turn @ np.diag(body.inertia) @ turn.T


@pytest.mark.parametrize("name", ["mug", "screwdriver"])
def test_a_model_of_another_kind_is_as_if_compiled(name: str) -> None:
    model = model_of(object=name, gripper="three-fingers", neighbour="can", **UNUSUAL)
    data = forward(model)
    body = model.body("object").id
    turn = data.xmat[body].reshape(3, 3)
    np.testing.assert_allclose(data.xipos[body], data.xpos[body] + turn @ model.body_ipos[body], atol=1e-12)
    for geom in range(model.ngeom):
        at = int(model.geom_bodyid[geom])
        expected = data.xpos[at] + data.xmat[at].reshape(3, 3) @ model.geom_pos[geom]
        np.testing.assert_allclose(data.geom_xpos[geom], expected, atol=1e-12)
        kind = int(model.geom_type[geom])
        x, y, z = model.geom_size[geom]
        half = {6: (x, y, z), 5: (x, x, y), 3: (x, x, x + y)}.get(kind)
        if half is not None:
            np.testing.assert_allclose(model.geom_aabb[geom], [0, 0, 0, *half], atol=1e-12)
            radius = {6: np.linalg.norm(half), 5: np.hypot(x, y), 3: x + y}[kind]
            assert float(model.geom_rbound[geom]) == pytest.approx(float(radius))


@pytest.mark.parametrize("split", ["test", "ood"])
def test_the_height_at_rest_is_that_of_the_lowest_part(split: str) -> None:
    tasks = FAMILY.tasks(split, 40)
    lowest = [Composition.of(row).height for row in tasks]
    assert measured.rest(tasks.columns())[:, 0].tolist() == pytest.approx(lowest)


def test_everything_rests_on_the_table_for_three_seconds() -> None:
    tasks = [
        FAMILY.task(object=name, gripper=gripper, neighbour=("carton", "can")[number % 2], **UNUSUAL)
        for number, name in enumerate(NAMES)
        for gripper in GRIPPERS
    ]
    env = worlds(*tasks)
    start = env.simulator.state["qpos"].clone()
    for _ in range(75):
        env.step(acting(env))
    moved = (env.simulator.state["qpos"] - start).abs().amax(dim=(0, 1))
    assert float(moved[_OBJECT][:3].max()) < 5e-4
    assert float(moved[_NEIGHBOUR][:3].max()) < 5e-4
    assert float(moved.max()) < 5e-3


def test_held_out_kinds_are_never_trained() -> None:
    drawn = [FAMILY.tasks(split, 40).values[:, 0] for split in ("test", "ood")]
    trained, held_out = ({NAMES[round(value)] for value in values} for values in drawn)
    assert trained == {"box", "can", "bottle", "mug", "hammer"}
    assert held_out == {"screwdriver", "pan", "dumbbell", "spray"}


def test_density_and_the_size_of_parts_change_mass_and_balance() -> None:
    plain = model_of(object="hammer", half_width=0.022).body("object")
    for values, heavier, forward_by in (
        (dict(density=3000.0), 2.0, 0.0),
        (dict(part_density=2.0), 1.2, 0.005),
        (dict(part=1.3), 1.05, 0.003),
    ):
        other = model_of(object="hammer", half_width=0.022, **values).body("object")
        assert float(other.mass[0]) > heavier * float(plain.mass[0]) - 1e-9
        assert float(other.ipos[0] - plain.ipos[0]) >= forward_by


def test_frictions_multiply_and_leave_the_neighbour_alone() -> None:
    model = model_of(friction=0.5, finger_friction=1.2, table_friction=0.8, object="mug")
    for name, expected in (("left_pad_box_2", 0.6), ("table_cylinder_0", 0.4), ("table_carton", 0.6)):
        assert float(model.pair(name).friction[0]) == pytest.approx(expected)


# -- the hand, the neighbour and the table -----------------------------------------------------------------------------


def test_three_fingers_are_two_against_one_and_a_parallel_gripper_hides_the_third() -> None:
    for gripper, hidden, shown in (
        ("parallel", ("right_tip", "third_tip", "third_link"), {"left_pad": 0.0, "right_pad": 0.0}),
        ("three-fingers", ("right_pad",), {"left_pad": 0.0, "right_tip": -0.012, "third_tip": 0.012}),
    ):
        model = model_of(gripper=gripper)
        data = forward(model)
        assert all(float(model.geom(name).rbound[0]) < 1e-3 for name in hidden)
        for name, x in shown.items():
            assert float(data.geom(name).xpos[0]) == pytest.approx(x, abs=1e-9)
            assert (float(data.geom(name).xpos[1]) > 0.0) == (name == "left_pad")


@pytest.mark.parametrize("name", ["hammer", "mug", "box"])
def test_the_neighbour_stands_a_gap_away(name: str) -> None:
    for side in (0.3, 1.57, 2.84):
        model = model_of(object=name, neighbour="carton", neighbour_gap=0.03, neighbour_side=side)
        data = forward(model)
        apart = [
            mujoco.mj_geomDistance(model, data, model.geom(s).id, model.geom("carton").id, 1.0, None) for s in SLOTS
        ]
        assert min(apart) > 0.03 - 1e-6
        if name == "box" and side == 1.57:
            assert min(apart) == pytest.approx(0.03, abs=1e-4)


def test_who_knocks_the_neighbour_over_has_no_success_and_half_the_reward() -> None:
    env = worlds(*(FAMILY.task(neighbour=name) for name in ("none", "carton")))
    state, task = env.simulator.state, env._columns
    lying = torch.tensor([np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0])
    before = env.step(acting(env)).reward[:, 0]
    state["qpos"][..., 11:15], state["qpos"][..., 10] = lying, NEIGHBOUR_HALF[0]
    after = env.step(acting(env)).reward[:, 0]
    assert float(after[0] / before[0]) > 0.95
    assert float(after[1] / before[1]) < 0.55
    state["qpos"][..., 17] += task["goal_z"]
    state["sensordata"][:] = 5.0
    assert FAMILY.success is not None
    assert FAMILY.success(state, task)[:, 0].tolist() == [True, False]


@pytest.mark.parametrize("fallen", [_OBJECT, _NEIGHBOUR])
def test_what_passes_the_edge_of_the_table_ends_the_episode(fallen: slice) -> None:
    env = worlds(*(FAMILY.task(neighbour="carton", edge=edge) for edge in (0.12, 0.25)))

    def ended() -> list[bool]:
        terminated = env.step(acting(env)).terminated
        assert terminated is not None
        return terminated[:, 0].tolist()

    assert ended() == [False, False]
    env.simulator.state["qpos"][..., fallen.start + 1] = -0.15
    assert ended() == [True, False]
    env.simulator.state["qpos"][..., fallen.start + 2] += 0.1  # in the air, as in the hand
    assert ended() == [False, False]


# -- what a policy sees ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_observed_sizes_are_those_of_the_geoms(name: str) -> None:
    env = worlds(FAMILY.task(object=name, **UNUSUAL))
    model = model_of(object=name, **UNUSUAL)
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for part in KINDS[name].parts:
        geom = model.geom(part.slot)
        half = model.geom_aabb[geom.id][3:]
        half = half[[2, 1, 0]] if part.slot.startswith("capsule") else half
        low, high = np.minimum(low, geom.pos - half), np.maximum(high, geom.pos + half)
    shown = seen(env)
    assert [shown[f"object_{side}"] for side in ("back", "front", "side", "below", "above")] == pytest.approx(
        [-low[0], high[0], high[1], -low[2], high[2]], abs=1e-6
    )
    assert shown["to_lift"] == pytest.approx(0.1, abs=1e-6)


def test_the_rotation_of_a_round_object_is_not_observed_and_that_of_a_mug_is() -> None:
    env = worlds(FAMILY.task(object="can"), FAMILY.task(object="mug"))
    env.simulator.state["qpos"][..., 18:22] = torch.tensor([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])
    env.simulator.state["qpos"][..., 3] = 0.0
    assert seen(env, 0)["object_along_x"] == pytest.approx(1.0)
    assert seen(env, 1)["object_along_x"] == pytest.approx(0.0, abs=1e-6)


def test_the_nearest_hold_of_a_hammer_lies_along_its_handle_and_of_a_can_along_its_height() -> None:
    env = worlds(FAMILY.task(object="hammer"), FAMILY.task(object="can"))
    state, task = env.simulator.state, env._columns
    state["qpos"][..., 15:18], state["qpos"][..., 18:22] = 0.0, torch.tensor([1.0, 0.0, 0.0, 0.0])
    state["qpos"][..., :3] = torch.tensor([0.03, 0.0, 0.005 - HEIGHT])
    hold = measured.nearest_hold(state, task)[:, 0]
    assert hold.flatten().tolist() == pytest.approx([0.03, 0.0, 0.0, 0.0, 0.0, 0.005])
    state["qpos"][..., 0] = 1.0
    assert float(measured.nearest_hold(state, task)[0, 0, 0]) < 0.05


# -- a script that grasps ----------------------------------------------------------------------------------------------


def _script(env: TaskBatchEnv, pitch: float) -> Callable[[], Tensor]:
    """Tilts the hand, goes to the object along the hand's axis, closes, and lifts; looks at the true state."""
    stage = torch.zeros(env.num_tasks, env.num_episodes, dtype=torch.long)
    full = FAMILY.dt / activations(torch.ones(len(AXES), dtype=torch.float64), AXES)
    along = object_state.along(env.simulator.state)
    yaw = torch.atan2(along[..., 1], along[..., 0])

    def act() -> Tensor:
        state, task = env.simulator.state, env._columns
        wanted, hand, turn = servo_targets(state, AXES).clone(), measured.hand(state), state["qpos"][..., 3:5]
        target = wanted.clone()
        back = turned(torch.stack([turn[..., 1].sin(), 0.0 * yaw, turn[..., 1].cos()], dim=-1), turn[..., 0])
        goal = object_state.position(state) + torch.where(stage == 0, 0.09, 0.0).unsqueeze(-1) * back
        goal[..., 2].clamp_(min=HEIGHT)
        free, force = stage < 2, measured.touch(state).amin(dim=-1)
        wanted[..., :3] = torch.where(free.unsqueeze(-1), goal, hand)
        wanted[..., 2] -= HEIGHT
        wanted[..., :3] = torch.where(free.unsqueeze(-1), wanted[..., :3], target[..., :3])
        wanted[..., 3], wanted[..., 5] = torch.where(free, yaw, target[..., 3]), pitch
        closed = measured.closure(state)
        tight = (force > 0.0) & (target[..., 4] - closed >= 0.05)
        closing = torch.where(force > 0.0, torch.maximum(target[..., 4], closed) + 0.006, target[..., 4] + 0.008)
        wanted[..., 4] = torch.where((stage == 2) & ~tight, closing, target[..., 4])
        missing = 0.4 * (task["goal_z"] - measured.rise(state, task))
        wanted[..., 2] += torch.where(stage == 3, missing.clamp(-0.012, 0.012), 0.0)
        far = (goal - hand).norm(dim=-1)
        turning = (turn[..., 0] - yaw).abs() + (turn[..., 1] - pitch).abs()
        done = torch.stack([(far < 0.01) & (turning < 0.1), far < 0.006, tight, torch.zeros_like(tight)])
        stage.add_(done.gather(0, stage.unsqueeze(0)).squeeze(0).long())
        gain = torch.tensor([0.4, 0.4, 0.6, 0.4, 1.0, 0.6])
        return (gain * (wanted - target) / full).clamp(-1.0, 1.0).float()

    return act


@pytest.mark.parametrize(("pitch", "kinds"), [(0.0, ("box", "mug", "hammer")), (1.45, ("can", "bottle"))])
def test_both_grippers_lift_objects_from_above_and_from_the_side(pitch: float, kinds: tuple[str, ...]) -> None:
    env = worlds(*(FAMILY.task(object=name, gripper=gripper) for gripper in GRIPPERS for name in kinds))
    act = _script(env, pitch)
    for _ in range(FAMILY.horizon):
        env.step(act())
    success, measures = env.success(), env.measures()
    assert success is not None
    assert bool(success.all())
    two, three = env.simulator.state["sensordata"][:, 0, 2].split(len(kinds))
    assert float(two.max()) == 0.0
    assert float(three.max()) > 1.0
    assert float((measures["approach"] - np.rad2deg(pitch)).abs().max()) < 6.0
    assert float(measures["squeeze"].min()) > 1.0

"""What the gripper handles: each number of an object does what it says."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.envs import TaskFamily
from robotmeta.envs.families import object_state, objects
from robotmeta.envs.families.gripper.model import SPEEDS
from tests.envs.families.gripping import BUILD, GRASP, GRAVITY, PUSH, SHAPES, SLIDE, acting, model_of, worlds


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

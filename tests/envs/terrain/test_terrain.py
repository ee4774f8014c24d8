"""Terrains are in metres, level where robots start, and the ground that MuJoCo collides with; half-cheetahs on them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.envs import ParameterSpace, TaskBatchEnv, TaskFamily, Tasks, make
from robotmeta.envs.distributions import Uniform
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.envs.parameters import Parameter
from robotmeta.envs.simulators.mujoco_cpu import MujocoSimulator
from robotmeta.envs.terrain.kinds import KINDS, Patch, check_extent, height_at, heights, replace_floor
from robotmeta.envs.terrain.pool import TerrainPool
from robotmeta.errors import UserError

UNEVEN = KINDS[1:]
SQUARE, STRIP = Patch(6.0), Patch(30.0, planar=True)
POOL = TerrainPool(Patch(4.0), scale=0.3, apron=0.5, levels=4, seeds=3)

BALL = """
<mujoco>
  <asset>
    <texture name="check" type="2d" builtin="checker" width="8" height="8"/>
    <material name="ground" texture="check" texrepeat="60 60"/>
  </asset>
  <worldbody>
    <geom name="floor" type="plane" size="40 40 1" pos="0 0 0.5" friction="0.7 0.02 0.001" priority="2"
          material="ground"/>
    <body name="ball" pos="0 0 3">
      <joint type="slide" axis="0 0 1"/>
      <geom name="ball" size="0.2" mass="1" condim="1"/>
    </body>
  </worldbody>
</mujoco>
"""


def ball() -> mujoco.MjSpec:
    return mujoco.MjSpec.from_string(BALL)


def world(kind: str, difficulty: float = 0.8, seed: int = 1) -> tuple[np.ndarray, mujoco.MjModel]:
    """A square terrain and the model that lies on it, 0.5 m up."""
    terrain, spec = heights(kind, difficulty, seed, SQUARE), ball()
    replace_floor(spec, terrain, SQUARE, -4.0, 5.0)
    return terrain, spec.compile()


def ground(model: mujoco.MjModel, x: float, y: float) -> float:
    """Height at which a ray from above meets the floor."""
    data, met = mujoco.MjData(model), np.zeros(1, np.int32)
    mujoco.mj_forward(model, data)
    hidden = int(model.geom("floor").bodyid[0]) + 1  # the ball
    distance = mujoco.mj_ray(model, data, np.array([x, y, 50.0]), np.array([0.0, 0.0, -1.0]), None, 1, hidden, met)
    return 50.0 - distance


# -- shapes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("patch", [SQUARE, STRIP])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_arguments_give_the_same_ground(kind: str, patch: Patch) -> None:
    terrain = heights(kind, 0.7, 3, patch)
    assert terrain.shape == patch.shape
    assert np.array_equal(terrain, heights(kind, 0.7, 3, patch))
    if kind != "flat":
        assert not np.array_equal(terrain, heights(kind, 0.7, 4, patch))


@pytest.mark.parametrize("patch", [SQUARE, STRIP])
@pytest.mark.parametrize("kind", KINDS)
def test_without_difficulty_the_ground_is_flat(kind: str, patch: Patch) -> None:
    assert not heights(kind, 0.0, 0, patch).any()


@pytest.mark.parametrize("patch", [SQUARE, STRIP])
@pytest.mark.parametrize("kind", KINDS)
def test_robots_start_on_flat_ground_at_height_zero(kind: str, patch: Patch) -> None:
    terrain = heights(kind, 1.0, 1, patch, scale=0.5, apron=0.7)
    side = torch.linspace(-0.65, 0.65, 30)  # what comes next may begin a cell early
    x, y = torch.meshgrid(side, side, indexing="ij")
    assert not height_at(terrain, patch, x, y).any()


@pytest.mark.parametrize("kind", UNEVEN)
def test_a_strip_is_the_same_all_the_way_across(kind: str) -> None:
    terrain = heights(kind, 1.0, 1, STRIP)
    assert np.array_equal(terrain[0], terrain[1])


@pytest.mark.parametrize("kind", UNEVEN)
def test_ground_for_legs_half_as_long_is_half_as_large(kind: str) -> None:
    large = heights(kind, 0.6, 2, Patch(8.0, cell=0.1), scale=1.0, apron=1.0)
    small = heights(kind, 0.6, 2, Patch(4.0, cell=0.05), scale=0.5, apron=0.5)
    # Rounding may move an edge by a cell.
    assert np.isclose(2.0 * small, large).mean() > 0.97


def test_difficulty_one_means_what_is_documented() -> None:
    def along(kind: str, seed: int = 0, scale: float = 0.6) -> np.ndarray:
        return heights(kind, 1.0, seed, STRIP, scale=scale, apron=1.0)[0]

    x = np.linspace(-30.0, 30.0, STRIP.shape[1])
    for seed, way in ((0, 1.0), (1, -1.0)):
        np.testing.assert_allclose(along("slope", seed), way * 0.35 * np.maximum(np.abs(x) - 1.0, 0.0))
    assert 0.9 * 0.15 * 0.6 < np.abs(along("rough")).max() <= 0.15 * 0.6
    assert np.abs(along("waves")).max() == pytest.approx(0.25 * 0.6, rel=0.01)
    stairs = along("stairs")
    assert np.diff(stairs).max() == pytest.approx(0.4 * 0.6)
    assert (stairs.min(), stairs.max()) == pytest.approx((0.0, 5 * 0.4 * 0.6))
    gaps = along("gaps")
    assert set(gaps.round(9)) == {-0.5 * 0.6, 0.0}
    edges = np.flatnonzero(np.diff(gaps[x > 0]))
    widths = (edges[1::2] - edges[: len(edges) // 2 * 2 : 2]) * 0.05
    np.testing.assert_allclose(widths, 0.8 * 0.6, atol=0.051)


@pytest.mark.parametrize("kind", UNEVEN)
def test_difficulty_makes_the_ground_less_even(kind: str) -> None:
    spread = [heights(kind, difficulty, 1, STRIP, scale=0.6).std() for difficulty in (0.1, 0.4, 0.7, 1.0)]
    assert np.all(np.diff(spread) > 0.0)


def test_what_does_not_exist_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match="no terrain 'stair'; nearest: stairs"):
        heights("stair", 0.5, 0, SQUARE)
    with pytest.raises(UserError, match=r"between 0 and 1, not 1\.5"):
        heights("rough", 1.5, 0, SQUARE)
    with pytest.raises(UserError, match="ends 6 m from the start and the robot can cover 20 m"):
        check_extent(SQUARE, 20.0)
    check_extent(SQUARE, 5.0)
    with pytest.raises(UserError, match="no plane 'ground' in the model"):
        replace_floor(ball(), heights("flat", 0.0, 0, SQUARE), SQUARE, 0.0, 0.0, floor="ground")


# -- the floor of a model ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_height_at_a_point_is_where_the_floor_of_the_model_is(kind: str) -> None:
    terrain, model = world(kind)
    rng = np.random.default_rng(0)
    for x, y in rng.uniform(-5.9, 5.9, (40, 2)):
        assert ground(model, x, y) == pytest.approx(0.5 + float(height_at(terrain, SQUARE, x, y)), abs=1e-4)


@pytest.mark.parametrize("kind", ["slope", "rough", "waves"])
def test_a_ball_comes_to_rest_on_the_ground(kind: str) -> None:
    terrain, spec = heights(kind, 0.5, 1, SQUARE), ball()
    replace_floor(spec, terrain, SQUARE, -4.0, 5.0)
    spec.body("ball").pos = [2.5, 1.5, 3.0]
    model = spec.compile()
    data = mujoco.MjData(model)
    for _ in range(2000):
        mujoco.mj_step(model, data)
    # It touches at its side where the ground is steep.
    assert float(data.body("ball").xpos[2]) - ground(model, 2.5, 1.5) == pytest.approx(0.2, abs=0.06)


def test_the_heightfield_is_a_floor_like_the_plane_it_replaces() -> None:
    model, plane = world("rough")[1], ball().compile()
    floor, before = model.geom("floor"), plane.geom("floor")
    assert int(floor.type[0]) == int(mujoco.mjtGeom.mjGEOM_HFIELD)
    for field in ("friction", "priority", "contype", "conaffinity", "condim", "solref", "solimp", "matid"):
        assert np.array_equal(getattr(floor, field), getattr(before, field)), field
    assert model.stat.extent == plane.stat.extent
    np.testing.assert_array_equal(model.stat.center, plane.stat.center)


# -- the pool ----------------------------------------------------------------------------------------------------------


def columns(kind: float, difficulty: float, seed: float) -> dict[str, Tensor]:
    row = {"terrain": kind, "difficulty": difficulty, "terrain_seed": seed}
    return {name: torch.tensor([[value]], dtype=torch.float64) for name, value in row.items()}


def test_a_pool_holds_every_terrain_once_where_its_index_says() -> None:
    places = set()
    for number, kind in enumerate(KINDS):
        for level in range(POOL.levels + 1):
            for seed in range(POOL.seeds):
                place = int(POOL.index(columns(number, level / POOL.levels, seed)))
                terrain = heights(kind, level / POOL.levels, seed, POOL.patch, scale=POOL.scale, apron=POOL.apron)
                np.testing.assert_allclose(POOL.table[place].numpy(), terrain, atol=1e-6)
                places.add(place)
    assert places == set(range(len(POOL.table)))


def test_difficulty_is_rounded_to_the_levels_there_are() -> None:
    assert POOL.index(columns(2, 0.55, 1)) == POOL.index(columns(2, 0.5, 1)) != POOL.index(columns(2, 0.75, 1))


def robot_on(pool: TerrainPool, *others: Parameter) -> ModelBuilder:
    def spec() -> mujoco.MjSpec:
        laid = ball()
        pool.lay(laid)
        return laid

    return ModelBuilder(spec, ParameterSpace((*pool.parameters(seeds=2), *others)))


def same_ground(model: mujoco.MjModel, pool: TerrainPool, tasks: Tasks, side: float) -> bool:
    spots = np.random.default_rng(1).uniform(-side, side, (20, 2))
    expected = pool.height_at(tasks.columns(), *torch.from_numpy(spots.T[:, None]))  # [task, spot]
    return np.allclose([ground(model, x, y) for x, y in spots], 0.5 + expected[0].numpy(), atol=1e-4)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_a_task_gives_the_model_the_ground_that_is_looked_up_for_it(kind: int) -> None:
    build, space = robot_on(POOL), ParameterSpace(POOL.parameters(seeds=2))
    nominal, tasks = space.nominal(), space.row({"terrain": kind, "difficulty": 0.75, "terrain_seed": 2.0})
    (model,) = build(tasks)
    assert same_ground(model, POOL, tasks, 3.9)
    assert same_ground(build.nominal, POOL, nominal, 3.9)


@pytest.mark.parametrize("leg", [0.1, 0.3])
def test_terrain_shrinks_with_the_legs_where_they_vary(leg: float) -> None:
    pool = dataclasses.replace(POOL, leg=lambda task: 2.0 * task["shin"])
    shin = Parameter(
        "shin", "length of half a leg", train=Uniform(0.05, 0.15), nominal=0.15, bounds=(0.05, 1.0), unit="m"
    )
    build, space = robot_on(pool, shin), ParameterSpace((*pool.parameters(seeds=2), shin))
    row = {"terrain": 2, "difficulty": 1.0, "terrain_seed": 1.0}
    tasks = space.row({**row, "shin": leg / 2})
    (model,) = build(tasks)
    assert same_ground(model, pool, tasks, 3.9 * leg / 0.3)
    x = torch.linspace(-3.9, 3.9, 50)[None]
    full = POOL.height_at(space.row(row).columns(), x)
    torch.testing.assert_close(pool.height_at(tasks.columns(), x * leg / 0.3), full * leg / 0.3, check_dtype=False)
    with pytest.raises(UserError, match=r"legs of at most 0\.3 m, not 0\.4 m"):
        build(space.row({**row, "shin": 0.2}))


def test_a_ball_comes_to_rest_on_ground_that_shrank() -> None:
    pool = dataclasses.replace(POOL, leg=lambda task: 0.5 * POOL.scale)
    tasks = ParameterSpace(pool.parameters(seeds=2)).row({"terrain": 1, "difficulty": 1.0, "terrain_seed": 1.0})
    (model,) = robot_on(pool)(tasks)
    model.body("ball").pos[0] = 1.5
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, 2000)
    height = 0.5 - 0.35 * (1.5 - 0.25) + 0.2 * np.hypot(1.0, 0.35)  # the pool's apron of 0.5 m shrank, too
    assert float(data.body("ball").xpos[2]) == pytest.approx(height, abs=0.01)


def test_held_out_kinds_and_seeds_are_none_that_are_trained_on() -> None:
    kind, difficulty, seed = POOL.parameters(train=("rough", "slope"), seeds=2, ood=("gaps",))
    assert str(kind.train) == "one of 2, 1"
    assert (str(kind.ood), str(seed.ood), str(difficulty.ood)) == ("one of 5", "one of 2", "U(0.6, 1)")
    everything = POOL.parameters(seeds=3, ood=())
    assert everything[0].ood is everything[2].ood is None
    with pytest.raises(UserError, match="no terrain 'ice'"):
        POOL.parameters(train=("ice",), seeds=2)
    with pytest.raises(UserError, match="seeds must be between 1 and 3, the seeds of the pool, not 4"):
        POOL.parameters(seeds=4)


# -- the half-cheetah on terrain ---------------------------------------------------------------------------------------


def cheetah() -> TaskFamily:
    return make("cheetah-terrain")


def cheetahs(*rows: dict[str, float]) -> TaskBatchEnv:
    family = cheetah()
    tasks = [family.space.row(row) for row in rows]
    env = TaskBatchEnv(family, len(rows), 1)
    env.load(Tasks(family.space.names, np.concatenate([task.values for task in tasks])))
    env.reset(torch.Generator().manual_seed(0))
    return env


def deepest(model: mujoco.MjModel) -> float:
    """The deepest contact in the initial pose, in metres."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return float(data.contact.dist.min()) if data.ncon else 0.0


def test_no_cheetah_starts_deeper_in_its_ground_than_on_a_plane() -> None:
    family, plane = cheetah(), make("cheetah-direction")
    assert isinstance(family.world, MujocoWorld)
    assert isinstance(plane.world, MujocoWorld)
    rows = [
        family.task(terrain=kind, difficulty=1.0, terrain_seed=seed).values for kind in range(6) for seed in (0, 1, 9)
    ]
    models = ModelBuilder(family.world.spec, family.space)(Tasks(family.space.names, np.concatenate(rows)))
    level = deepest(plane.world.spec().compile())
    assert min(map(deepest, models)) >= level - 1e-4


def test_a_cheetah_that_lies_elsewhere_is_as_high_above_its_ground() -> None:
    # On a slope at x = 5 m, laid parallel to it, the height above the ground is what it is on level ground.
    env = cheetahs({"terrain": 0}, {"terrain": 1, "difficulty": 1.0})
    qpos = env.simulator.state["qpos"]
    qpos[:] = 0.0
    qpos[1, :, 0] = 5.0
    qpos[1, :, 1] = 0.35 * (5.0 - 0.8)
    height = env._observation()[:, 0, 0]
    torch.testing.assert_close(height, torch.zeros(2), atol=1e-4, rtol=0)


def test_on_level_ground_a_cheetah_sees_what_the_other_cheetahs_see() -> None:
    level = make("cheetah-velocity")
    assert cheetah().observations == level.observations
    assert cheetah().actions == level.actions
    other = TaskBatchEnv(level, 1, 1)
    seen = other.reset(torch.Generator().manual_seed(0))
    torch.testing.assert_close(cheetahs({"terrain": 0}).reset(torch.Generator().manual_seed(0)), seen)


def test_a_cheetah_without_motors_slides_down_a_slippery_slope() -> None:
    row = {"terrain": 1, "difficulty": 1.0, "friction": 0.1}
    env = cheetahs({**row, "terrain_seed": 0}, {**row, "terrain_seed": 1})
    qpos = env.simulator.state["qpos"]
    qpos[:, :, 0] = 4.0
    qpos[:, 0, 1] += torch.tensor([1.0, -1.0]) * 0.35 * 3.2
    rewards = torch.stack([env.step(torch.zeros(2, 1, 6)).reward for _ in range(60)]).sum(dim=0)
    assert rewards[0] < -10.0 < 10.0 < rewards[1]


def test_a_cheetah_is_paid_its_speed_less_its_effort() -> None:
    env = cheetahs({"terrain": 2, "difficulty": 0.5})
    action = torch.tensor([0.5, -1.0, 0.0, 0.25, 2.0, -0.5])
    for _ in range(3):
        x = float(env.simulator.state["qpos"][0, 0, 0])
        reward = float(env.step(action.expand(1, 1, 6)).reward)
        speed = (float(env.simulator.state["qpos"][0, 0, 0]) - x) / 0.05
        assert reward == pytest.approx(speed - 0.05 * (0.25 + 1.0 + 0.0625 + 1.0 + 0.25), abs=1e-5)


@pytest.mark.slow
def test_a_thousand_random_steps_stay_on_the_terrain() -> None:
    rows = [{"terrain": k, "difficulty": 1.0, "terrain_seed": s, "friction": 0.8} for k in range(1, 6) for s in (0, 9)]
    env = cheetahs(*rows)
    generator = torch.Generator().manual_seed(1)
    above_ground = []
    for action in 2.0 * torch.rand(1000, len(rows), 1, 6, generator=generator) - 1.0:
        step = env.step(action)
        assert step.diverged is None
        assert bool(step.observation.isfinite().all())
        above_ground.append(step.observation[..., 0])
    assert isinstance(env.simulator, MujocoSimulator)
    assert not env.simulator._batch.warning[:, :, 1].any()
    assert float(env.simulator.state["qpos"][..., 0].abs().max()) < 100.0
    assert float(torch.stack(above_ground).abs().max()) < 1.0  # neither below the ground nor far above it


@pytest.mark.slow
def test_pictures_of_many_grounds_are_drawn_in_any_order() -> None:
    env = cheetahs(*({"terrain": kind, "difficulty": 1.0} for kind in (1, 3, 4, 5)))
    try:
        pictures = [env.render(80, 60, task=task) for task in (0, 1, 2, 3)]
    except UserError as error:
        pytest.skip(str(error))
    for task in (2, 0, 3, 1):
        assert np.array_equal(env.render(80, 60, task=task), pictures[task])
    assert len({picture.tobytes() for picture in pictures}) == 4


# -- the documentation -------------------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[3] / "docs" / "terrain.md"


def test_the_family_of_the_documentation_works() -> None:
    *_, example = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, "docs/terrain.md", "exec"), names)
    env = names["env"]
    assert bool(env.reset(torch.Generator().manual_seed(0)).isfinite().all())
    for _ in range(30):
        assert env.step(torch.zeros(4, 2, 8)).diverged is None
    assert not env.simulator._batch.warning[:, :, 1].any()


def test_every_picture_of_the_documentation_exists() -> None:
    pictures = re.findall(r"\]\((images/[\w-]+\.png)\)", PAGE.read_text(encoding="utf-8"))
    assert len(pictures) == len(UNEVEN)
    for picture in pictures:
        assert (PAGE.parent / picture).stat().st_size < 150_000

"""Models of tasks: which are built anew, and what they have in common with those of pictures."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from robotmeta.envs import FAMILIES, Tasks, make
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder


def test_tasks_that_go_on_keep_their_models_and_the_others_get_new_ones() -> None:
    family = make("grasp")
    assert isinstance(family.world, MujocoWorld)
    build = ModelBuilder(family.world.spec, family.space)
    first = family.sample(6, np.random.default_rng(0))
    models = build(first)
    values = first.values.copy()
    values[2:4] = family.sample(2, np.random.default_rng(1)).values
    values[5] = values[0]
    tasks = Tasks(first.names, values)
    later, afresh = build(tasks), ModelBuilder(family.world.spec, family.space)(tasks)
    assert [later[i] is models[i] for i in range(6)] == [True, True, False, False, True, False]
    assert later[5] is later[0]
    for one, other in zip(later, afresh, strict=True):
        for field in ("body_mass", "body_inertia", "geom_friction", "geom_size", "actuator_delay", "dof_invweight0"):
            assert np.array_equal(getattr(one, field), getattr(other, field))


_LOOKS = ("tex_", "mat_texid", "name", "paths")  # beginnings of the fields that physics does not read


def physics(model: mujoco.MjModel) -> dict[str, np.ndarray]:
    fields = {name: getattr(model, name) for name in dir(model) if not name.startswith(("_", *_LOOKS))}
    return {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_without_textures_has_the_physics_of_the_one_that_is_drawn(name: str) -> None:
    family = make(name)
    if not isinstance(family.world, MujocoWorld):
        pytest.skip("has no MuJoCo model")
    build = ModelBuilder(family.world.spec, family.space)
    (task,) = family.sample(1, np.random.default_rng(0))
    (built,), drawn = build(family.task(**task)), build.drawn(task)
    for field, value in physics(drawn).items():
        assert np.array_equal(value, getattr(built, field)), field
    assert built.ntex == 0 or built is build.nominal
    assert drawn.ntex == build.nominal.ntex
    assert build.drawn(task) is drawn

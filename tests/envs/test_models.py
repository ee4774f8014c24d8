"""Models of tasks that go on from one call to the next."""

from __future__ import annotations

import numpy as np

from robotmeta.envs import Tasks, make
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

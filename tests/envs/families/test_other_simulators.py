"""What differs between simulators of the same robot is searched by fits alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import UserError

FAMILY = rm.make("cheetah-dynamics")


def test_networks_see_the_same_task_whatever_fits_search_beyond_it() -> None:
    wide = FAMILY.widened
    seen = wide.encoding.encode(wide.task(mass=1.3, hardness=0.7, fthigh_highest=0.1))
    assert torch.equal(seen, FAMILY.encoding.encode(FAMILY.task(mass=1.3)))
    assert wide.of_tasks(wide.task()) is wide
    assert FAMILY.of_tasks(wide.task()) is wide
    assert FAMILY.of_tasks(FAMILY.task()) is FAMILY


def test_limits_and_hardness_change_the_model_as_they_say() -> None:
    assert isinstance(FAMILY.world, MujocoWorld)
    build = ModelBuilder(FAMILY.world.spec, FAMILY.widened.space)
    task = FAMILY.widened.task
    (nominal,) = build(task())
    (limited,) = build(task(fthigh_highest=0.01, bfoot_lowest=-3.0))
    (hard,) = build(task(hardness=1.0))
    (half,) = build(task(hardness=0.5))
    foot, thigh = (nominal.joint(name).id for name in ("bfoot", "fthigh"))
    changed = {(joint, end) for joint, end in np.argwhere(limited.jnt_range != nominal.jnt_range).tolist()}
    assert changed == {(foot, 0), (thigh, 1)}
    assert (limited.jnt_range[foot, 0], limited.jnt_range[thigh, 1]) == (-3.0, 0.01)
    default = [0.9, 0.95, 0.001, 0.5, 2.0]
    assert np.allclose(hard.geom_solimp, default)
    assert np.allclose(hard.jnt_solimp, default)
    assert (half.geom_solimp[:, 2] < nominal.geom_solimp[:, 2]).all()
    assert (half.geom_solimp[:, 2] > 0.001).all()


def test_a_parameter_has_one_place() -> None:
    with pytest.raises(UserError, match="space and fit_only: the name 'mass' occurs 2 times"):
        replace(FAMILY, fit_only=(FAMILY.space["mass"],))
    with pytest.raises(UserError, match="fit_only must be a tuple of Parameters"):
        replace(FAMILY, fit_only=("mass",))  # pyright: ignore[reportArgumentType]

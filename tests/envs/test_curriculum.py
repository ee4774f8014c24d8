"""Curricula: the rule that moves levels, and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.envs import TaskFamily, scale
from robotmeta.envs.curriculum import Curriculum, near_nominal
from robotmeta.errors import UserError
from robotmeta.metalearners.levels import Levels
from tests.learning import stepping

_LEVELS = Curriculum("far", (0.1, 0.2, 0.4))

CART = """
<mujoco>
  <worldbody>
    <body name="cart"><joint name="slide" type="slide" axis="1 0 0" damping="1"/><geom size="0.1" mass="1"/></body>
  </worldbody>
  <actuator><motor joint="slide" ctrlrange="-1 1"/></actuator>
</mujoco>
"""


def test_levels_go_up_and_down_by_what_was_achieved() -> None:
    levels, achieved = torch.tensor([0, 0, 1, 1, 1, 2, 2]), torch.tensor([0.8, 0.0, 0.79, 0.5, 0.49, 0.6, 0.1])
    after = _LEVELS.moved(levels, achieved, torch.full_like(levels, 7))
    assert after.tolist() == [1, 0, 1, 1, 0, 2, 1]


def test_who_goes_up_from_the_highest_level_gets_a_random_one() -> None:
    after = _LEVELS.moved(torch.tensor([2, 2, 1]), torch.ones(3), torch.tensor([0, 1, 0]))
    assert after.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("mistake", "expected"),
    [
        (lambda: Curriculum("far", (0.1,)), "at least two numbers"),
        (lambda: Curriculum("far", (0.1, 0.3, 0.2)), "from easy to hard"),
        (lambda: Curriculum("far", (0.1, 0.2), promote=0.4), "ascending order"),
        (lambda: Curriculum("far", (0.1, 0.2), promote=1.5), "between 0 and 1"),
        (lambda: Curriculum("far", (0.1, 0.2), progress=3), "must be a function"),  # type: ignore[arg-type]
        (lambda: given(Curriculum("near", (0.1, 0.2))), "far"),
        (lambda: given(Curriculum("far", (0.1, 2.0))), r"level 2 of the curriculum is not among the far of U\(0.1, 1"),
        (lambda: given(_LEVELS, changing=("far",)), "changes within an episode"),
        (lambda: given(_LEVELS, success=None), "needs a function progress"),
        (lambda: given(Curriculum("far", (0.1, 0.2), kind="side")), "side"),
        (lambda: given(Curriculum("far", (0.1, 0.2), kind="far")), "a column of a few values besides far"),
        (lambda: of_quadruped("payload_x", (0.0, 0.1), "payload_y"), "a column of a few values besides payload_x"),
        (lambda: given(0.5), "must be a Curriculum"),
        (lambda: Curriculum(None, (0.0, 1.5)), "must rise within 0 to 1"),
        (lambda: Curriculum(None, (1.0, 0.0)), "must rise within 0 to 1"),
        (lambda: given(Curriculum(None, (0.0, 1.0)), success=None), "needs a function progress"),
        (lambda: of_quadruped("thigh_length", (0.2, 0.3)), "drawn together with other columns"),
        (lambda: of_quadruped("fault", (0.0, 0.5)), "level 0.5 of the curriculum is not among the fault of one of"),
    ],
)
def test_a_curriculum_that_does_not_fit_is_refused_in_one_line(mistake: Callable[[], Any], expected: str) -> None:
    with pytest.raises(UserError, match=expected) as refused:
        mistake()
    assert "\n" not in str(refused.value)


def given(curriculum: Any, **changes: Any) -> TaskFamily:
    return stepping(curriculum=curriculum, **changes)


def of_quadruped(column: str, levels: tuple[float, ...], kind: str | None = None) -> TaskFamily:
    return dataclasses.replace(rm.make("quadruped"), curriculum=Curriculum(column, levels, kind=kind))


def test_a_family_from_a_model_file_names_its_difficulty() -> None:
    family = rm.from_mjcf(
        mujoco.MjSpec.from_string(CART),
        {"cart.mass": scale(1.0, 5.0)},
        lambda step: step.after["qvel"][..., 0],
        curriculum=Curriculum(
            "cart_mass", (1.0, 3.0, 5.0), progress=lambda state, task: state["qpos"][..., 0].clamp(0.0, 1.0)
        ),
    )
    env = rm.TaskBatchEnv(family, 2, 3)
    env.reset(torch.Generator().manual_seed(0))
    env.step(torch.ones(2, 3, 1))
    achieved = env.progress()
    assert achieved is not None
    assert achieved.shape == (2, 3)
    assert rm.TaskBatchEnv(rm.make("quadruped"), 1, 1).progress() is None


# -- distance from the nominal task ------------------------------------------------------------------------------------

QUADRUPED = rm.make("quadruped")


def moved(distance: float, count: int = 400) -> tuple[rm.Tasks, rm.Tasks]:
    """Tasks as they are drawn, and the same nearer to the nominal one."""
    drawn = QUADRUPED.space.sample(count, np.random.default_rng(0))
    distances = np.full(count, distance)
    return drawn, near_nominal(drawn, distances, QUADRUPED.space, ("speed",), np.random.default_rng(1))


def test_at_both_ends_tasks_are_nominal_and_as_drawn() -> None:
    drawn, near = moved(0.0)
    for name, column in near.columns().items():
        expected = drawn.columns()[name] if name == "speed" else torch.full_like(column, QUADRUPED.space[name].nominal)
        torch.testing.assert_close(column, expected)
    drawn, far = moved(1.0)
    np.testing.assert_allclose(far.values, drawn.values, rtol=1e-12)


def test_halfway_numbers_are_between_and_half_of_the_choices_are_nominal() -> None:
    drawn, near = (tasks.columns() for tasks in moved(0.5))
    mass = QUADRUPED.space["trunk_mass"].nominal
    torch.testing.assert_close(near["trunk_mass"], (mass * drawn["trunk_mass"]).sqrt())
    torch.testing.assert_close(near["payload_x"], 0.5 * drawn["payload_x"])
    faulty = drawn["faulty_joint"] > 0.0
    kept = (near["faulty_joint"] == drawn["faulty_joint"])[faulty].double().mean()
    assert 0.4 < float(kept) < 0.6
    assert bool((near["faulty_joint"][~faulty] == 0.0).all())


def test_robots_keep_their_proportions_on_the_way() -> None:
    """A robot that is half as far away has factors that are half as far from the nominal ones, in the logarithm."""
    drawn, near = (tasks.columns() for tasks in moved(0.5))
    nominal = {name: QUADRUPED.space[name].nominal for name in ("calf_length", "thigh_length")}
    factor = {name: tasks["calf_length"] / tasks["thigh_length"] for name, tasks in (("drawn", drawn), ("near", near))}
    expected = (factor["drawn"] * nominal["calf_length"] / nominal["thigh_length"]).sqrt()
    torch.testing.assert_close(factor["near"], expected)


def test_levels_are_distances_where_no_column_is_named() -> None:
    levels = Levels(Curriculum(None, (0.0, 0.5, 1.0)), QUADRUPED.space, 3, 0, told=QUADRUPED.told)
    places = torch.ones(3, dtype=torch.bool)
    levels.move(places, torch.tensor([0.0, 1.0, 1.0]))
    levels.move(torch.tensor([False, False, True]), torch.ones(3))
    drawn = QUADRUPED.space.sample(3, np.random.default_rng(0))
    given = levels.given(drawn, places).columns()["thigh_length"].squeeze(1)
    nominal, far = QUADRUPED.space["thigh_length"].nominal, drawn.columns()["thigh_length"].squeeze(1)
    torch.testing.assert_close(given, nominal * (far / nominal) ** torch.tensor([0.0, 0.5, 1.0]))

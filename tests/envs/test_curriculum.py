"""Curricula: the rule that moves levels, and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import mujoco
import pytest
import torch

import robotmeta as rm
from robotmeta.envs import TaskFamily, scale
from robotmeta.envs.curriculum import Curriculum
from robotmeta.errors import UserError
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

"""A parameter that changes nothing is named, and one that changes something is not."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import mujoco
import pytest
import torch
from torch import Tensor

from robotmeta.envs import FAMILIES, Choice, Parameter, TaskFamily, goal, make, scale, set_to
from robotmeta.envs.distributions import Uniform
from robotmeta.envs.edits import Field, ModelEdit, SpecEdit
from robotmeta.envs.effects import without_effect
from robotmeta.envs.validation import check_family
from robotmeta.errors import ModelWarning, UserError

# A cart that cannot reach the ball on the floor in time, and a post that is fixed to the world.
CART = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <geom name="floor" type="plane" size="9 9 1" priority="1"/>
    <body name="cart" pos="0 0 1"><joint name="cart" type="slide" axis="1 0 0" damping="1" range="-9 9" limited="true"/>
      <geom name="cart" size="0.1"/><site name="top"/></body>
    <body name="ball" pos="5 0 0.1"><freejoint/><geom name="ball" size="0.1" condim="6"/></body>
    <body name="post" pos="-5 0 0"><geom name="post" size="0.1"/></body>
  </worldbody>
  <actuator><motor name="motor" joint="cart" ctrlrange="-1 1" forcerange="-5 5"/></actuator>
</mujoco>
"""


def speed(step: Any) -> Tensor:
    return step.after["qvel"][..., 0]


def told(vary: dict[str, Any], reward: Any = speed, **options: Any) -> str:
    """What a user is told when such a family is made."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        TaskFamily.from_mjcf(CART, vary, reward, name="cart", **options)
    assert all(warning.category is ModelWarning for warning in caught)
    return "".join(str(warning.message) for warning in caught)


def by_hand(edit: Any, low: float = 0.5, high: float = 2.0) -> Parameter:
    return Parameter("mine", "mine", train=Uniform(low, high), nominal=1.0, bounds=(0.0, 9.0), edits=(edit,))


def paint(spec: mujoco.MjSpec, value: float) -> None:
    spec.geom("cart").rgba = [1.0, 0.0, value / 9.0, 1.0]


def weigh_without_saying_so(spec: mujoco.MjSpec, value: float) -> None:
    spec.body("cart").mass = value  # its geoms decide, as long as explicitinertial is not set


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("speed", goal(0.0, 2.0)),  # the reward does not read it
        ("direction", goal(Choice((-1.0, 1.0)))),
        ("post.mass", scale(0.5, 2.0)),  # fixed to the world
        ("paint", scale(0.5, 2.0, edit=paint)),
        ("weight", set_to(0.5, 2.0, nominal=1.0, edit=weigh_without_saying_so)),
        ("floor_friction", by_hand(Field("geom_friction", rows=("post",), column=0))),
        ("cart_friction", by_hand(Field("geom_friction", rows=("cart",), column=0))),  # the floor has the priority
        ("roll", by_hand(Field("geom_friction", rows=("cart",), column=2))),
        ("nothing", by_hand(ModelEdit(lambda model, value, row: None))),
    ],
)
def test_a_parameter_without_effect_is_named_in_a_warning(name: str, way: Any) -> None:
    column = name.replace(".", "_")
    message = told({name: way, "cart.damping": scale(0.5, 2.0)})
    assert f"family 'cart': parameter {column} has no effect on motion, observations or rewards in a test" in message
    assert "damping" not in message
    assert "25 steps" in message


def test_all_of_them_are_named_in_one_warning() -> None:
    assert "parameters a, b have no effect" in told(
        {"a": goal(0.0, 1.0), "cart.mass": scale(0.5, 2.0), "b": goal(0, 1)}
    )


@pytest.mark.parametrize(
    ("name", "way", "options"),
    [
        *((f"cart.{what}", scale(0.5, 2.0), {}) for what in ("mass", "damping", "strength", "gear")),
        ("cart.frictionloss", set_to(0.1, 1.0), {}),
        ("option.gravity", scale(0.5, 2.0), {}),
        # What acts on touch, or when something is lifted, may not show in a second.
        ("floor.friction", scale(0.5, 2.0), {}),
        ("ball.mass", scale(0.5, 2.0), {}),
        ("range", by_hand(Field("jnt_range", rows=("cart",))), {}),
        ("place", by_hand(ModelEdit(lambda m, value, row: m.body("post").pos.__setitem__(0, -5 - value))), {}),
        # What only one function reads.
        ("aim", goal(0.0, 2.0), {"reward": lambda step: speed(step) - step.task["aim"]}),
        ("sparse", goal(8.0, 9.0), {"success": lambda state, task: state["qpos"][..., 0] > task["sparse"]}),
        ("far", goal(8.0, 9.0), {"terminated": lambda state, task: state["qpos"][..., 0] > task["far"]}),
        ("start", goal(0.0, 1.0), {"reset": lambda n, g, task: {**n, "qpos": n["qpos"] + task["start"][..., None]}}),
        ("angle", goal(-torch.pi, torch.pi), {"reward": lambda step: speed(step) * step.task["angle"].cos()}),
    ],
)
def test_a_parameter_that_matters_somewhere_is_not_named(name: str, way: Any, options: dict[str, Any]) -> None:
    name = name.replace("cart.strength", "motor.strength").replace("cart.gear", "motor.gear")
    assert told({name: way}, **options) == ""


def test_functions_that_fail_in_other_states_leave_the_family_as_it_is_and_are_named() -> None:
    def fragile(step: Any) -> Tensor:
        if bool((step.after["qvel"].abs() > 0.1).any()):
            raise RuntimeError("too fast")
        return speed(step)

    assert told({"unread": goal(0.0, 1.0)}, fragile) == (
        "family 'cart': the effects of its parameters were not tried, because a test rollout failed: "
        "RuntimeError: too fast"
    )


def test_functions_that_write_into_other_tasks_and_states_are_refused() -> None:
    def clamped(step: Any) -> Tensor:
        aim = step.task["aim"]
        aim[aim > 1.5] = 1.5  # the nominal aim is 1
        return speed(step) - aim

    def stopped(step: Any) -> Tensor:
        return step.after["qvel"].clamp_(-0.1, 0.1)[..., 0] - step.task["aim"]

    for reward, written in ((clamped, "aim"), (stopped, "qvel")):
        with pytest.raises(UserError, match=f"a function changes its argument {written} in place"):
            told({"aim": goal(0.0, 2.0)}, reward)


def test_a_family_written_by_hand_is_checked_too() -> None:
    family = make("cheetah-direction")
    with pytest.warns(ModelWarning, match="parameter direction has no effect"):
        check_family(dataclasses.replace(family, reward=lambda step: step.after["qvel"][..., 0]))


@pytest.mark.parametrize("name", FAMILIES)
def test_every_parameter_of_the_families_of_this_package_has_an_effect(name: str) -> None:
    assert without_effect(make(name)) == []


def test_edits_of_the_structure_are_tried_at_both_ends() -> None:
    tried = []
    told({"mine": by_hand(SpecEdit(lambda spec, value: tried.append(value)), 0.25, 3.0)})
    assert {0.25, 3.0} <= set(tried)

"""What a row says is what is simulated, in whatever order and combination its values change the model."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest

from robotmeta.envs import Parameter, TaskFamily, add, scale, set_to
from robotmeta.envs.distributions import Uniform
from robotmeta.envs.edits import Field, SpecEdit
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import UserError

ROD = """
<mujoco>
  <worldbody>
    <body name="arm">
      <joint name="hinge" axis="0 1 0" damping="0.3"/>
      <geom name="rod" type="capsule" fromto="0 0 0 0 0 -0.5" size="0.02"/>
    </body>
  </worldbody>
  <actuator><motor name="motor" joint="hinge" gear="2" ctrlrange="-1 1"/></actuator>
</mujoco>
"""


def lengthen(spec: mujoco.MjSpec, factor: float) -> None:
    spec.geom("rod").fromto *= factor
    spec.joint("hinge").damping[0] *= factor


LENGTH = scale(0.5, 2.0, edit=lengthen)


def model_of(vary: dict[str, Any], **row: float) -> mujoco.MjModel:
    family = TaskFamily.from_mjcf(ROD, vary, lambda step: step.after["qvel"][..., 0])
    assert isinstance(family.world, MujocoWorld)
    return ModelBuilder(family.world.spec, family.space)(family.space.row(row))[0]


def rod(length: float) -> mujoco.MjModel:
    """The rod of a length, kg and kg m^2 from its geometry alone."""
    spec = mujoco.MjSpec.from_string(ROD)
    lengthen(spec, length)
    return spec.compile()


NOMINAL = float(rod(1.0).body_mass[1])
ORDERS = [("length", "arm.mass"), ("arm.mass", "length")]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("mass", [NOMINAL, NOMINAL * (1.0 + 1e-6), 0.3, 1.7])
@pytest.mark.parametrize("length", [1.0, 2.0])
def test_a_mass_that_is_set_is_the_mass_whatever_is_nominal(order: tuple[str, ...], mass: float, length: float) -> None:
    ways = {"length": LENGTH, "arm.mass": set_to(0.2, 2.0)}
    model = model_of({key: ways[key] for key in order}, length=length, arm_mass=mass)
    assert model.body_mass[1] == pytest.approx(mass)
    shaped = rod(length)  # its inertia is that of a rod of this length
    np.testing.assert_allclose(model.body_inertia[1], shaped.body_inertia[1] * mass / shaped.body_mass[1], rtol=1e-9)


def test_a_factor_is_one_on_what_an_edit_made_and_a_sum_is_added_to_it() -> None:
    for factor in (1.0, 1.5):
        scaled = model_of({"length": LENGTH, "arm.mass": scale(0.5, 2.0)}, length=2.0, arm_mass=factor)
        assert scaled.body_mass[1] == pytest.approx(factor * rod(2.0).body_mass[1])
    for payload in (0.0, 0.4):
        loaded = model_of({"length": LENGTH, "arm.mass": add(0.0, 2.0)}, length=2.0, arm_mass=payload)
        assert loaded.body_mass[1] == pytest.approx(rod(2.0).body_mass[1] + payload)


def test_a_damping_that_an_edit_changes_too_is_what_its_row_says() -> None:
    for damping in (0.3, 0.5):
        model = model_of({"length": LENGTH, "hinge.damping": set_to(0.1, 1.0)}, length=2.0, hinge_damping=damping)
        assert model.dof_damping[0] == pytest.approx(damping)


@pytest.mark.parametrize("order", [("*.mass", "arm.mass"), ("arm.mass", "*.mass")])
def test_factors_come_before_sums_in_any_order(order: tuple[str, str]) -> None:
    ways = {"*.mass": scale(0.5, 2.0), "arm.mass": add(0.0, 2.0)}
    model = model_of({key: ways[key] for key in order}, mass=2.0, arm_mass=0.7)
    assert model.body_mass[1] == pytest.approx(2.0 * NOMINAL + 0.7)


@pytest.mark.parametrize("way", [scale(0.5, 2.0), add(0.0, 1.0), set_to(0.2, 2.0)])
def test_a_value_that_another_would_replace_is_refused(way: Any) -> None:
    with pytest.raises(UserError) as refused:
        model_of({"*.mass": way, "arm.mass": set_to(0.2, 2.0)})
    assert str(refused.value).endswith("both change the mass of 'arm': leave one of them out, or scale both")


def test_parameters_written_by_hand_hold_after_edits_too() -> None:
    def by_hand(name: str, nominal: float, edit: Field | SpecEdit) -> Parameter:
        return Parameter(name, name, train=Uniform(0.1, 2.0), nominal=nominal, bounds=(0.0, 9.0), edits=(edit,))

    damping = by_hand("damping", 0.3, Field("dof_damping", "set", rows=("hinge",)))
    length = by_hand("length", 1.0, SpecEdit(lengthen))
    assert model_of({"damping": damping, "length": length}, length=2.0).dof_damping[0] == pytest.approx(0.3)
    other_than_the_file = {"damping": by_hand("damping", 0.7, Field("dof_damping", "set", rows=("hinge",)))}
    assert model_of(other_than_the_file).dof_damping[0] == pytest.approx(0.7)

"""What a row says is what is simulated, in whatever order and combination its values change the model."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest

from robotmeta.envs import Parameter, TaskFamily, add, scale, set_to
from robotmeta.envs.distributions import Uniform
from robotmeta.envs.edits import Field, ModelEdit, SpecEdit
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import ModelWarning, UserError

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


# -- the layout of states and actions ----------------------------------------------------------------------------------

TWO = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <body name="b"><joint name="j1" axis="0 1 0" damping="1"/><geom size="0.1" pos="0 0 0.2"/></body>
    <body name="c" pos="3 0 0">
      <joint name="j2" axis="0 1 0" damping="1"/><geom size="0.1" pos="0 0 0.2"/>
      <site name="s1"/><site name="s2"/>
    </body>
  </worldbody>
  <actuator>
    <motor name="m1" joint="j1" ctrlrange="-1 1"/>
    <motor name="m2" joint="j2" ctrlrange="-1 1"/>
  </actuator>
  <sensor><gyro name="first" site="s1"/><accelerometer name="second" site="s2"/></sensor>
</mujoco>
"""


def add_motor(spec: mujoco.MjSpec, name: str, joint: str) -> None:
    motor: Any = spec.add_actuator(name=name, trntype=mujoco.mjtTrn.mjTRN_JOINT, target=joint)
    motor.ctrllimited, motor.ctrlrange = True, [-1.0, 1.0]


def replace_motor(spec: mujoco.MjSpec, value: float) -> None:
    spec.delete(spec.actuator("m1"))
    add_motor(spec, "m1", "j1")


def always_one_more(spec: mujoco.MjSpec, value: float) -> None:
    add_motor(spec, "m3", "j2")


def drive_another_joint(spec: mujoco.MjSpec, value: float) -> None:
    if value > 1.0:
        spec.actuator("m1").target = "j2"


def delete_motors(spec: mujoco.MjSpec, value: float) -> None:
    for name in ("m1", "m2"):
        spec.delete(spec.actuator(name))


def replace_body(spec: mujoco.MjSpec, value: float) -> None:
    spec.delete(spec.body("b"))
    body = spec.worldbody.add_body(name="b")
    body.add_joint(name="j1", axis=[0, 1, 0])
    body.add_geom(size=[0.1, 0, 0], pos=[0, 0, 0.2])
    if spec.actuator("m1") is None:
        add_motor(spec, "m1", "j1")


def slide(spec: mujoco.MjSpec, value: float) -> None:
    spec.joint("j1").type = mujoco.mjtJoint.mjJNT_SLIDE


def replace_sensor(spec: mujoco.MjSpec, value: float) -> None:
    spec.joint("j1").damping[0] *= value
    if value > 1.0:
        spec.delete(spec.sensor("first"))
        kind, site = mujoco.mjtSensor.mjSENS_GYRO, mujoco.mjtObj.mjOBJ_SITE
        spec.add_sensor(name="first", type=kind, objtype=site, objname="s1")


def family_of(edit: Any, **options: Any) -> TaskFamily:
    return TaskFamily.from_mjcf(
        TWO, {"e": scale(0.5, 2.0, edit=edit)}, lambda step: step.after["qvel"][..., 0], name="two", **options
    )


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            replace_motor,
            "e=1 changes the layout of the state: actuator 1 is 'm2' on joint 'j2' and not 'm1' on joint 'j1'",
        ),
        (always_one_more, "e=1 changes the layout of the state: nu is 3 and not 2"),
        (
            drive_another_joint,
            "e=2 changes the layout of the state: actuator 1 is 'm1' on joint 'j2' and not 'm1' on joint",
        ),
        (delete_motors, "e=1 changes the layout of the state: nu is 0 and not 2"),
        (replace_body, "e=1 changes the layout of the state: joint 1 is the hinge 'j2' and not the hinge 'j1'"),
        (slide, "e=1 changes the layout of the state: joint 1 is the slide 'j1' and not the hinge 'j1'"),
    ],
)
def test_an_edit_that_gives_states_or_actions_another_meaning_is_refused(edit: Any, message: str) -> None:
    with pytest.raises(UserError) as refused:
        family_of(edit)
    assert f"family 'two': {message}" in str(refused.value)


def test_an_edit_may_always_add_what_neither_moves_nor_acts() -> None:
    def carry(spec: mujoco.MjSpec, value: float) -> None:
        spec.body("b").add_geom(size=[0.05 * value, 0, 0], pos=[0, 0, 0.4])

    assert family_of(carry).actions == (("m1", "-1 to 1"), ("m2", "-1 to 1"))


def test_fields_that_the_family_reads_keep_their_order_too() -> None:
    family_of(replace_sensor)
    with pytest.raises(UserError, match="sensor 1 is the accelerometer 'second' and not the gyro 'first'"):
        family_of(replace_sensor, fields=("sensordata",))


@pytest.mark.parametrize("way", ["edit", "parameter"])
def test_a_timestep_that_varies_is_refused(way: str) -> None:
    def slower(spec: mujoco.MjSpec, factor: float) -> None:
        spec.option.timestep *= factor

    compiled = ModelEdit(lambda model, value, row: setattr(model.opt, "timestep", 0.01 * value))
    by_hand = Parameter("e", "e", train=Uniform(1.0, 2.0), nominal=1.0, bounds=(0.1, 9.0), edits=(compiled,))
    vary: dict[str, Any] = {"e": scale(1.0, 2.0, edit=slower) if way == "edit" else by_hand}
    with pytest.raises(UserError, match=r"e=2 changes the timestep from 0.01 to 0.02 s"):
        TaskFamily.from_mjcf(TWO, vary, lambda step: step.after["qvel"][..., 0])


def test_a_control_range_that_no_action_reaches_is_warned_of() -> None:
    def range_of(spec: mujoco.MjSpec, value: float, factor: float) -> None:
        spec.joint("j1").damping[0] *= value
        spec.actuator("m2").ctrlrange *= factor

    with pytest.warns(ModelWarning, match="with e=2, the control range of actuator 'm2' is -2 to 2 and not -1 to 1"):
        family_of(lambda spec, value: range_of(spec, value, value))
    with pytest.warns(ModelWarning, match="with e=1, the control range of actuator 'm2' is -3 to 3 and not -1 to 1"):
        family_of(lambda spec, value: range_of(spec, value, 3.0))

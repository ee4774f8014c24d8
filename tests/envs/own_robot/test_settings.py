"""What the compiler derives from other values stays as it is in the nominal robot, and the user is told."""

from __future__ import annotations

import warnings
from typing import Any

import mujoco
import numpy as np
import pytest

from robotmeta.envs import TaskFamily, add, scale, set_to
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import ModelWarning

ARM = """
<mujoco>
  <compiler {compiler}/>
  <worldbody>
    <body name="base" pos="0 0 1"><inertial pos="0 0 0" mass="0.001" diaginertia="1 2 2.5"/>{base}
      <joint name="turn" axis="0 0 1" {joint}/>
      <body name="upper"><joint name="shoulder" axis="0 1 0"/>
        <geom name="upper" type="capsule" fromto="0 0 0 0 0 -0.3" size="0.05"/>
        <body name="lower" pos="0 0 -0.3"><joint name="elbow" axis="0 1 0"/>
          <geom name="lower" type="capsule" fromto="0 0 0 0 0 -0.3" size="0.04"/></body></body></body>
  </worldbody>
  <actuator>{actuators}</actuator>
</mujoco>
"""
MOTOR = '<motor name="m" joint="shoulder" ctrlrange="-1 1"/>'
SERVO = '<position name="servo" joint="shoulder" kp="20" dampratio="1" ctrlrange="-1 1"/>'
MUSCLE = '<muscle name="muscle" joint="shoulder" lengthrange="-2 2" ctrlrange="0 1"/>'


def arm(*, compiler: str = "", base: str = "", joint: str = "", actuators: str = MOTOR) -> str:
    return ARM.format(compiler=compiler, base=base, joint=joint, actuators=actuators)


def made(model: str, vary: dict[str, Any], **row: float) -> tuple[mujoco.MjModel, mujoco.MjModel, str]:
    """The model as MuJoCo compiles it, the model of a task, and what the user was told."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        family = TaskFamily.from_mjcf(model, vary, lambda step: step.after["qvel"][..., 0])
    assert len(told) <= 1, [str(t.message) for t in told]
    assert all(issubclass(warning.category, ModelWarning) for warning in told)
    assert isinstance(family.world, MujocoWorld)
    build = ModelBuilder(family.world.spec, family.space)
    with warnings.catch_warnings(action="ignore"):  # MuJoCo's own, on settotalmass
        as_it_is = mujoco.MjSpec.from_string(model).compile()
    for field in ("body_mass", "body_inertia", "body_ipos", "dof_damping", "jnt_stiffness", "actuator_biasprm"):
        if vary is WEIGHT and field.startswith("body_"):
            continue  # the edit gives one body a mass that is not that of the file
        if "muscle" in model and field == "actuator_biasprm":
            continue  # its peak force is written there
        np.testing.assert_allclose(getattr(build.nominal, field), getattr(as_it_is, field), rtol=1e-6, err_msg=field)
    return as_it_is, build(family.space.row(row))[0], "".join(str(warning.message) for warning in told)


def lengthen(spec: mujoco.MjSpec, factor: float) -> None:
    spec.geom("lower").fromto *= factor


def weigh(spec: mujoco.MjSpec, mass: float) -> None:
    lower = spec.body("lower")
    lower.explicitinertial, lower.mass, lower.inertia = True, mass, np.full(3, mass / 100.0)
    lower.ipos = np.array([0.0, 0.0, -0.1])


LENGTH, WEIGHT = {"length": scale(0.5, 2.0, edit=lengthen)}, {"weight": set_to(0.01, 2.0, nominal=1.0, edit=weigh)}
HEAVY = {"lower.mass": scale(0.5, 2.0)}


def test_a_longer_link_leaves_the_mass_of_the_others_alone() -> None:
    for density in ("", 'inertiafromgeom="true"'):
        nominal, longer, told = made(
            arm(compiler=f'settotalmass="7" {density}', base='<geom size="0.1"/>'), LENGTH, length=2.0
        )
        assert nominal.body_mass.sum() == pytest.approx(7.0)
        assert longer.body("upper").mass[0] == pytest.approx(nominal.body("upper").mass[0])
        capsule = [np.pi * 0.04**2 * (length + 4 / 3 * 0.04) for length in (0.3, 0.6)]
        ratio = longer.body("lower").mass[0] / nominal.body("lower").mass[0]
        assert ratio == pytest.approx(capsule[1] / capsule[0])
        assert "settotalmass of the compiler would let values change with the masses and lengths" in told


def test_a_total_mass_says_nothing_on_masses_that_are_varied_after_compiling() -> None:
    nominal, heavier, told = made(arm(compiler='settotalmass="7"', base='<geom size="0.1"/>'), HEAVY, lower_mass=2.0)
    np.testing.assert_allclose(heavier.body_mass / nominal.body_mass.clip(1e-9), [0.0, 1.0, 1.0, 2.0])
    assert told == ""


@pytest.mark.parametrize(
    "compiler", ['boundmass="0.5"', 'boundinertia="0.01"', 'balanceinertia="true"', 'inertiafromgeom="true"']
)
def test_a_mass_that_an_edit_gives_is_the_mass(compiler: str) -> None:
    given = arm(compiler=compiler, base='<geom size="0.1"/>' if "geom" in compiler else "")
    if "balance" in compiler:
        given = given.replace("1 2 2.5", "1 2 4")  # no body has such an inertia
    nominal, light, told = made(given, WEIGHT, weight=0.02)
    assert light.body("lower").mass[0] == pytest.approx(0.02)
    np.testing.assert_allclose(light.body("lower").inertia, 0.0002)
    np.testing.assert_allclose(light.body_mass[:3], nominal.body_mass[:3])
    np.testing.assert_allclose(light.body_inertia[:3], nominal.body_inertia[:3])
    assert told == "" if "geom" in compiler else compiler.partition("=")[0] in told


@pytest.mark.parametrize("vary", [HEAVY, LENGTH])
def test_a_damping_ratio_is_that_of_the_nominal_robot(vary: dict[str, Any]) -> None:
    for actuators in (SERVO, SERVO.replace("position", 'pid input="pos"')):
        nominal, changed, told = made(arm(actuators=actuators), vary, **{next(iter(vary)).replace(".", "_"): 2.0})
        assert nominal.actuator_biasprm[0, 2] < -0.1
        assert changed.actuator_biasprm[0, 2] == pytest.approx(nominal.actuator_biasprm[0, 2])
        assert "the dampratio of actuator 'servo'" in told


@pytest.mark.parametrize("vary", [HEAVY, LENGTH])
def test_a_spring_is_that_of_the_nominal_robot(vary: dict[str, Any]) -> None:
    model = arm(joint='springdamper="0.2 1"')
    nominal, changed, told = made(model, vary, **{next(iter(vary)).replace(".", "_"): 2.0})
    assert nominal.jnt_stiffness[0] > 0.0
    assert nominal.dof_damping[0] > 0.0
    assert changed.jnt_stiffness[0] == pytest.approx(nominal.jnt_stiffness[0])
    assert changed.dof_damping[0] == pytest.approx(nominal.dof_damping[0])
    assert "the springdamper of joint 'turn'" in told


@pytest.mark.parametrize("vary", [HEAVY, LENGTH])
def test_a_muscle_is_as_strong_as_on_the_nominal_robot(vary: dict[str, Any]) -> None:
    nominal, changed, told = made(arm(actuators=MUSCLE), vary, **{next(iter(vary)).replace(".", "_"): 2.0})
    forces = []
    for model in (nominal, changed):
        data = mujoco.MjData(model)
        data.act[:] = 0.7
        mujoco.mj_forward(model, data)
        forces.append(float(data.actuator_force[0]))
    assert abs(forces[0]) > 1.0
    assert forces[1] == pytest.approx(forces[0])
    assert "the scale of muscle 'muscle'" in told


def test_nothing_is_said_where_nothing_would_follow() -> None:
    friction = {"shoulder.damping": add(0.0, 1.0)}
    assert made(arm(actuators=SERVO + MUSCLE, joint='springdamper="0.2 1"'), friction, shoulder_damping=0.5)[2] == ""


def test_all_settings_are_named_in_one_warning_that_can_be_filtered() -> None:
    model = arm(compiler='settotalmass="7" boundmass="0.5"', actuators=SERVO + MUSCLE, joint='springdamper="0.2 1"')
    told = made(model, LENGTH)[2]
    for setting in ("springdamper", "dampratio", "scale", "settotalmass", "boundmass"):
        assert setting in told
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        TaskFamily.from_mjcf(model, LENGTH, lambda step: step.after["qvel"][..., 0])

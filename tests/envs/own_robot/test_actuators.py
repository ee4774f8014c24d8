"""A model without actuators, such as a URDF, gets motors and servos on the joints that are named."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
import torch

from robotmeta.envs import TaskBatchEnv, TaskFamily, motor, scale, servo, set_to
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import UserError

LINK = """
<link name="{0}"><inertial><origin xyz="0 0 -0.2"/><mass value="2"/>
  <inertia ixx="0.03" iyy="0.03" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial>
  <collision><origin xyz="0 0 -0.2"/><geometry><box size="0.05 0.05 0.3"/></geometry></collision></link>
"""
JOINTS = """
<joint name="shoulder" type="revolute"><parent link="base"/><child link="upper"/><axis xyz="0 1 0"/>
  <limit lower="-1" upper="2" effort="25" velocity="3"/><dynamics damping="0.1" friction="0.2"/></joint>
<joint name="elbow" type="continuous"><parent link="upper"/><child link="lower"/><origin xyz="0 0 -0.4"/>
  <axis xyz="0 1 0"/></joint>
<joint name="finger" type="prismatic"><parent link="lower"/><child link="tip"/><origin xyz="0 0 -0.4"/>
  <axis xyz="0 0 1"/><limit lower="0" upper="0.1" effort="9" velocity="1"/></joint>
"""
LINKS = "".join(LINK.format(name) for name in ("base", "upper", "lower", "tip"))
FIXED = f'<robot name="arm">{LINKS}{JOINTS}</robot>'
FLOATING = (
    f'<robot name="swimmer"><link name="world"/>{LINKS}{JOINTS}'
    '<joint name="root" type="floating"><parent link="world"/><child link="base"/></joint></robot>'
)
VARY = {"upper.mass": scale(0.5, 2.0)}


def family_of(model: Any, actuators: Any, vary: Any = VARY, **options: Any) -> TaskFamily:
    return TaskFamily.from_mjcf(
        model, vary, lambda step: step.after["qvel"][..., -1], actuators=actuators, **{"name": "mine", **options}
    )


def models(family: TaskFamily, **row: float) -> mujoco.MjModel:
    assert isinstance(family.world, MujocoWorld)
    return ModelBuilder(family.world.spec, family.space)(family.space.row(row))[0]


def forces(family: TaskFamily, action: list[float], **row: float) -> np.ndarray:
    """Forces on the driven joints in the initial pose, N and N m."""
    assert isinstance(family.world, MujocoWorld)
    model = models(family, **row)
    data = mujoco.MjData(model)
    given = torch.tensor(action)
    data.ctrl[:] = given if family.world.control is None else family.world.control(given)
    mujoco.mj_forward(model, data)
    return data.qfrc_actuator[model.jnt_dofadr[model.actuator_trnid[:, 0]]]


ALL = {"shoulder": motor(), "elbow": motor(4.0), "finger": motor(30.0)}


@pytest.mark.parametrize("base", [FIXED, FLOATING])
def test_motors_give_the_effort_of_the_joint_or_the_force_that_is_said(base: str, tmp_path: Path) -> None:
    (tmp_path / "arm.urdf").write_text(base)
    family = family_of(tmp_path / "arm.urdf", ALL)
    assert [name for name, _ in family.actions] == ["shoulder", "elbow", "finger"]
    np.testing.assert_allclose(forces(family, [1.0, -0.5, 1.0]), [25.0, -2.0, 30.0])
    env = TaskBatchEnv(family, 2, 2)
    env.reset(torch.Generator().manual_seed(0))
    assert env.step(torch.ones(2, 2, 3)).diverged is None
    names = [name for name, _ in family.observations]
    assert ("base_z" in names or "root_z" in names) == (base == FLOATING)
    assert "shoulder_velocity" in names


@pytest.mark.parametrize("base", [FIXED, FLOATING])
def test_their_strength_varies(base: str) -> None:
    family = family_of(base, ALL, {"*.strength": scale(0.5, 2.0)})
    for strength in (0.5, 1.0, 2.0):
        np.testing.assert_allclose(
            forces(family, [1.0, -0.5, 1.0], strength=strength), strength * np.array([25.0, -2.0, 30.0])
        )


def test_servos_pull_towards_a_position_in_the_range_of_their_joint() -> None:
    family = family_of(
        FIXED, {"shoulder": servo(40.0, force=10.0), "elbow": servo(8.0, kv=1.0), "finger": servo(200.0)}
    )
    assert [unit for _, unit in family.actions] == ["-1 to 2", f"{-math.pi:g} to {math.pi:g}", "0 to 0.1"]
    # 40 times 2 rad, but 10 at most; 8 times half a turn by a quarter; 200 times 0.1 m, but 9 at most by its effort
    np.testing.assert_allclose(forces(family, [1.0, 0.25, 1.0]), [10.0, 8.0 * math.pi / 4.0, 9.0])
    np.testing.assert_allclose(
        forces(family, [-1.0 / 3.0 + 0.1, 0.0, -0.6]), [40.0 * 0.15, 0.0, 200.0 * 0.02], atol=1e-5
    )


def test_a_servo_is_critically_damped_on_the_nominal_robot() -> None:
    family = family_of(FIXED, {"elbow": servo(40.0)}, {"lower.mass": scale(0.5, 2.0)})
    damping = [models(family, lower_mass=mass).actuator_biasprm[0, 2] for mass in (1.0, 2.0)]
    as_mujoco = mujoco.MjSpec.from_string(FIXED)
    actuator = as_mujoco.add_actuator(trntype=mujoco.mjtTrn.mjTRN_JOINT, target="elbow")
    actuator.set_to_position(kp=40.0, dampratio=1.0)
    assert damping == pytest.approx([as_mujoco.compile().actuator_biasprm[0, 2]] * 2)


def test_a_name_comes_before_a_pattern_and_an_earlier_pattern_before_a_later_one() -> None:
    family = family_of(FIXED, {"*o*": motor(3.0), "*": motor(2.0), "elbow": motor(1.0)})
    np.testing.assert_allclose(forces(family, [1.0, 1.0, 1.0]), [3.0, 1.0, 2.0])


MJCF = """
<mujoco><default><motor ctrlrange="-5 5" gear="9" forcerange="-1e3 5"/></default><worldbody>
  <body name="a"><joint name="a" axis="0 1 0" range="-90 45"/><geom size="0.1" pos="0 0 -0.3"/>
    <body name="b" pos="0 0 -0.5"><joint name="b" axis="0 1 0"/><geom size="0.1" pos="0 0 -0.3"/>
      <body name="c" pos="0 0 -0.5"><joint name="c" type="ball"/><geom size="0.1"/></body></body></body>
</worldbody>{}</mujoco>
"""


def test_an_mjcf_gets_actuators_where_it_has_none() -> None:
    vary = {"a.damping": set_to(0.1, 1.0)}
    bare = family_of(MJCF.format(""), {"*": motor(2.0)}, vary)
    np.testing.assert_allclose(forces(bare, [1.0, -1.0]), [2.0, -2.0])
    half = family_of(MJCF.format('<actuator><motor joint="a"/></actuator>'), {"*": motor(2.0)}, vary)
    assert half.actions == (("a", "-5 to 5"), ("b", "-1 to 1"))
    np.testing.assert_allclose(forces(half, [1.0, 1.0]), [45.0, 2.0])
    turned = family_of(MJCF.format(""), {"a": servo(2.0), "b": servo(2.0, range=(-0.5, 0.5))}, vary)
    np.testing.assert_allclose(forces(turned, [1.0, 1.0]), [2.0 * math.pi / 4.0, 1.0], rtol=1e-6)


def test_a_function_may_return_the_same_spec_again() -> None:
    spec = mujoco.MjSpec.from_string(MJCF.format(""))
    family = family_of(lambda: spec, {"a": servo(2.0)}, {"b.damping": set_to(0.1, 1.0)})
    assert family.actions == (("a", f"{-math.pi / 2:g} to {math.pi / 4:g}"),)
    assert not spec.actuators


@pytest.mark.parametrize(
    ("model", "actuators", "message"),
    [
        (FIXED, None, 'the model has no actuators; add some to the file, or give actuators={"NAME": motor(force)} or'),
        (FIXED, None, "for its joints: shoulder, elbow, finger"),
        (FIXED, {"elbo": motor(1.0)}, "no hinge or slide joint 'elbo' in the model; nearest: elbow"),
        (FIXED, {"x*": motor(1.0)}, "no hinge or slide joint 'x*' in the model; there are: shoulder, elbow, finger"),
        (FLOATING, {"root": motor(1.0)}, "no hinge or slide joint 'root' in the model"),
        (FIXED, {"elbow": motor()}, "joint 'elbow' of the model has no effort limit: give its motor a force"),
        (FIXED, {"elbow": 5.0}, "actuators must be a mapping of joints to motor or servo"),
        (FIXED, ["elbow"], "actuators must be a mapping of joints to motor or servo"),
        (FIXED, {5: motor(1.0)}, "no hinge or slide joint '5'"),
        (FIXED, {}, "the model has no actuators"),
        (
            "<mujoco><worldbody><geom size='1'/></worldbody></mujoco>",
            None,
            "the model has no actuators; add some to the",
        ),
        (
            MJCF.format('<actuator><motor name="m" joint="a" ctrlrange="-1 1"/></actuator>'),
            {"a": motor(1.0)},
            "actuators: joint 'a' of the model has the actuator 'm' already",
        ),
    ],
)
def test_what_cannot_be_driven_is_refused_in_one_line(model: str, actuators: Any, message: str) -> None:
    with pytest.raises(UserError) as refused:
        family_of(model, actuators)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: motor(0.0), "force of motor must be positive, not 0"),
        (lambda: servo(math.nan), "kp of servo must be a finite number, not nan"),
        (lambda: servo(1.0, kv=-1.0), "kv of servo must be at least 0, not -1"),
        (lambda: servo(1.0, range=(1.0, 0.0)), "range of servo (1, 0) must be in ascending order"),
    ],
)
def test_numbers_of_actuators_are_checked(make_it: Any, message: str) -> None:
    with pytest.raises(UserError) as refused:
        make_it()
    assert message in str(refused.value)

"""Strength scales the force that an actuator gives, whatever its kind and whatever limits it."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest

from robotmeta.envs import TaskFamily, scale
from robotmeta.envs.distributions import Uniform
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import UserError

ARM = """
<mujoco>
  <worldbody>
    <site name="mark" pos="0 0 1"/>
    <body name="upper" pos="0 0 1">
      <joint name="shoulder" axis="0 1 0" range="-90 90" {joint}/>
      <geom name="upper" type="capsule" fromto="0 0 0 0.5 0 0" size="0.05"/>
      <body name="lower" pos="0.5 0 0">
        <joint name="elbow" axis="0 1 0" range="-90 90" {joint}/>
        <geom name="lower" type="capsule" fromto="0 0 0 0.5 0 0" size="0.05"/>
        <site name="tip" pos="0.5 0 0"/>
      </body>
    </body>
    <body name="ball" pos="0 1 0"><joint name="ball" type="ball"/><geom size="0.1"/><site name="ball"/></body>
  </worldbody>
  <tendon><fixed name="cord" {tendon}><joint joint="shoulder" coef="2"/></fixed></tendon>
  <actuator>{actuators}</actuator>
</mujoco>
"""

KINDS = {  # one of each kind of actuator, and controls that it takes
    "motor": ('<motor name="m" joint="shoulder" gear="23" ctrlrange="-1 1"/>', (0.7,)),
    "motor with a limit": ('<motor name="m" joint="shoulder" forcerange="-2 3" ctrlrange="-9 9"/>', (8.0,)),
    "servo": ('<position name="m" joint="shoulder" kp="5" kv="1" ctrlrange="-1 1"/>', (0.9,)),
    "servo with a damping ratio": (
        '<position name="m" joint="shoulder" kp="5" dampratio="1" ctrlrange="-1 1"/>',
        (0.9,),
    ),
    "filtered servo": ('<position name="m" joint="shoulder" kp="5" timeconst="0.1" ctrlrange="-1 1"/>', (0.9,)),
    "speed servo": ('<velocity name="m" joint="shoulder" kv="2" ctrlrange="-1 1"/>', (0.9,)),
    "integrating servo": ('<intvelocity name="m" joint="shoulder" kp="5" actrange="-1 1" ctrlrange="-1 1"/>', (0.9,)),
    "damper": ('<damper name="m" joint="shoulder" kv="2" ctrlrange="0 1"/>', (0.9,)),
    "cylinder": (
        '<cylinder name="m" joint="shoulder" timeconst="0.1" area="2" bias="1 2 3" ctrlrange="-1 1"/>',
        (0.9,),
    ),
    "muscle with a force": ('<muscle name="m" joint="shoulder" force="100" ctrlrange="0 1"/>', (0.9,)),
    "muscle with a scale": ('<muscle name="m" joint="shoulder" ctrlrange="0 1"/>', (0.9,)),
    "affine gain and bias": (
        '<general name="m" joint="shoulder" gaintype="affine" gainprm="1 2 3" biastype="affine" biasprm="1 2 3" '
        'ctrlrange="-1 1"/>',
        (0.9,),
    ),
    "controller": (
        '<pid name="m" joint="shoulder" kp="5" ki="1" kv="1" input="pos vel" ctrlrange="-1 1" velrange="-1 1"/>',
        (0.9, 0.2),
    ),
    "DC motor": ('<dcmotor name="m" joint="shoulder" motorconst="0.05 0.05" resistance="2" ctrlrange="-9 9"/>', (6.0,)),
    "saturated DC motor": (
        '<dcmotor name="m" joint="shoulder" motorconst="0.05 0.05" resistance="2" saturation="0.1 0 0" '
        'ctrlrange="-9 9"/>',
        (6.0,),
    ),
    "orientation servo": (
        '<orientation name="m" site="ball" refsite="mark" kp="5" kv="1" ctrlrange="-1 1"/>',
        (0.9, 0.2, 0.1),
    ),
    "thruster": ('<general name="m" site="tip" gear="0 0 1 0 0 0" ctrlrange="-1 1"/>', (0.9,)),
    "servo of a site": (
        '<position name="m" site="tip" refsite="mark" kp="3" gear="0 0 1 0 0 0" ctrlrange="-1 1"/>',
        (0.9,),
    ),
    "tendon": ('<motor name="m" tendon="cord" ctrlrange="-1 1"/>', (0.9,)),
    "slider and crank": (
        '<motor name="m" cranksite="tip" slidersite="mark" cranklength="2" ctrlrange="-1 1"/>',
        (0.9,),
    ),
    "in the frame of the parent": (
        '<motor name="m" jointinparent="ball" gear="0 1 1 0 0 0" ctrlrange="-1 1"/>',
        (0.9,),
    ),
}


def arm(actuators: str, *, joint: str = "", tendon: str = "") -> str:
    return ARM.format(actuators=actuators, joint=joint, tendon=tendon)


def variants(model: str, target: str, factors: tuple[float, ...], way: Any = None) -> list[mujoco.MjModel]:
    """The models of a family in which one target is scaled by each factor."""
    vary = {target: way or scale(Uniform(0.0, 4.0))}
    family = TaskFamily.from_mjcf(model, vary, lambda step: step.after["qvel"][..., 0])
    assert isinstance(family.world, MujocoWorld)
    build = ModelBuilder(family.world.spec, family.space)
    (name,) = family.space.names
    return [build(family.space.row({name: factor}))[0] for factor in factors]


def forces(model: mujoco.MjModel, controls: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Forces of all actuators, and on all joints, in a pose and at speeds in which nothing is zero."""
    data = mujoco.MjData(model)
    data.ctrl[: len(controls)] = controls
    data.act[:] = 0.6
    mujoco.mj_integratePos(model, data.qpos, np.linspace(0.2, 0.5, model.nv), 1.0)
    data.qvel[:] = np.linspace(0.3, -0.4, model.nv)
    mujoco.mj_forward(model, data)
    return data.actuator_force.copy(), data.qfrc_actuator.copy()


@pytest.mark.parametrize("kind", KINDS)
def test_the_force_of_every_kind_of_actuator_is_scaled(kind: str) -> None:
    actuators, controls = KINDS[kind]
    models = variants(arm(actuators), "m.strength", (1.0, 0.5, 2.0, 0.0))
    (nominal, nominal_joints), *scaled = [forces(model, controls) for model in models]
    assert np.abs(nominal).max() > 1e-3
    assert np.abs(nominal_joints).max() > 1e-3
    for factor, (force, joints) in zip((0.5, 2.0, 0.0), scaled, strict=True):
        np.testing.assert_allclose(force, factor * nominal, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(joints, factor * nominal_joints, rtol=1e-9, atol=1e-9)


def held(model: mujoco.MjModel, control: float, seconds: float = 1.0) -> float:
    """Torque on the shoulder after a time in which activations settle and the arm stands still."""
    data = mujoco.MjData(model)
    data.ctrl[0] = control
    for _ in range(round(seconds / model.opt.timestep)):
        mujoco.mj_step(model, data)
        data.qpos[:], data.qvel[:] = model.qpos0, 0.0
    return float(data.qfrc_actuator[0])


def test_a_dc_motor_whose_current_takes_time_settles_at_the_scaled_torque() -> None:
    motor = (
        '<dcmotor name="m" joint="shoulder" motorconst="0.05 0.05" resistance="2" inductance="0.1" ctrlrange="-9 9"/>'
    )
    torques = [held(model, 6.0) for model in variants(arm(motor), "m.strength", (1.0, 0.5, 2.0))]
    np.testing.assert_allclose(torques, 0.05 * 6.0 / 2.0 * np.array([1.0, 0.5, 2.0]), rtol=1e-6)


def test_adhesion_pulls_by_its_strength() -> None:
    model = """
    <mujoco><option gravity="0 0 0"/><worldbody>
      <geom name="wall" type="plane" size="1 1 1"/>
      <body name="pad" pos="0 0 0.1"><joint name="z" type="slide" axis="0 0 1"/><geom size="0.1"/></body>
    </worldbody><actuator><adhesion name="m" body="pad" gain="3" ctrlrange="0 1"/></actuator></mujoco>"""
    pulls = []
    for variant in variants(model, "m.strength", (1.0, 0.5, 2.0)):
        data = mujoco.MjData(variant)
        data.ctrl[:] = 0.5
        mujoco.mj_step(variant, data, 50)
        pulls.append(data.qfrc_actuator[0])
    np.testing.assert_allclose(pulls, [-1.5, -0.75, -3.0], rtol=1e-6)


# -- limits ------------------------------------------------------------------------------------------------------------

MOTOR = '<motor name="m" joint="shoulder" gear="23" ctrlrange="-1 1"/>'


@pytest.mark.parametrize("control", [1.0, -1.0, 0.4])
def test_the_limit_of_a_joint_is_scaled_with_the_motor_that_it_limits(control: float) -> None:
    limited = arm(MOTOR, joint='actuatorfrcrange="-23 23"')
    torques = [forces(model, (control,))[1][0] for model in variants(limited, "m.strength", (1.0, 2.0, 0.5))]
    np.testing.assert_allclose(torques, 23.0 * control * np.array([1.0, 2.0, 0.5]))


def test_every_limit_of_the_chain_is_scaled() -> None:
    # 9 N in the cord, of which it passes 6; the actuator passes 5, the joint passes 8 of 2 * 5 N m.
    chain = arm(
        '<motor name="m" tendon="cord" gear="1" ctrlrange="-9 9" forcerange="-5 5"/>',
        joint='actuatorfrcrange="-8 8"',
        tendon='actuatorfrcrange="-6 6"',
    )
    for factor, model in zip((1.0, 2.0, 0.5), variants(chain, "m.strength", (1.0, 2.0, 0.5)), strict=True):
        force, joints = forces(model, (9.0,))
        assert force[0] == pytest.approx(5.0 * factor)
        assert joints[0] == pytest.approx(8.0 * factor)
    wide = arm('<motor name="m" tendon="cord" ctrlrange="-9 9"/>', tendon='actuatorfrcrange="-6 6"')
    assert [forces(m, (9.0,))[0][0] for m in variants(wide, "m.strength", (1.0, 2.0))] == pytest.approx([6.0, 12.0])


TWO = MOTOR + '<motor name="n" joint="shoulder" gear="5" ctrlrange="-1 1"/>'


@pytest.mark.parametrize(
    ("actuators", "limits", "kind"),
    [
        (TWO, {"joint": 'actuatorfrcrange="-23 23"'}, "joint 'shoulder'"),
        (
            MOTOR + '<motor name="n" tendon="cord" ctrlrange="-1 1"/>',
            {"joint": 'actuatorfrcrange="-23 23"'},
            "joint 'shoulder'",
        ),
        (
            MOTOR + '<general name="n" site="tip" gear="0 0 1 0 0 0" ctrlrange="-1 1"/>',
            {"joint": 'actuatorfrcrange="-23 23"'},
            "joint 'shoulder'",
        ),
        (TWO.replace('joint="shoulder"', 'tendon="cord"'), {"tendon": 'actuatorfrcrange="-9 9"'}, "tendon 'cord'"),
    ],
)
def test_a_limit_that_actuators_share_is_scaled_only_with_all_of_them(
    actuators: str, limits: dict[str, str], kind: str
) -> None:
    model = arm(actuators, **limits)
    with pytest.raises(UserError) as refused:
        variants(model, "m.strength", ())
    assert f"actuatorfrcrange of {kind} in the model limits the forces of 'm' and 'n' together" in str(refused.value)
    assert "'*.strength'" in str(refused.value)
    one, three = (forces(variant, (1.0, 1.0))[1] for variant in variants(model, "*.strength", (1.0, 3.0)))
    np.testing.assert_allclose(three, 3.0 * one)


# -- what cannot be scaled ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actuators", "target", "message"),
    [
        ('<general name="m" joint="shoulder" gaintype="user" ctrlrange="-1 1"/>', "m.strength", "a function of yours"),
        ('<general name="m" joint="shoulder" biastype="user" ctrlrange="-1 1"/>', "m.strength", "a function of yours"),
        (
            '<pid name="m" joint="shoulder" kp="5" input="pos ff" ctrlrange="-1 1" ffrange="-1 1"/>',
            "m.strength",
            "leave ff out of its input",
        ),
        ('<muscle name="m" joint="shoulder" ctrlrange="0 1"/>', "m.gear", "changes its length too; vary m.strength"),
    ],
)
def test_a_force_that_nothing_scales_is_refused_in_one_line(actuators: str, target: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        variants(arm(actuators), target, (), scale(0.5, 2.0))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_engine_plugin_is_refused() -> None:
    plugin = """
    <mujoco><extension><plugin plugin="mujoco.pid"><instance name="pid"><config key="kp" value="4"/></instance></plugin>
    </extension><worldbody><body><joint name="j"/><geom size="0.1"/></body></worldbody>
    <actuator><plugin name="m" joint="j" plugin="mujoco.pid" instance="pid" ctrlrange="-1 1"/></actuator></mujoco>"""
    with pytest.raises(UserError, match="the force of 'm' is computed by an engine plugin and cannot be scaled"):
        variants(plugin, "m.strength", ())


def test_a_gear_that_a_limit_makes_useless_is_refused() -> None:
    limited = arm(MOTOR, joint='actuatorfrcrange="-23 23"')
    with pytest.raises(
        UserError, match=r"limits the force to 23 \(actuatorfrcrange\), whatever the gear; vary m.strength"
    ):
        variants(limited, "m.gear", (), scale(0.5, 2.0))
    weaker = variants(limited, "m.gear", (1.0, 0.5), scale(Uniform(0.0, 1.0)))
    assert [forces(model, (1.0,))[1][0] for model in weaker] == pytest.approx([23.0, 11.5])

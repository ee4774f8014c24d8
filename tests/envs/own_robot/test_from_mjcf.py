"""A robot of one's own: what varies by name, the interface that follows from the model, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import mujoco
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from torch import Tensor

import robotmeta as rm
from robotmeta.adapters.gymnasium_out import FamilyEnv
from robotmeta.envs import Choice, Parameter, TaskBatchEnv, TaskFamily, add, goal, scale, set_to
from robotmeta.envs.distributions import Uniform
from robotmeta.envs.edits import object_rows
from robotmeta.envs.family import MujocoWorld, Transition
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import UserError

# A planar robot with a motor and a position servo, on a floor whose friction decides; a puck lies in front of it.
ROBOT = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 1" friction="0.5" condim="4" priority="1"/>
    <body name="torso" pos="0 0 0.5">
      <joint name="x" type="slide" axis="1 0 0"/>
      <joint name="z" type="slide" axis="0 0 1"/>
      <joint name="pitch" axis="0 1 0"/>
      <geom size="0.1"/>
      <body name="leg" pos="0 0 -0.1">
        <joint name="hip" axis="0 1 0" damping="2" stiffness="3"/>
        <geom name="thigh" type="capsule" fromto="0 0 0 0 0 -0.1" size="0.03"/>
        <body name="foot" pos="0 0 -0.1">
          <joint name="knee" axis="0 1 0" damping="1" armature="0.1"/>
          <geom type="capsule" fromto="0 0 0 0 0 -0.2" size="0.03"/>
        </body>
      </body>
    </body>
    <body name="puck" pos="1 0 0.05"><freejoint name="puck"/><geom name="puck" type="box" size="0.1 0.1 0.05"/></body>
  </worldbody>
  <tendon><fixed name="knee" stiffness="5" damping="1"><joint joint="hip" coef="1"/></fixed></tendon>
  <actuator>
    <motor joint="hip" gear="10" ctrlrange="-1 1"/>
    <position name="servo" joint="knee" kp="20" ctrlrange="-0.5 2" forcerange="-3 6"/>
  </actuator>
  <keyframe><key name="bent" qpos="0 0.4 0 0.3 -0.6 1 0 0.05 1 0 0 0"/></keyframe>
</mujoco>
"""


def forward(step: Transition) -> Tensor:
    return step.after["qvel"][..., 0]


def family_of(vary: Mapping[str, Any], reward: Callable[[Transition], Tensor] = forward, **options: Any) -> TaskFamily:
    return TaskFamily.from_mjcf(options.pop("model", ROBOT), vary, reward, **{"name": "mine", **options})


def variant(vary: Mapping[str, Any], *values: float) -> tuple[mujoco.MjModel, mujoco.MjModel]:
    """The nominal model, and the one with these values of what varies."""
    family = family_of(vary)
    assert isinstance(family.world, MujocoWorld)
    build = ModelBuilder(family.world.spec, family.space)
    return build.nominal, build(family.space.row(dict(zip(family.space.names, values, strict=True))))[0]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# -- what varies -------------------------------------------------------------------------------------------------------

FIELDS = [
    *("body_mass", "body_inertia", "body_ipos", "geom_friction", "geom_size"),
    *("dof_damping", "dof_frictionloss", "dof_armature", "jnt_stiffness"),
    *("tendon_damping", "tendon_stiffness", "tendon_frictionloss"),
    *("actuator_gear", "actuator_gainprm", "actuator_biasprm", "actuator_forcerange"),
]


@pytest.mark.parametrize(
    ("target", "way", "value", "field", "expected"),
    [
        ("leg.mass", scale(0.5, 2.0), 1.5, "body_mass", lambda m: 1.5 * m),
        ("leg.mass", add(0.0, 2.0), 0.7, "body_mass", lambda m: m + 0.7),
        ("leg.mass", set_to(0.5, 2.0), 0.7, "body_mass", lambda m: 0.7),
        ("torso.com_x", add(-0.1, 0.1), 0.05, "body_ipos", lambda p: p + np.array([0.05, 0.0, 0.0])),
        ("floor.friction", scale(0.4, 1.5), 0.4, "geom_friction", lambda f: f * [0.4, 1.0, 1.0]),
        ("floor.torsional_friction", set_to(0.001, 0.1), 0.02, "geom_friction", lambda f: [f[0], 0.02, f[2]]),
        ("hip.damping", scale(0.5, 2.0), 2.0, "dof_damping", lambda d: 2.0 * d),
        ("joint:knee.damping", add(0.0, 1.0), 0.3, "dof_damping", lambda d: d + 0.3),
        ("knee.armature", set_to(0.05, 0.2), 0.2, "dof_armature", lambda a: 0.2),
        ("puck.frictionloss", set_to(0.0, 0.5), 0.5, "dof_frictionloss", lambda f: 0.5),  # in all six directions
        ("hip.stiffness", scale(0.5, 2.0), 0.5, "jnt_stiffness", lambda s: 0.5 * s),
        ("tendon:knee.stiffness", scale(0.5, 2.0), 0.5, "tendon_stiffness", lambda s: 0.5 * s),
        ("hip.gear", scale(Uniform(0.0, 1.0)), 0.0, "actuator_gear", lambda g: g * [0.0, 1, 1, 1, 1, 1]),
    ],
)
def test_a_value_changes_what_it_names_and_nothing_else(
    target: str, way: Any, value: float, field: str, expected: Callable[[Any], Any]
) -> None:
    nominal, changed = variant({target: way}, value)
    name = target.rpartition(".")[0].rpartition(":")[2]
    for other in FIELDS:
        before = getattr(nominal, other).copy()
        for row in object_rows(nominal, field, name):
            if other == field:
                before[row] = expected(before[row])
            elif other == "body_inertia" and field == "body_mass":
                before[row] *= changed.body_mass[row] / nominal.body_mass[row]
        np.testing.assert_allclose(getattr(changed, other), before, err_msg=other)


def test_a_pattern_names_several_and_a_star_all() -> None:
    family = family_of({"*.mass": scale(0.5, 2.0), "f*t.mass": add(0.0, 1.0), "joint:*.damping": add(0.0, 1.0)})
    assert family.space.names == ("mass", "f_t_mass", "damping")
    nominal, heavier = variant({"*.mass": scale(0.5, 2.0)}, 2.0)
    np.testing.assert_allclose(heavier.body_mass, 2.0 * nominal.body_mass)
    # What moves the robot as a whole through its world is no joint of its body.
    nominal, damped = variant({"joint:[!p]*.damping": add(0.0, 1.0)}, 1.0)
    changed = [
        nominal.joint(int(nominal.dof_jntid[d])).name for d in np.flatnonzero(damped.dof_damping != nominal.dof_damping)
    ]
    assert changed == ["hip", "knee"]


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_strength_scales_the_force_of_a_servo_and_not_where_it_goes(factor: float) -> None:
    forces = []
    for model in variant({"*.strength": scale(0.5, 2.0)}, factor):
        data = mujoco.MjData(model)
        servo, knee = model.actuator("servo").id, model.joint("knee").qposadr[0]
        for goal_position, position in ((0.1, 0.0), (0.3, 0.3), (-0.5, 0.0), (2.0, 0.0)):
            data.ctrl[servo], data.qpos[knee] = goal_position, position
            mujoco.mj_forward(model, data)
            forces.append(data.actuator_force[servo])
    np.testing.assert_allclose(forces[:4], [2.0, 0.0, -3.0, 6.0], atol=1e-9)  # kp times the error, within its limits
    np.testing.assert_allclose(forces[4:], factor * np.array(forces[:4]), atol=1e-9)


POLYNOMIALS = """
<mujoco><worldbody><site name="mark"/><body name="arm"><freejoint/><geom size="0.1"/><site name="tip"/>
  <body><joint name="hip" axis="0 1 0" damping="2 0.5 0.3" stiffness="3 0.4 0.2"/>
    <geom name="leg" size="0.1" pos="0 0 -0.3"/></body></body></worldbody>
  <tendon><fixed name="cord" damping="1 0.2 0.1" stiffness="5 0.6 0.3"><joint joint="hip" coef="1"/></fixed></tendon>
  <actuator><motor joint="hip" ctrlrange="-1 1"/>
  <general name="jet" site="tip" gear="0 3 4 0 1 2" ctrlrange="-1 1"/></actuator></mujoco>
"""


@pytest.mark.parametrize(
    ("target", "force"),
    [  # at 0.7 rad and 0.9 rad/s
        ("joint:hip.damping", -0.9 * (2.0 + 0.5 * 0.9 + 0.3 * 0.9**2)),
        ("tendon:cord.damping", -0.9 * (1.0 + 0.2 * 0.9 + 0.1 * 0.9**2)),
        ("joint:hip.stiffness", -0.7 * (3.0 + 0.4 * 0.7 + 0.2 * 0.7**2)),
        ("tendon:cord.stiffness", -0.7 * (5.0 + 0.6 * 0.7 + 0.3 * 0.7**2)),
    ],
)
def test_a_polynomial_is_scaled_as_a_whole(target: str, force: float) -> None:
    vary, forces = {target: scale(0.5, 2.0)}, []
    family = family_of(vary, model=POLYNOMIALS)
    assert isinstance(family.world, MujocoWorld)
    build = ModelBuilder(family.world.spec, family.space)
    for factor in (1.0, 2.0):
        model = build(family.space.row({family.space.names[0]: factor}))[0]
        data = mujoco.MjData(model)
        data.qpos[-1], data.qvel[-1] = 0.7, 0.9
        mujoco.mj_forward(model, data)
        forces.append(data.qfrc_passive[-1])
    assert forces[1] - forces[0] == pytest.approx(force)


def test_a_gear_in_space_is_scaled_as_a_whole() -> None:
    family = family_of({"jet.gear": scale(0.5, 2.0)}, model=POLYNOMIALS)
    assert isinstance(family.world, MujocoWorld)
    (model,) = ModelBuilder(family.world.spec, family.space)(family.space.row({"jet_gear": 2.0}))
    np.testing.assert_allclose(model.actuator("jet").gear, [0.0, 6.0, 8.0, 0.0, 2.0, 4.0])


@pytest.mark.parametrize("target", ["joint:hip.damping", "jet.gear", "tendon:cord.stiffness"])
def test_one_of_several_coefficients_is_not_set(target: str) -> None:
    for way in (add(0.0, 1.0), set_to(0.0, 1.0)):
        with pytest.raises(UserError, match=r"has further coefficients in the model: write scale\(low, high\)"):
            family_of({target: way}, model=POLYNOMIALS)


def test_gravity_is_scaled_as_a_whole() -> None:
    nominal, moon = variant({"option.gravity": scale(0.1, 1.0)}, 0.16)
    np.testing.assert_allclose(moon.opt.gravity, 0.16 * nominal.opt.gravity)


def test_constants_that_follow_from_a_centre_of_mass_are_up_to_date() -> None:
    _, changed = variant({"puck.com_x": add(-0.05, 0.05), "puck.mass": add(0.0, 1.0)}, 0.03, 0.5)
    spec = mujoco.MjSpec.from_string(ROBOT)
    puck, body = spec.body("puck"), spec.compile().body("puck")
    puck.explicitinertial = True
    puck.mass = float(body.mass[0]) + 0.5
    puck.inertia = body.inertia * puck.mass / body.mass[0]
    puck.ipos = body.ipos + np.array([0.03, 0.0, 0.0])
    compiled = spec.compile()
    for field in ("body_mass", "body_inertia", "body_ipos", "body_invweight0", "dof_invweight0", "dof_M0"):
        np.testing.assert_allclose(getattr(changed, field), getattr(compiled, field), rtol=1e-9, err_msg=field)


def lengthen(spec: mujoco.MjSpec, factor: float) -> None:
    spec.body("foot").pos *= factor
    spec.geom("thigh").fromto *= factor


def test_a_function_of_ones_own_changes_the_structure() -> None:
    nominal, longer = variant({"leg_length": scale(0.8, 1.2, edit=lengthen)}, 1.5)
    np.testing.assert_allclose(longer.body("foot").pos, 1.5 * nominal.body("foot").pos)
    assert longer.geom("thigh").size[1] == pytest.approx(1.5 * nominal.geom("thigh").size[1])


def test_a_parameter_is_taken_as_it_is_under_the_name_of_its_key() -> None:
    whole = Parameter("any", "two things at once", train=Uniform(0.0, 1.0), nominal=0.0, bounds=(0.0, 1.0))
    (parameter,) = family_of({"worn-out": whole}, lambda step: forward(step) - step.task["worn_out"]).space
    assert parameter.name == "worn_out"
    assert parameter.description == "two things at once"


def test_ranges_distributions_and_nominal_values_are_what_was_said() -> None:
    family = family_of(
        {
            "leg.mass": scale(0.5, 2.0, ood=((0.3, 0.5), (2.0, 3.0))),
            "*.friction": scale(Uniform(0.5, 1.5), bounds=(0.1, 3.0)),
            "hip.stiffness": set_to(2.0, 4.0, ood=(4.0, 5.0)),
            "goal_speed": goal(0.0, 2.0, unit="m/s"),
            "direction": goal(Choice((-1.0, 1.0))),
        },
        lambda step: step.task["direction"] * forward(step) - step.task["goal_speed"],
    )
    mass, friction, stiffness, speed, direction = family.space
    assert [str(p.train) for p in family.space] == ["logU(0.5, 2)", "U(0.5, 1.5)", "U(2, 4)", "U(0, 2)", "one of -1, 1"]
    assert [p.nominal for p in family.space] == [1.0, 1.0, 3.0, 1.0, 1.0]
    assert str(mass.ood) == "U(0.3, 0.5) or U(2, 3)"
    assert stiffness.ood is not None
    assert stiffness.ood.support == (4.0, 5.0)
    assert (stiffness.unit, speed.unit, mass.unit) == ("N m/rad", "m/s", "1")
    assert friction.bounds == (0.1, 3.0)
    assert mass.bounds[0] > 0.0, "nothing weighs nothing"
    assert direction.bounds == (-1.0, 1.0)
    assert family.splits == ("test", "ood")
    for parameter in (mass, stiffness):
        with pytest.raises(UserError, match="outside its physical range"):
            parameter.check(-1.0)
    assert not any(parameter.edits for parameter in (speed, direction)), "a goal does not change the robot"


def test_numpy_numbers_are_numbers() -> None:
    low, high, bounds, ood = np.float32(0.5), np.int64(2), np.array([0.125, 9.0]), np.array([[2.0, 3.0]])
    numpy = {"leg.mass": scale(cast(Any, low), cast(Any, high), bounds=cast(Any, bounds), ood=cast(Any, ood))}
    plain = {"leg.mass": scale(0.5, 2.0, bounds=(0.125, 9.0), ood=(2.0, 3.0))}
    assert family_of(numpy).space.digest == family_of(plain).space.digest


def test_what_a_floor_is_said_to_vary_it_does_vary() -> None:
    slides = []
    for friction in (0.2, 1.0, 1.5):
        _, model = variant({"floor.friction": scale(0.2, 1.5)}, friction)
        data = mujoco.MjData(model)
        data.joint("puck").qvel[0] = 2.0
        mujoco.mj_step(model, data, 100)
        slides.append(data.joint("puck").qpos[0])
    assert slides[0] > slides[1] > slides[2]


# -- the interface -----------------------------------------------------------------------------------------------------


def test_a_policy_sees_all_but_where_along_the_ground_the_robot_is() -> None:
    family = family_of({"leg.mass": scale(0.5, 2.0)})
    names = [name for name, _ in family.observations]
    assert names[:4] == ["z", "pitch", "hip", "knee"]
    # The puck is no robot: where it lies matters.
    assert names[4:11] == ["puck_x", "puck_y", "puck_z", *(f"puck_orientation_{part}" for part in "wxyz")]
    assert names[11:16] == ["x_velocity", "z_velocity", "pitch_velocity", "hip_velocity", "knee_velocity"]
    units = dict(family.observations)
    assert (units["z"], units["hip"], units["x_velocity"], units["hip_velocity"]) == ("m", "rad", "m/s", "rad/s")
    assert (units["puck_orientation_w"], units["puck_x_angular_velocity"]) == ("1", "rad/s")
    env = TaskBatchEnv(family, 2, 3)
    seen, state = env.reset(generator()), env.simulator.state
    torch.testing.assert_close(seen, torch.cat([state["qpos"][..., 1:], state["qvel"]], dim=-1).float())


def test_a_robot_that_moves_in_all_directions_hides_its_x_and_y() -> None:
    free = ROBOT.replace('<joint name="x" type="slide" axis="1 0 0"/>', "<freejoint/>")
    free = free.replace('<joint name="z" type="slide" axis="0 0 1"/>', "").replace(
        '<joint name="pitch" axis="0 1 0"/>', ""
    )
    free = free[: free.index("<keyframe>")] + "</mujoco>"
    family = family_of({"leg.mass": scale(0.5, 2.0)}, lambda step: step.after["qvel"][..., 0], model=free)
    names = [name for name, _ in family.observations]
    assert names[:2] == ["torso_z", "torso_orientation_w"]  # an unnamed joint is called after its body
    assert "torso_x_velocity" in names
    start = TaskBatchEnv(family, 2, 3)
    start.reset(generator())
    qpos = start.simulator.state["qpos"]
    torch.testing.assert_close(qpos[..., 3:7].norm(dim=-1), torch.ones(2, 3, dtype=torch.float64))
    assert len(qpos[..., 3].unique()) == 6


def test_a_fixed_robot_hides_nothing() -> None:
    cart = """
    <mujoco><worldbody><body><joint name="cart" type="slide" axis="1 0 0"/><geom size="0.1"/>
      <body><joint name="pole" axis="0 1 0"/><geom size="0.1" pos="0 0 0.5"/></body></body></worldbody>
    <actuator><motor joint="cart" ctrlrange="-1 1"/></actuator></mujoco>"""
    family = family_of({"cart.damping": set_to(0.0, 1.0)}, model=cart)
    assert [name for name, _ in family.observations] == ["cart", "pole", "cart_velocity", "pole_velocity"]
    assert family.space.parameters[0].unit == "N s/m", "a slide is damped per metre"


def test_actions_reach_from_one_end_of_each_control_range_to_the_other() -> None:
    family = family_of({"leg.mass": scale(0.5, 2.0)}, frame_skip=2)
    assert family.actions == (("hip", "-1 to 1"), ("servo", "-0.5 to 2"))
    assert family.dt == pytest.approx(0.02)
    env = TaskBatchEnv(family, 1, 4)
    env.reset(generator())
    state = {name: value.clone() for name, value in env.simulator.state.items()}
    env.step(torch.tensor([[[-1.0, -1.0], [0.0, 0.0], [0.25, 1.0], [3.0, -7.0]]]))
    controls = [(-1.0, -0.5), (0.0, 0.75), (0.25, 2.0), (1.0, -0.5)]
    assert isinstance(family.world, MujocoWorld)
    model = family.world.spec().compile()
    for episode, control in enumerate(controls):
        data = mujoco.MjData(model)
        data.qpos[:], data.qvel[:] = state["qpos"][0, episode], state["qvel"][0, episode]
        data.ctrl[:] = control
        mujoco.mj_step(model, data, 2)
        np.testing.assert_array_equal(env.simulator.state["qpos"][0, episode].numpy(), data.qpos)


def test_controls_that_are_actions_already_are_passed_on_untouched() -> None:
    family = family_of({"leg.mass": scale(0.5, 2.0)}, model=ROBOT.replace('ctrlrange="-0.5 2"', 'ctrlrange="-1 1"'))
    assert isinstance(family.world, MujocoWorld)
    assert family.world.control is None


def test_episodes_start_around_the_pose_of_a_keyframe() -> None:
    family = family_of({"leg.mass": scale(0.5, 2.0)}, keyframe="bent", reset_noise=0.001)
    env = TaskBatchEnv(family, 2, 3)
    env.reset(generator())
    bent = torch.tensor([0, 0.4, 0, 0.3, -0.6, 1, 0, 0.05, 1, 0, 0, 0], dtype=torch.float64)
    assert (env.simulator.state["qpos"] - bent).abs().max() < 0.002
    assert env.simulator.state["qvel"].abs().max() < 0.01


def test_a_function_may_see_sensors_and_decide_when_an_episode_ends() -> None:
    sensed = ROBOT.replace("<actuator>", '<sensor><jointpos name="hip" joint="hip"/></sensor><actuator>')
    family = family_of(
        {"leg.mass": scale(0.5, 2.0)},
        model=sensed,
        observe=lambda state, task: state["sensordata"],
        observations=(("hip", "rad"),),
        fields=("sensordata",),
        terminated=lambda state, task: state["qpos"][..., 3] > 0.0,
    )
    env = TaskBatchEnv(family, 2, 3)
    torch.testing.assert_close(env.reset(generator())[..., 0], env.simulator.state["qpos"][..., 3].float())
    step = env.step(torch.zeros(2, 3, 2))
    assert step.terminated is not None
    assert step.terminated.tolist() == (env.simulator.state["qpos"][..., 3] > 0.0).tolist()


# -- models ------------------------------------------------------------------------------------------------------------


def test_a_model_may_be_a_file_a_string_or_a_function(tmp_path: Path) -> None:
    (tmp_path / "walker.xml").write_text(ROBOT)
    vary = {"leg.mass": scale(0.5, 2.0)}

    def built() -> mujoco.MjSpec:
        return mujoco.MjSpec.from_string(ROBOT)

    by_file = TaskFamily.from_mjcf(tmp_path / "walker.xml", vary, forward)
    families = [by_file, TaskFamily.from_mjcf(str(tmp_path / "walker.xml"), vary, forward)]
    families += [TaskFamily.from_mjcf(model, vary, forward) for model in (ROBOT, built)]
    assert [family.name for family in families] == ["walker", "walker", "the-model", "built"]
    assert len({(family.observations, family.actions, family.space.digest) for family in families}) == 1


def test_the_name_is_the_one_that_was_given() -> None:
    for fields in ((), ("sensordata", "xpos")):
        assert family_of({"leg.mass": scale(0.5, 2.0)}, name="my-arm", fields=fields).name == "my-arm"


@pytest.mark.parametrize("head", ["", "\ufeff", "\n \n", "<!-- a robot -->", '\ufeff<?xml version="1.0"?>'])
def test_text_is_read_whatever_it_begins_with(head: str, tmp_path: Path) -> None:
    text = head + ROBOT.lstrip()
    (tmp_path / "robot.xml").write_text(text, encoding="utf-8")
    for model in (text, tmp_path / "robot.xml"):
        assert len(family_of({"leg.mass": scale(0.5, 2.0)}, model=model).actions) == 2


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("wide.xml", ROBOT.encode("utf-16"), "wide.xml is not UTF-8: save it in this encoding"),
        ("old.xml", ROBOT.replace("torso", "k\u00f6rper").encode("latin-1"), "old.xml is not UTF-8"),
        ("empty.xml", b"", "empty.xml does not load: ParseXML: empty file"),
        ("robot.mjb", b"MJB", "robot.mjb is not an MJCF file by its name: such names end in .xml"),
        (
            "part.xml",
            b'<mujoco><include file="rest.xml"/></mujoco>',
            "part.xml does not load: XML Error: Error opening",
        ),
        ("folder.xml", None, "folder.xml is a folder, not an MJCF file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(
    file: str, content: bytes | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is None:
        (tmp_path / file).mkdir()
    else:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(UserError) as refused:
        family_of({"leg.mass": scale(0.5, 2.0)}, model=file)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("model", ["", "  ", "a" * 5000, "\0", b"<mujoco/>", None, lambda: 1 / 0, lambda needed: None])
def test_what_is_no_model_is_refused_in_one_line(model: Any) -> None:
    with pytest.raises(UserError) as refused:
        family_of({"leg.mass": scale(0.5, 2.0)}, model=model)
    assert "\n" not in str(refused.value)


def test_assets_beside_the_file_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corners = [f"v {x} {y} {z}" for x in (-0.1, 0.1) for y in (-0.1, 0.1) for z in (-0.1, 0.1)]
    faces = [
        "f 1 2 4",
        "f 1 4 3",
        "f 5 7 8",
        "f 5 8 6",
        "f 1 5 6",
        "f 1 6 2",
        "f 3 4 8",
        "f 3 8 7",
        "f 1 3 7",
        "f 1 7 5",
    ]
    (tmp_path / "robot" / "meshes").mkdir(parents=True)
    (tmp_path / "robot" / "meshes" / "box.obj").write_text("\n".join([*corners, *faces, "f 2 6 8", "f 2 8 4"]))
    terrain = np.concatenate([np.array([8, 8], np.int32).view(np.uint8), np.ones(64, np.float32).view(np.uint8)])
    (tmp_path / "robot" / "hills.bin").write_bytes(terrain.tobytes())
    described = ROBOT.replace(
        "<worldbody>",
        '<asset><mesh name="box" file="meshes/box.obj"/>'
        '<hfield name="hills" file="hills.bin" size="1 1 0.1 0.1"/></asset><worldbody>'
        '<geom name="hills" type="hfield" hfield="hills" pos="9 0 0" priority="1"/>',
    ).replace('<geom size="0.1"/>', '<geom type="mesh" mesh="box"/>')
    (tmp_path / "robot" / "robot.xml").write_text(described)
    monkeypatch.chdir(tmp_path)
    family = family_of({"torso.mass": scale(0.5, 2.0), "leg": scale(0.8, 1.2, edit=lengthen)}, model="robot/robot.xml")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    env = TaskBatchEnv(family, 2, 1)
    env.load(family.tasks("test", 2))
    env.reset(generator())
    assert env.step(torch.zeros(2, 1, 2)).diverged is None


def test_what_has_no_name_is_called_after_its_body_and_an_actuator_after_what_it_drives() -> None:
    family = family_of({"foot.friction": scale(1.0, 2.0)}, model=ROBOT.replace(' priority="1"', ""))
    assert family.space.names == ("foot_friction",)
    assert family.actions[0][0] == "hip"


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "way", "message"),
    [
        ("leg.mas", scale(0.5, 2.0), "no property 'mas'; nearest: mass"),
        ("body:leg.damping", scale(0.5, 2.0), "no property 'damping'; there are: mass, com_x, com_y, com_z"),
        ("lag.mass", scale(0.5, 2.0), "no body 'lag' in the model; nearest: leg (also torso, foot, puck)"),
        (
            "toe.damping",
            scale(0.5, 2.0),
            "no joint or tendon 'toe' in the model; there are: x, z, pitch, hip, knee, puck",
        ),
        ("actuator:arm.gear", scale(0.5, 2.0), "no actuator 'arm' in the model; there are: hip, servo"),
        ("knee.damping", scale(0.5, 2.0), "ambiguous: write joint:knee.damping or tendon:knee.damping"),
        ("leg", scale(0.5, 2.0), "'leg' names no property: write NAME.PROPERTY, such as torso.mass"),
        ("leg.mass", (0.5, 2.0), "(0.5, 2.0) is not a way of varying"),
        ("knee.frictionloss", scale(0.5, 2.0), "ambiguous"),
        ("hip.frictionloss", scale(0.5, 2.0), "hip.frictionloss is 0 in the model and stays 0 when it is scaled"),
        ("*.mass", set_to(0.5, 2.0), "*.mass has several values in the model"),
        ("servo.strength", add(0.5, 2.0), "can only be scaled"),
        ("leg.mass", scale(0.0001, 2.0), "leg_mass: train 0.0001 to 2, is outside the physical range, 0.01 to 200"),
        ("leg.mass", add(-100.0, 2.0), "leg_mass: train -100 to 2, is outside the physical range"),
        ("leg.mass", scale(0.5, 2.0, ood=(1.5, 3.0)), "ood (1.5, 3) overlaps the training values, logU(0.5, 2)"),
        ("leg.mass", scale(0.5, 2.0, ood=(3.0, 2.5)), "give the smallest value, then the largest"),
        (
            "leg.mass",
            scale(0.5, 2.0, ood=cast(Any, (2.0, 3.0, 4.0))),
            "is not an interval (low, high) or several intervals",
        ),
        ("leg.mass", scale(0.5, 2.0, ood=cast(Any, 3.0)), "leg_mass: ood: 3.0 is not a distribution"),
        ("way", goal(Choice((0.0, 1.0)), labels={0.0: "on", 1.0: "on"}), "two of its labels are the same: on, on"),
        ("thigh.friction", scale(0.4, 1.5), "'floor' has 0.5; vary '*.friction'"),
        ("leg_length", set_to(0.1, 0.2, edit=lengthen), "set_to needs the nominal value"),
        ("leg_length", goal(0.1, 0.2, edit=lengthen), "a goal does not change the robot"),
        ("leg.mass", scale(0.5, 2.0, nominal=1.5), "leave out nominal, because the model has the nominal value"),
    ],
)
def test_what_cannot_vary_is_refused_in_one_line(target: str, way: Any, message: str) -> None:
    with pytest.raises(UserError) as refused:
        family_of({target: way})
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("make_way", "message"),
    [
        (lambda: scale(2.0, 0.5), "scale(2, 0.5): give the smallest value, then the largest"),
        (lambda: goal(1.0), "goal(1, None): give the smallest value"),
        (lambda: scale(0.0, 1.0), "write scale(Uniform(0, ...))"),
        (lambda: scale(Uniform(0.0, 1.0), 2.0), "scale(U(0, 1), 2.0): give a distribution, or the smallest"),
        (lambda: scale(0.5, cast(Any, "2")), "scale: the largest value must be a number, not '2'"),
        (lambda: goal(math.nan, 1.0), "goal: the smallest value must be a number, not nan"),
        (lambda: goal(0, 10**400), "goal: the largest value must be a number, not one of 1329 bits"),
        (lambda: scale(0.5, math.inf), "scale(0.5, inf): the range must be finite"),
        (lambda: scale(0.5, 2.0, **cast(Any, {"odd": (2.0, 3.0)})), "no option 'odd' in scale; nearest: ood"),
        (
            lambda: goal(cast(Any, [0.0, 1.0])),
            "goal: [0.0, 1.0] is not a distribution; give the smallest and the largest",
        ),
        (lambda: goal(Choice(())), "values of Choice must be a tuple of at least one number, not ()"),
    ],
)
def test_a_range_in_the_wrong_order_is_refused(make_way: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError) as refused:
        make_way()
    assert message in str(refused.value)


def test_a_robot_may_be_given_as_a_spec() -> None:
    spec = mujoco.MjSpec.from_string(ROBOT)
    family = family_of({"leg.mass": scale(0.5, 2.0)}, model=spec)
    assert family.observations == family_of({"leg.mass": scale(0.5, 2.0)}).observations


@pytest.mark.parametrize("kind", ["spec", "function", "file"])
def test_a_family_stays_what_it_was_if_its_model_changes_later(kind: str, tmp_path: Path) -> None:
    spec, file = mujoco.MjSpec.from_string(ROBOT), tmp_path / "robot.xml"
    file.write_text(ROBOT)
    family = family_of(
        {"leg.mass": scale(0.5, 2.0)}, model={"spec": spec, "function": lambda: spec, "file": file}[kind]
    )
    spec.option.timestep = 0.5
    file.write_text(ROBOT.replace("torso", "trunk"))
    assert isinstance(family.world, MujocoWorld)
    model = family.world.spec().compile()
    assert model.opt.timestep < 0.1
    assert model.body("torso").id == 1


def test_a_friction_that_another_hides_is_refused_with_the_way_out() -> None:
    with pytest.raises(UserError, match=r"give 'floor' priority=\"1\" in the model"):
        family_of({"floor.friction": scale(0.4, 1.5)}, model=ROBOT.replace(' priority="1"', ""))
    family_of({"*.friction": scale(0.4, 1.5)}, model=ROBOT.replace(' priority="1"', ""))


def sprout(spec: mujoco.MjSpec, count: float) -> None:
    for _ in range(round(count)):
        leg = spec.body("torso").add_body(mass=1.0, inertia=[1.0, 1.0, 1.0], explicitinertial=True)
        leg.add_joint()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "nowhere.xml"}, "no file nowhere.xml in /"),
        ({"model": "<mujoco><tree/></mujoco>"}, "the model does not load: XML Error: Schema violation"),
        (
            {"model": "<mujoco><worldbody><body><joint/></body></worldbody></mujoco>"},
            "does not compile: Error: mass and",
        ),
        ({"model": "<mujoco><worldbody><geom size='1'/></worldbody></mujoco>"}, "the model has no actuators"),
        ({"model": ROBOT.replace(' ctrlrange="-1 1"', "")}, "actuator 'hip' of the model has no control range"),
        (
            {
                "model": ROBOT.replace(
                    '<motor joint="hip" gear="10" ctrlrange="-1 1"/>', '<muscle joint="hip" lengthrange="-1 1"/>'
                )
            },
            "actuator 'hip' of the model has no control range; add one, such as ctrlrange=\"0 1\"",
        ),
        ({"model": lambda: "a string"}, "returns a str, not an MjSpec"),
        ({"vary": {}}, "vary is empty"),
        (
            {"vary": {"leg.mass": scale(0.5, 2.0), "body:leg.mass": scale(0.5, 2.0)}},
            "parameters: the name 'leg_mass' occurs 2 times",
        ),
        (
            {"vary": {"legs": add(0, 2, edit=sprout)}},
            "family 'mine': legs=2 changes the layout of the state: nq is 14 and not 12",
        ),
        (
            {"vary": {"legs": set_to(Choice((0.0, 1.0, 2.0)), nominal=0.0, edit=lambda s, n: sprout(s, n % 2.0))}},
            "family 'mine': legs=1 changes the layout of the state: nq is 13 and not 12",
        ),
        (
            {"vary": {"legs": set_to(Uniform(0.0, 0.4), nominal=0.0, edit=sprout, ood=(1.0, 2.0))}},
            "legs=1 changes the layout of the state",
        ),
        ({"vary": {"robot": goal(0.0, 1.0)}}, "a parameter cannot be called 'robot'"),
        ({"fields": ("sensrdata",)}, "no field of MjData 'sensrdata'; nearest: sensordata"),
        ({"fields": ("contact",)}, "'contact' of MjData is not an array of a fixed size, such as sensordata"),
        (
            {"fields": "sensordata"},
            'fields must be a tuple of names, such as ("sensordata", "xpos"), not \'sensordata\'',
        ),
        ({"camera": 0}, "no camera '0': there are none"),
        ({"keyframe": 0}, "no keyframe '0'; there are: bent"),
        ({"keyframe": "a\nb"}, "no keyframe 'a\\nb'; there are: bent"),
        ({"keyframe": np.zeros(2)}, "no keyframe '[0. 0.]'; there are: bent"),
        ({"vary": {"leg\n.mass": scale(0.5, 2.0)}}, "vary: 'leg\\n.mass' is not a target"),
        ({"frame_skip": 10**400}, "frame_skip must be at most 2147483647"),
        ({"frame_skip": 4.0}, "frame_skip must be a whole number, not 4.0"),
        ({"horizon": 1.5}, "horizon must be a whole number, not 1.5"),
        ({"init_std": math.nan}, "init_std must be a finite number, not nan"),
        ({"reset_noise": math.inf}, "reset_noise must be a finite number, not inf"),
        ({"name": ""}, "the name of a family must be a string, not ''"),
        ({"name": "my\narm"}, "the name of a family must be a string, not 'my\\narm'"),
        ({"summary": 5}, "summary must be a string, not 5"),
        ({"source": 5}, "source must be a Source, not 5"),
        ({"robots": {"old": 5}}, "robots: 'old': 5 must be a name and its parameters by name"),
        ({"robots": ["old"]}, "robots must be a mapping of names to parameters, not ['old']"),
        ({"vary": ["leg.mass"]}, "vary must be a mapping, such as"),
        ({"vary": {5: scale(0.5, 2.0)}}, "vary: 5 is not a target: write NAME.PROPERTY"),
        ({"vary": {"leg": scale(0.5, 2.0, edit=cast(Any, 5))}}, "leg: edit must be a function (spec, value), not 5"),
        (
            {"vary": {"leg": scale(0.5, 2.0, edit=cast(Any, lambda spec, value: 1 / 0))}},
            "the edit of leg=1 raises ZeroDivision",
        ),
        ({"vary": {"leg.mass": scale(0.5, 2.0, ood=cast(Any, ("a", "b")))}}, "is not an interval (low, high) or sev"),
        ({"vary": {"leg.mass": scale(0.5, 2.0, unit=cast(Any, 5))}}, "leg_mass: unit must be a string, not 5"),
        ({"vary": {"leg.mass": scale(0.5, 2.0, labels=cast(Any, 5))}}, "labels must be a mapping of values to names"),
        ({"model": 5}, "model must be an MJCF file, its text, an MjSpec or a function that makes one, not 5"),
        ({"keyframe": "bend"}, "no keyframe 'bend'; nearest: bent"),
        ({"camera": "side"}, "no camera 'side': there are none"),
        ({"frame_skip": 0}, "frame_skip must be at least 1, not 0"),
        ({"observe": lambda state, task: state["qpos"]}, "observe and observations must be given together"),
        (
            {"observe": lambda state, task: state["qpos"], "observations": (("z", "m"),)},
            "observe returns the shape [2, 3, 12]; 2 tasks of 3 episodes need [2, 3, 1]",
        ),
        (
            {"reward": lambda step: step.after["qvel"]},
            "reward returns the shape [2, 3, 11]; 2 tasks of 3 episodes need [2, 3]",
        ),
        ({"reward": lambda step: step.task["leg_mass"]}, "reward returns the shape [2, 1]"),
        ({"reward": lambda step: 1.0}, "reward returns a float, not a tensor"),
        ({"reward": lambda step: step.after["qpos"][..., 0] / 0.0 * 0.0}, "reward is not finite at the start"),
        (
            {"reset": lambda nominal, generator, task: {**nominal, "qvel": nominal["qvel"][:, :1]}},
            "reset of qvel returns the shape [2, 1, 11]; 2 tasks of 3 episodes need [2, 3, 11]",
        ),
        (
            {"observe_privileged_state": lambda state, task: state["qvel"][..., :1]},
            "family 'mine': observe_privileged_state and privileged_state must be given together",
        ),
        ({"shaping_reward": lambda step: step.after["qvel"][..., :1]}, "shaping_reward returns the shape [2, 3, 1]"),
        (
            {
                "observe_privileged_state": lambda state, task: state["qvel"][..., :2],
                "privileged_state": (("speed", "m/s"),),
            },
            "observe_privileged_state returns the shape [2, 3, 2]; 2 tasks of 3 episodes need [2, 3, 1]",
        ),
        ({"distance": lambda state, task: state["qpos"][..., :1]}, "distance returns the shape [2, 3, 1]"),
        ({"init_std": 0.0}, "init_std must be positive, not 0"),
        ({"reset_noise": -0.1}, "reset_noise must be at least 0, not -0.1"),
        (
            {"robots": {"old": {"leg_weight": 2.0}}},
            "family 'mine': robots: no parameter 'leg_weight' in robot 'old'; there are: leg_mass",
        ),
        ({"terminated": lambda state, task: state["qpos"][..., 0]}, "terminated returns torch.float64, not bool"),
    ],
)
def test_a_family_that_could_not_work_is_refused_in_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refused:
        family_of(**{"vary": {"leg.mass": scale(0.5, 2.0)}, **options})
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


# -- what one does with it ---------------------------------------------------------------------------------------------

TINY = {"meta_batch": 4, "episodes": 1, "hidden_size": 8}


def test_a_robot_of_ones_own_is_trained_on_and_adapted_to(tmp_path: Path) -> None:
    vary = {"leg.mass": scale(0.5, 2.0), "speed": goal(-1.0, 1.0)}
    family = family_of(vary, lambda step: forward(step) * step.task["speed"], horizon=10)
    rm.meta_train(family, "rl2", iterations=2, out=tmp_path, hyper=TINY, progress=False)
    policy = rm.load(tmp_path, family=family)
    adapted = rm.adapt(policy, family.task(leg_mass=1.5, speed=-0.5), episodes=1)
    assert adapted.return_after is not None
    assert np.isfinite(adapted.return_after)
    world = FamilyEnv(family, task={"leg_mass": 1.7})
    assert [e.length for e in rm.adapt(policy, rm.wrap(world, horizon=10), episodes=1).history] == [10]


# check_env remarks that physical quantities have no bounds, which is so.
@pytest.mark.filterwarnings("ignore:.*A Box observation space (minimum|maximum) value is -?infinity:UserWarning")
def test_a_robot_of_ones_own_is_a_gymnasium_environment() -> None:
    check_env(FamilyEnv(family_of({"leg.mass": scale(0.5, 2.0)}), task={"leg_mass": 1.5}), skip_render_check=True)

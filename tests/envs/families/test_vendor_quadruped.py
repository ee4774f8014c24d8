"""Vendors' quadrupeds: whatever names, axes, signs and units a file has, the robot stands and moves as ours does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.envs.families.quadruped.model import JOINTS, LEGS, STAND, quadruped
from robotmeta.envs.families.quadruped.parameters import NOMINAL
from robotmeta.envs.families.quadruped.robots import ROBOTS
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import UserError
from tests.vendor_robots import Vendor

OURS = rm.make("quadruped")
assert isinstance(OURS.world, MujocoWorld)
BUILD = ModelBuilder(OURS.world.spec, OURS.space)
PLAIN = Vendor()
VENDORS = {
    "plain": PLAIN,
    "degrees": Vendor(degrees=True),
    "flipped": Vendor(flip=(-1, -1, -1), bent=0.4),
    "shuffled": Vendor(corners=("hr", "fl", "hl", "fr"), names="motor_{k}{i}", flip=(-1, 1, -1)),
    "servos": Vendor(actuator="position", foot="box"),
    "capsules": Vendor(foot="capsule", in_trunk=True),
    "fixed feet": Vendor(foot="fixed", degrees=True, bent=-0.7, flip=(1, -1, 1)),
    "hip first": Vendor(hip_first=True),
    "along y": Vendor(turn=(0.0, 0.0, math.pi / 2)),
    "z up is y": Vendor(turn=(-math.pi / 2, 0.0, 0.0), lies=(math.pi / 2, 0.0, 0.0)),
    "on its side": Vendor(lies=(math.pi / 2, 0.0, 0.4), turn=(0.0, 0.0, 0.3)),
    "pitched": Vendor(lies=(0.0, 0.5, 1.0)),
    "no ranges": Vendor(ranges=None, bent=1.2),
    "mirrored": Vendor(ranges=((-3.0, 1.5), (0.5, 2.7))),
    "turned ranges": Vendor(ranges=((2.0 * math.pi - 1.5, 2.0 * math.pi + 2.0), (-2.7, -0.5))),
}


def read(vendor: Vendor, folder: Path, **parts: str) -> rm.VendorRobot:
    file = folder / "robot.xml"
    file.write_text(vendor.xml(**parts))
    return rm.read_robot(file)


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return VENDORS[request.param]


def worlds(robot: rm.VendorRobot, episodes: int = 1) -> rm.TaskBatchEnv:
    env = rm.TaskBatchEnv(robot.family, 1, episodes)
    env.load(robot.task)
    return env


def test_joints_are_mapped_by_kinematics(vendor: Vendor, tmp_path: Path) -> None:
    robot = read(vendor, tmp_path)
    joints = {row[0]: row[1] for row in robot.understood[0].rows}
    assert joints == {f"{leg}_{kind}": vendor.name(leg, kind) for leg, kind in (j.split("_") for j in JOINTS)}


def test_it_stands_in_our_pose(vendor: Vendor, tmp_path: Path) -> None:
    """After a second with actions of zero, the hips are where they began, and the observed angles are near zero."""
    robot = read(vendor, tmp_path)
    env = worlds(robot)
    env.reset(torch.Generator().manual_seed(0))
    step = None
    for _ in range(50):
        step = env.step(torch.zeros(1, 1, 12))
        assert step.terminated is not None
        assert not step.terminated.any()
    assert step is not None
    names = [name for name, _ in robot.family.observations]
    seen = dict(zip(names, step.observation[0, 0].tolist(), strict=True))
    assert max(abs(seen[joint]) for joint in JOINTS) < 0.15
    assert seen["gravity_z"] < -0.99
    height = math.cos(STAND["hip"]) * 0.2 + math.cos(STAND["hip"] + STAND["knee"]) * 0.2 + 0.02
    (stood,) = (row[1] for row in robot.understood[1].rows if row[0] == "hips above the ground, standing")
    assert float(stood.split()[0]) == pytest.approx(height, abs=0.015)


def test_an_action_moves_the_foot_as_it_moves_ours(vendor: Vendor, tmp_path: Path) -> None:
    """Also where the axes are reversed, or the knee bends to the other side."""
    robot = read(vendor, tmp_path)
    (ours,) = BUILD(OURS.task(thigh_length=0.2, calf_length=0.2, hip_offset=0.08))
    theirs = compiled(robot)
    standing = [foot(theirs, robot, leg) for leg in LEGS], [foot(ours, None, leg) for leg in LEGS]
    for joint in JOINTS:
        leg = joint.split("_")[0]
        place = list(LEGS).index(leg)
        moved = foot(theirs, robot, leg, joint) - standing[0][place]
        expected = foot(ours, None, leg, joint) - standing[1][place]
        assert np.linalg.norm(expected) > 0.02
        # An abduction axis that hangs on the thigh is not level when the robot stands.
        assert moved == pytest.approx(expected, abs=0.01 if vendor.hip_first else 0.006), joint


def compiled(robot: rm.VendorRobot) -> mujoco.MjModel:
    assert isinstance(robot.family.world, MujocoWorld)
    return robot.family.world.spec().compile()


def foot(model: mujoco.MjModel, robot: rm.VendorRobot | None, leg: str, joint: str | None = None) -> np.ndarray:
    """Where a foot settles, forward, left and up, in the frame of a trunk that is held in the air, ``[3]``."""
    model.opt.gravity[:] = 0.0
    data = mujoco.MjData(model)
    if robot is not None:
        zero = torch.zeros(1, 1, model.nq), torch.zeros(1, 1, model.nv)
        start = robot.family.reset({"qpos": zero[0], "qvel": zero[1]}, torch.Generator(), {})
        data.qpos[:] = start["qpos"][0, 0].double().numpy()
    data.qpos[2] = 1.0
    held = data.qpos[:7].copy()
    if joint is not None:
        data.ctrl[model.actuator(joint).id] = 0.3
    for _ in range(round(0.6 / model.opt.timestep)):
        mujoco.mj_step(model, data)
        data.qpos[:7], data.qvel[:6] = held, 0.0
    mujoco.mj_kinematics(model, data)
    where = data.geom(f"{leg}_foot").xpos if robot is None else data.site(f"tip_{leg}").xpos
    return where - data.qpos[:3]


# -- the policy --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shuffled", "capsules"])
def test_the_policy_walks_after_three_episodes(name: str, tmp_path: Path) -> None:
    robot = read(VENDORS[name], tmp_path).under(payload_mass=1.0)
    adapted = rm.adapt(rm.load("pretrained:quadruped"), robot, evaluation_episodes=2)
    after = [episode for episode in adapted.history if episode.phase == "after"]
    assert len(after) == 2
    assert all(episode.success for episode in after)


@pytest.mark.slow
def test_a_robot_whose_knees_bend_the_other_way_does_not_fall_after_three_episodes(tmp_path: Path) -> None:
    robot = read(VENDORS["mirrored"], tmp_path)
    adapted = rm.adapt(rm.load("pretrained:quadruped"), robot, evaluation_episodes=2)
    assert [episode.ended for episode in adapted.history if episode.phase == "after"] == ["time limit"] * 2


def test_conditions_do_what_they_say(tmp_path: Path) -> None:
    robot = read(PLAIN, tmp_path)
    build = ModelBuilder(compiled_spec(robot), robot.family.space)
    (plain,), (changed,) = build(robot.task), build(robot.under(payload_mass=2.0, strength_fl=0.5, friction=0.3).task)
    assert changed.body_mass.sum() - plain.body_mass.sum() == pytest.approx(2.0, abs=1e-4)
    servo = changed.actuator("fl_knee")
    assert servo.forcerange[1] == pytest.approx(0.5 * plain.actuator("fl_knee").forcerange[1])
    assert changed.geom_friction[:, 0].min() == pytest.approx(0.3)
    (stiff,) = build(robot.under(stiffness=2.0, strength_fl=0.5).task)
    assert stiff.actuator("fr_hip").gainprm[0] == pytest.approx(2.0 * plain.actuator("fr_hip").gainprm[0])
    assert stiff.actuator("fl_hip").gainprm[0] == pytest.approx(plain.actuator("fl_hip").gainprm[0])
    (broken,) = build(robot.under(faulty_joint="fl_hip", fault="locked").task)
    assert broken.eq_active0.sum() == 1
    assert broken.actuator("fl_hip").gainprm[0] == 0.0


def compiled_spec(robot: rm.VendorRobot) -> Callable[[], mujoco.MjSpec]:
    assert isinstance(robot.family.world, MujocoWorld)
    return robot.family.world.spec


# -- one row from a model ----------------------------------------------------------------------------------------------


def test_a_model_of_ours_gives_its_own_row(tmp_path: Path) -> None:
    """The row of a robot, built as a model, written as a file and read again, is the row."""
    published = ROBOTS["spot"].row
    (model,) = BUILD(OURS.robot("spot"))
    assert isinstance(OURS.world, MujocoWorld)
    spec = quadruped({**NOMINAL, **published})
    file = tmp_path / "spot.xml"
    file.write_text(spec.to_xml())
    row = rm.read_robot(file).row
    assert row == pytest.approx(published, rel=2e-3)
    assert OURS.task(**row).values.shape == OURS.robot("spot").values.shape
    assert model.body_mass.sum() > 0.0


def test_forward_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "robot.xml"
    file.write_text(PLAIN.xml())
    backward = rm.read_robot(file, forward="-x")
    joints = {row[0]: row[1] for row in backward.understood[0].rows}
    assert joints["fl_hip"] == PLAIN.name("hr", "hip")
    with pytest.raises(UserError, match="its abduction axes lie along x of the root body, so that forward is x or -x"):
        rm.read_robot(file, forward="y")
    with pytest.raises(UserError, match="no direction 'north'"):
        rm.read_robot(file, forward="north")


def test_a_row_is_measured(tmp_path: Path) -> None:
    row = read(VENDORS["flipped"], tmp_path).row
    assert row["trunk_mass"] == pytest.approx(7.0)
    assert row["trunk_length"] == pytest.approx(0.38, abs=1e-6)
    assert row["trunk_width"] == pytest.approx(0.12, abs=1e-6)
    assert row["hip_offset"] == pytest.approx(0.08, abs=1e-6)
    assert (row["thigh_length"], row["calf_length"]) == pytest.approx((0.2, 0.2), abs=1e-6)
    assert (row["hip_mass"], row["thigh_mass"], row["calf_mass"]) == pytest.approx((0.5, 0.8, 0.2))
    assert (row["hip_torque"], row["knee_torque"]) == (25.0, 40.0)


# -- scenes and files --------------------------------------------------------------------------------------------------

BALL = '<body name="ball" pos="3 0 1"><freejoint/><geom size=".1"/></body>'
STAIRS = '<geom name="ground" type="plane" size="9 9 1"/><geom name="step" type="box" size=".1 .1 .1" pos=".2 0 .1"/>'


def test_a_scene_is_left_out_and_named(tmp_path: Path) -> None:
    robot = read(PLAIN, tmp_path, world=STAIRS + BALL)
    assert any("ground, step, ball" in note for note in robot.notes)
    assert {"step", "ground", "ball"}.isdisjoint(body_names(compiled(robot)))


def body_names(model: mujoco.MjModel) -> set[str]:
    return {model.geom(g).name for g in range(model.ngeom)} | {model.body(b).name for b in range(model.nbody)}


def test_a_file_that_includes_the_robot_reads_the_same(tmp_path: Path) -> None:
    plain = read(PLAIN, tmp_path)
    scene = tmp_path / "scene.xml"
    scene.write_text(
        '<mujoco><include file="robot.xml"/><worldbody><geom type="plane" size="1 1 1"/></worldbody></mujoco>'
    )
    assert rm.read_robot(scene).row == plain.row


def test_missing_meshes_are_said_once_and_physics_goes_on(tmp_path: Path) -> None:
    assets = '<asset><mesh name="shell" file="shell.stl"/><mesh name="lid" file="lid.obj"/></asset>'
    shown = (
        '<geom type="mesh" mesh="shell" mass="0" contype="0" conaffinity="0"/><geom type="mesh" mesh="lid" mass="0"/>'
    )
    robot = read(PLAIN, tmp_path, body=shown, more=assets)
    assert sum("Missing files: 2 meshes" in note for note in robot.notes) == 1
    assert robot.row == read(PLAIN, tmp_path).row


def test_a_package_is_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "maker" / "models").mkdir(parents=True)
    (tmp_path / "maker" / "__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "maker" / "models" / "dog.xml").write_text(PLAIN.xml())
    monkeypatch.syspath_prepend(tmp_path)
    assert rm.read_robot("maker:models/dog.xml").name == "dog.xml"
    with pytest.raises(UserError, match=r"package 'maker' has no file cat\.xml"):
        rm.read_robot("maker:cat.xml")
    with pytest.raises(UserError, match="no package 'nobody' is installed"):
        rm.read_robot("nobody:dog.xml")


def test_other_joints_are_locked(tmp_path: Path) -> None:
    arm = '<body pos="0 0 .1"><joint name="elbow" axis="0 1 0"/><geom size=".03" mass=".5" pos=".2 0 0"/></body>'
    robot = read(PLAIN, tmp_path, body=arm)
    assert any("elbow" in note for note in robot.notes)
    env = worlds(robot)
    env.reset(torch.Generator().manual_seed(0))
    for _ in range(25):
        env.step(torch.zeros(1, 1, 12))
    model = compiled(robot)
    assert abs(float(env.simulator.state["qpos"][0, 0, model.joint("elbow").qposadr[0]])) < 0.05


def test_a_keyframe_says_where_other_joints_stay(tmp_path: Path) -> None:
    arm = '<body pos="0 0 .1"><joint name="elbow" axis="0 1 0"/><geom size=".03" mass=".5" pos=".2 0 0"/></body>'
    key = f'<keyframe><key qpos="0 0 1 1 0 0 0 -1.2 {"0 " * 12}"/></keyframe>'
    robot = read(PLAIN, tmp_path, body=arm, more=key)
    env = worlds(robot)
    env.reset(torch.Generator().manual_seed(0))
    for _ in range(25):
        env.step(torch.zeros(1, 1, 12))
    elbow = compiled(robot).joint("elbow").qposadr[0]
    assert float(env.simulator.state["qpos"][0, 0, elbow]) == pytest.approx(-1.2, abs=0.05)


def test_defaults_are_said(tmp_path: Path) -> None:
    robot = read(dataclasses.replace(PLAIN, torque=None, ranges=None), tmp_path)
    said = " ".join(robot.notes)
    assert "No torque limit in the file" in said
    assert "No range in the file" in said
    unactuated = read(dataclasses.replace(PLAIN, actuator="none"), tmp_path)
    assert any("No actuators in the file" in note for note in unactuated.notes)


# -- refusals ----------------------------------------------------------------------------------------------------------

SECOND = """<body name="other" pos="3 0 1"><freejoint/><geom size=".1"/>
<body><joint axis="1 0 0"/><geom size=".1"/></body><body><joint axis="1 0 0"/><geom size=".1"/></body>
<body><joint axis="1 0 0"/><geom size=".1"/></body></body>"""
TENDON = """<tendon><fixed name="t"><joint joint="j0_1" coef="1"/></fixed></tendon>
<actuator><motor tendon="t"/></actuator>"""
MUSCLE = '<actuator><muscle joint="j0_1"/></actuator>'

REFUSED = {
    "a hexapod": (Vendor(legs=6), {}, "6 legs of three hinges"),
    "no actuators that are known": (Vendor(actuator="velocity"), {}, "driven by a velocity servo"),
    "an actuator too many": (PLAIN, {"more": MUSCLE}, "2 actuators"),
    "a muscle": (Vendor(actuator="none"), {"more": MUSCLE}, "'muscle'"),
    "one actuator only": (
        Vendor(actuator="none"),
        {"more": '<actuator><motor joint="j0_1"/></actuator>'},
        "no actuator on",
    ),
    "a tendon": (
        Vendor(actuator="none"),
        {"more": TENDON},
        "driven by a tendon",
    ),
    "two robots": (PLAIN, {"world": SECOND}, "2 robots in one file, other, chassis"),
    "fixed to the world": (Vendor(free=False), {}, "no body moves freely"),
    "feet that touch nothing": (Vendor(foot="none"), {}, "no geom at the end"),
    "weak motors": (Vendor(torque=(1.0, 1.0)), {}, "cannot stand: after 1 s"),
    "narrow ranges": (Vendor(ranges=((-0.1, 0.1), (-2.7, -0.5))), {}, "the hip 'j0_1' would be at"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_quadruped_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    vendor, parts, said = REFUSED[case]
    with pytest.raises(UserError) as refused:
        read(vendor, tmp_path, **parts)
    message = str(refused.value)
    assert said in message
    assert message.startswith("robot.xml")
    assert "\n" not in message


def test_a_mesh_that_makes_the_mass_must_exist(tmp_path: Path) -> None:
    assets, heavy = '<asset><mesh name="shell" file="shell.stl"/></asset>', '<geom type="mesh" mesh="shell"/>'
    with pytest.raises(UserError, match="the mass of body 'body' follows from the mesh 'shell'"):
        read(PLAIN, tmp_path, body=heavy, more=assets)


def test_a_family_without_a_reader_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="family 'push' reads no vendors' robots; these do: quadruped"):
        rm.read_robot(tmp_path / "robot.xml", "push")


# -- what a file may have besides the robot ----------------------------------------------------------------------------


def edited(folder: Path, edit: Callable[[mujoco.MjSpec], object], vendor: Vendor = PLAIN) -> rm.VendorRobot:
    """A robot whose file was changed by a function."""
    spec = mujoco.MjSpec.from_string(vendor.xml())
    edit(spec)
    spec.compile()
    (folder / "edited.xml").write_text(spec.to_xml())
    return rm.read_robot(folder / "edited.xml")


def mass(robot: rm.VendorRobot, family: rm.TaskFamily | None = None) -> float:
    world = (robot.family if family is None else robot.as_family(family)).world
    assert isinstance(world, MujocoWorld)
    return float(world.spec().compile().body_mass.sum())


@pytest.mark.parametrize(
    "setting",
    ['inertiafromgeom="true"', 'settotalmass="20"', 'boundmass="0.3"', 'inertiafromgeom="true" boundmass="2"'],
)
def test_masses_that_settings_decide_are_the_same_in_every_world(setting: str, tmp_path: Path) -> None:
    text = PLAIN.xml(body='<inertial pos="0 0 0" mass="3" diaginertia=".1 .1 .1"/>')
    text = text.replace("<compiler ", f"<compiler {setting} ")
    (tmp_path / "robot.xml").write_text(text)
    robot = rm.read_robot(tmp_path / "robot.xml")
    expected = float(mujoco.MjModel.from_xml_string(text).body_mass.sum())
    assert mass(robot) == pytest.approx(expected, rel=1e-4)
    assert mass(robot, OURS) == pytest.approx(expected, rel=1e-4)


def _on_actuators(spec: mujoco.MjSpec) -> None:
    for actuator in spec.actuators:
        actuator.gear[0], actuator.forcerange = 2.0, np.array(actuator.forcerange) / 2.0
        actuator.armature, actuator.damping[0] = 0.025, 0.1


def _on_joints(spec: mujoco.MjSpec) -> None:
    for joint in spec.joints:
        if joint.type == mujoco.mjtJoint.mjJNT_HINGE:
            joint.armature += 0.1
            joint.damping[0] += 0.4


def test_rotors_on_actuators_count_as_those_on_joints(tmp_path: Path) -> None:
    one, other = (compiled(edited(tmp_path, edit)) for edit in (_on_actuators, _on_joints))
    assert np.allclose(one.dof_armature, other.dof_armature)
    assert np.allclose(one.dof_damping, other.dof_damping)
    assert not one.actuator_armature.any()


def test_options_that_the_family_does_not_have_are_left_out_and_named(tmp_path: Path) -> None:
    def edit(spec: mujoco.MjSpec) -> None:
        spec.option.gravity = [0.0, 0.0, -1.62]
        spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_LIMIT) | int(mujoco.mjtDisableBit.mjDSBL_CONTACT)
        spec.memory = 20_000  # too little for a robot on its feet

    robot = edited(tmp_path, edit)
    model, plain = compiled(robot), compiled(read(PLAIN, tmp_path))
    assert model.opt.gravity.tolist() == plain.opt.gravity.tolist()
    assert model.opt.disableflags == plain.opt.disableflags
    said = "Left out of the options of the file: gravity of 0 0 -1.62, limit switched off, contact switched off."
    assert said in robot.notes


def test_a_solver_that_saves_iterations_is_replaced_and_named(tmp_path: Path) -> None:
    """As in files for simulation on a GPU, with which feet slide."""

    def edit(spec: mujoco.MjSpec) -> None:
        spec.option.iterations, spec.option.ls_iterations, spec.option.tolerance = 1, 5, 1e-3
        spec.option.solver = mujoco.mjtSolver.mjSOL_CG

    robot, usual = edited(tmp_path, edit), compiled(read(PLAIN, tmp_path)).opt
    found = compiled(robot).opt
    for name in ("solver", "iterations", "ls_iterations", "tolerance"):
        assert getattr(found, name) == getattr(usual, name), name
    assert "Left out of the options of the file: a solver that saves iterations." in robot.notes
    assert not any("solver" in note for note in read(PLAIN, tmp_path).notes)


HELD = {
    "weld": '<equality><weld body1="chassis"/></equality>',
    "connect": '<equality><connect body1="chassis" anchor="0 0 .1"/></equality>',
    "rope": '<tendon><spatial><site site="hook"/><site site="tip_fl"/></spatial></tendon>',
}


@pytest.mark.parametrize("how", HELD)
def test_what_holds_a_robot_in_its_scene_is_left_out_and_said(how: str, tmp_path: Path) -> None:
    robot = read(PLAIN, tmp_path, world='<site name="hook" pos="0 0 2"/>', more=HELD[how])
    assert "Constraints and tendons that hold the robot in the scene are left out." in robot.notes
    assert compiled(robot).neq == compiled(read(PLAIN, tmp_path)).neq


LOOSE_ENDS = {
    "camera": {"body": '<camera mode="targetbody" target="box"/>'},
    "light": {"body": '<light mode="targetbody" target="box"/>'},
    "tuple": {"more": '<custom><tuple name="t"><element objtype="body" objname="box"/></tuple></custom>'},
    "cloth": {
        "more": "",
        "cloth": '<flexcomp name="c" type="grid" count="3 3 1" spacing=".1 .1 .1" radius=".01" dim="2"/>',
    },
}


@pytest.mark.parametrize("case", LOOSE_ENDS)
def test_what_refers_to_the_scene_goes_with_it(case: str, tmp_path: Path) -> None:
    parts = dict(LOOSE_ENDS[case])
    scene = f'<body name="box" pos="2 0 0"><geom size=".1"/></body>{parts.pop("cloth", "")}'
    robot = read(PLAIN, tmp_path, world=scene, **parts)
    assert compiled(robot).nbody == compiled(read(PLAIN, tmp_path)).nbody
    assert any("Left out of the scene: box" in note for note in robot.notes)


def test_feet_that_touch_the_floor_by_pairs_are_feet(tmp_path: Path) -> None:
    def edit(spec: mujoco.MjSpec) -> None:
        spec.worldbody.add_geom(name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[5.0, 5.0, 0.1])
        feet = [geom for geom in spec.geoms if geom.type == mujoco.mjtGeom.mjGEOM_SPHERE and geom.size[0] == 0.02]
        for number, geom in enumerate(feet):
            geom.name, geom.contype, geom.conaffinity = f"foot {number}", 0, 0
            spec.add_pair(geomname1="floor", geomname2=geom.name)

    assert edited(tmp_path, edit).row == pytest.approx(dict(read(PLAIN, tmp_path).row), abs=1e-4)


def test_a_ball_joint_is_locked_too(tmp_path: Path) -> None:
    neck = '<joint name="neck" type="ball"/><geom size=".05" pos=".1 0 0" mass="1"/>'
    robot = read(PLAIN, tmp_path, body=f'<body name="head" pos=".2 0 .1">{neck}</body>')
    assert "Joints that belong to no leg are locked: neck." in robot.notes
    env = worlds(robot)
    env.reset(torch.Generator().manual_seed(0))
    for _ in range(50):
        env.step(torch.zeros(1, 1, 12))
    model = compiled(robot)
    at = int(model.joint("neck").qposadr[0])
    assert float(env.simulator.state["qpos"][0, 0, at]) > 0.995  # the cosine of half the angle


@pytest.mark.parametrize("zero", [-0.8, -0.4, 0.8, 1.6, 2.2])
@pytest.mark.parametrize("limited", [True, False])
def test_the_zero_of_the_abduction_does_not_matter(zero: float, limited: bool, tmp_path: Path) -> None:
    """Feet may cross below the trunk, and legs may lie on their outer side, in the pose of the file."""

    def edit(spec: mujoco.MjSpec) -> None:
        for corner, (_, side) in LEGS.items():
            joint, turn = spec.joint(PLAIN.name(corner, "abduction")), np.zeros(4)
            mujoco.mju_axisAngle2Quat(turn, np.array([1.0, 0.0, 0.0]), side * zero)
            joint.parent.quat = turn
            joint.range = np.array(joint.range) - side * zero
            if not limited:
                joint.limited = mujoco.mjtLimited.mjLIMITED_FALSE

    robot, plain = edited(tmp_path, edit), read(PLAIN, tmp_path)
    assert robot.row == pytest.approx(dict(plain.row), abs=1e-3)
    assert [row[:3] for row in robot.understood[0].rows] == [row[:3] for row in plain.understood[0].rows]


def test_a_limit_that_is_missed_is_that_of_our_pose(tmp_path: Path) -> None:
    (tmp_path / "robot.xml").write_text(Vendor(ranges=((-1.5, 3.0), (-2.7, -1.7))).xml())
    with pytest.raises(UserError, match=r"the knee 'j0_2' would be at -1\.\d+ rad, and its range is -2\.70 to -1\.70"):
        rm.read_robot(tmp_path / "robot.xml")


def test_a_robot_in_millimetres_is_refused(tmp_path: Path) -> None:
    def edit(spec: mujoco.MjSpec) -> None:
        for item in (*spec.bodies[1:], *spec.geoms, *spec.sites):
            item.pos = 1e3 * np.array(item.pos)
        for geom in spec.geoms:
            geom.size, geom.fromto, geom.density = 1e3 * np.array(geom.size), 1e3 * np.array(geom.fromto), 1e-6

    with pytest.raises(UserError, match=r"robots have 0\.05 to 3 m: are its units meters and kilograms\?"):
        edited(tmp_path, edit)


def test_names_and_priorities_of_the_vendor_do_not_meet_ours(tmp_path: Path) -> None:
    neck = '<joint name="fl_hip" axis="0 0 1"/><geom size=".05" priority="2147483647"/>'
    assert compiled(read(PLAIN, tmp_path, body=f'<body name="head" pos=".2 0 .1">{neck}</body>')).neq == 13
    with pytest.raises(UserError, match="'robotmeta_payload' has a name that begins with robotmeta_, as ours do"):
        read(PLAIN, tmp_path, body='<body name="robotmeta_payload"><geom size=".01"/></body>')

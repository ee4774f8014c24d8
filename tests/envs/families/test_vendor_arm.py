"""Vendors' arms: what is understood of an MJCF file, and how it acts with the family's interface."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import mujoco
import pytest
import torch

import robotmeta as rm
from robotmeta.envs import TaskBatchEnv, VendorRobot
from robotmeta.envs.families.gripper.model import HEIGHT, OPENING
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.simulators.mujoco_cpu import MujocoSimulator
from robotmeta.errors import UserError
from tests.vendor_arms import Arm
from tests.vendor_robots import Vendor

ARMS = {
    "six joints, servos": Arm(),
    "seven joints, motors, other signs, tilted hand": Arm(
        joints=7, actuator="motor", gripper="one axis", tilt="0 0 .7"
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("arms")


@cache
def _read(folder: Path, arm: Arm, family: str) -> VendorRobot:
    file = folder / f"arm{abs(hash(arm))}.xml"
    file.write_text(arm.xml())
    return rm.read_robot(file, family)


def _refused(tmp_path: Path, text: str, family: str = "grasp") -> str:
    file = tmp_path / "arm.xml"
    file.write_text(text)
    with pytest.raises(UserError) as error:
        rm.read_robot(file, family)
    assert "\n" not in str(error.value)
    return str(error.value)


def _worlds(robot: VendorRobot, **conditions: float) -> TaskBatchEnv:
    env = TaskBatchEnv(robot.family, 1, 2, threads=1)
    env.load(robot.under(**conditions).task)
    env.reset(torch.Generator().manual_seed(0))
    return env


def _run(env: TaskBatchEnv, action: list[float], steps: int) -> torch.Tensor:
    """Repeats an action and returns the last observations, ``[episode, observation]``."""
    seen = [env.step(torch.tensor(action).expand(1, 2, -1)).observation for _ in range(steps)]
    return seen[-1][0]


def _simulated(env: TaskBatchEnv) -> tuple[mujoco.MjModel, mujoco.MjData]:
    assert isinstance(env.simulator, MujocoSimulator)
    return env.simulator.world()


@pytest.mark.parametrize("name", ARMS)
def test_a_hand_points_down_above_the_table_and_moves_as_the_family_says(name: str, folder: Path) -> None:
    robot = _read(folder, ARMS[name], "grasp")
    before = rm.make("grasp")
    assert robot.family.observations == before.observations
    assert robot.family.actions == before.actions
    env = _worlds(robot)
    start = _run(env, [0.0] * 5, 1)
    assert start[:, 0].abs().max() < 0.04
    moved = _run(env, [0.3, -0.3, 0.1, 0.3, 0.0], 10)
    still = _run(env, [0.0] * 5, 15)
    targets = [0.06, -0.06, 0.02, 0.24]
    torch.testing.assert_close(still[:, :4] - start[:, :4], torch.tensor([targets] * 2), atol=0.008, rtol=0.0)
    assert (moved[:, 5] > 0.05).all()  # the velocity along x
    assert still[:, 10:14].abs().max() < 0.006  # the hand is at its targets
    model, data = _simulated(env)
    mujoco.mj_kinematics(model, data)
    tips = [data.geom_xpos[i] for i in range(model.ngeom) if model.geom(i).size[2] == pytest.approx(0.03)]
    assert abs(tips[0][2] - tips[1][2]) < 0.003  # both fingers are level
    assert tips[0][2] == pytest.approx(HEIGHT + float(still[0, 2]) + 0.018, abs=0.004)


@pytest.mark.parametrize("name", ARMS)
def test_fingers_close_on_an_object_and_lift_it(name: str, folder: Path) -> None:
    env = _worlds(_read(folder, ARMS[name], "grasp"), half_width=0.02, mass=0.1)
    model, _ = _simulated(env)
    at = int(model.jnt_qposadr[model.body_jntadr[model.body("object").id]])
    for _ in range(45):  # a policy by hand: over the object, down, close
        seen = env._observation()
        place, along = seen[0, :, 17:20], seen[0, :, 20:23]
        yaw = torch.atan2(along[:, 1], along[:, 0])
        near = (place[:, :2].norm(dim=-1) < 0.01) & (yaw.abs() < 0.1)
        down = torch.where(near, 10.0 * place[:, 2], 0.0)
        x, y = torch.cos(seen[0, :, 3]), torch.sin(seen[0, :, 3])
        to = torch.stack([x * place[:, 0] - y * place[:, 1], y * place[:, 0] + x * place[:, 1]], dim=-1)
        closed = (near & (place[:, 2].abs() < 0.012)).float()
        env.step(torch.cat([8.0 * to, torch.stack([down, 2.0 * yaw, closed], dim=-1)], dim=-1).unsqueeze(0))
    seen = _run(env, [0.0, 0.0, 0.0, 0.0, 1.0], 15)
    assert (seen[:, 15:17] > 3.0).all()  # both pads touch it
    assert ((OPENING - seen[:, 4]) - 0.04).abs().max() < 0.004
    _run(env, [0.0, 0.0, 0.4, 0.0, 0.0], 12)
    assert (env.simulator.state["qpos"][0, :, at + 2] > 0.07).all()


def test_an_arm_without_a_gripper_reaches(folder: Path) -> None:
    robot = _read(folder, Arm(gripper="none"), "reach")
    env = _worlds(robot)
    straight = _run(env, [0.3, 0.0, 0.0], 8)
    env = _worlds(robot, gantry_turn=math.pi / 2)
    turned = _run(env, [0.3, 0.0, 0.0], 8)
    assert (straight[:, 3] > 0.1).all()  # along x
    assert (turned[:, 4] > 0.1).all()  # along y: the axes of its motion are rotated
    sagging = _run(_worlds(robot, payload=1.0), [0.0] * 3, 12)[:, 2] - _run(_worlds(robot), [0.0] * 3, 12)[:, 2]
    assert (sagging < -1e-4).all()
    with pytest.raises(UserError, match="too heavy"):
        _worlds(_read(folder, Arm(gripper="none"), "reach"), payload=2.5, strength=0.05)


def test_its_numbers_and_what_it_lacks_are_said(folder: Path) -> None:
    robot = _read(folder, Arm(limits=False, actuator="none"), "grasp")
    said = str(robot)
    for text in ("0 to 80 mm", "20 mm wide", "behind the middle of the table", "base_0"):
        assert text in said
    assert "Limits of force are missing" in said
    assert "Joints without an actuator" in said
    assert robot.row == {"finger_width": pytest.approx(0.02, abs=1e-6)}
    with pytest.raises(UserError, match="finger_width"):
        robot.under(finger_width=0.02)


def test_meshes_and_masses_of_the_vendor_stay(folder: Path) -> None:
    arm = Arm()
    robot = _read(folder, arm, "grasp")
    assert isinstance(robot.family.world, MujocoWorld)
    model, _ = _simulated(TaskBatchEnv(robot.family, 1, 1, threads=1))
    bodies = [b for b in range(model.nbody) if model.body(b).name.startswith("arm/")]
    vendor = mujoco.MjModel.from_xml_string(arm.xml())
    assert model.body_mass[bodies].sum() == pytest.approx(vendor.body_mass.sum(), abs=1e-6)


def test_the_same_seed_gives_the_same_numbers(folder: Path) -> None:
    robot = _read(folder, Arm(), "grasp")
    first, second = (_run(_worlds(robot), [0.1, 0.2, -0.2, 0.1, 0.5], 10) for _ in range(2))
    assert torch.equal(first, second)


def test_what_it_sees_is_of_the_present_state_and_task(folder: Path) -> None:
    robot = _read(folder, ARMS["six joints, servos"], "reach")
    family, env = robot.family, _worlds(robot)
    env.step(torch.tensor([0.5, 0.0, 0.0]).expand(1, 2, -1))
    state, task = env.simulator.state, robot.task.columns()
    turned = robot.under(gantry_turn=0.4).task.columns()
    seen, aside = family.observe(state, task), family.observe(state, turned)
    assert not torch.allclose(seen, aside)
    assert torch.equal(family.observe(state, task), seen)
    state["qpos"][:, 1] += 0.05  # in place, as a simulator does
    now = family.observe(state, task)
    assert torch.equal(now[:, 0], seen[:, 0])
    assert not torch.allclose(now[:, 1], seen[:, 1])
    assert torch.equal(now, family.observe({name: value.clone() for name, value in state.items()}, task))


def test_what_is_no_arm_is_refused_in_one_line(tmp_path: Path) -> None:
    arm = Arm()
    assert "'base' moves freely" in _refused(tmp_path, Arm(base="<freejoint/>").xml())
    assert "2 arms in one file" in _refused(tmp_path, arm.xml(world=arm.body("other", "0 1 0")))
    torso = "<mujoco><worldbody><body name='torso'><geom size='.1'/>{}{}</body></worldbody></mujoco>"
    limbs = torso.format(arm.body("left", "0 .3 0"), arm.body("right", "0 -.3 0"))
    assert "'torso' carries several limbs" in _refused(tmp_path, limbs)
    door = "<mujoco><worldbody><body name='door'><joint/><geom size='.1'/></body></worldbody></mujoco>"
    assert "is no arm: no chain of 3 or more joints" in _refused(tmp_path, door)


@pytest.mark.slow
def test_an_arm_that_cannot_grasp_is_refused_with_what_was_understood(tmp_path: Path) -> None:
    understood = "an arm of 6 joints, 'base_0' to 'base_5'"
    for gripper, why in (
        ("none", "which carries nothing that moves: a grasp needs a parallel gripper"),
        ("hinges", "which carries 'body_7' (1 hinge), 'body_8' (1 hinge)"),
        ("unlimited", "have no ranges"),
    ):
        said = _refused(tmp_path, Arm(gripper=gripper).xml())
        assert understood in said
        assert why in said
    assert "a grasp needs 6 joints" in _refused(tmp_path, Arm(joints=5).xml())
    short = _refused(tmp_path, Arm(scale=0.25).xml())
    assert "it reaches 0.32 m" in short
    assert "misses a point by" in short
    assert "driven by a velocity servo" in _refused(tmp_path, Arm(actuator="velocity").xml())
    assert "driven by an actuator of kind" in _refused(tmp_path, Arm(actuator="muscle").xml())


# -- grippers, constraints and options ---------------------------------------------------------------------------------


def _changed(tmp_path: Path, edit: Callable[[mujoco.MjSpec], object], family: str = "grasp") -> VendorRobot:
    """An arm whose file was changed by a function."""
    spec = mujoco.MjSpec.from_string(Arm(actuator="motor").xml())
    edit(spec)
    spec.compile()
    (tmp_path / "changed.xml").write_text(spec.to_xml())
    return rm.read_robot(tmp_path / "changed.xml", family)


def _said(robot: VendorRobot, what: str) -> str:
    return next(row[1] for listing in robot.understood for row in listing.rows if row[0] == what)


def _one_motor(spec: mujoco.MjSpec) -> None:
    spec.add_actuator(target="base_l", trntype=mujoco.mjtTrn.mjTRN_JOINT, ctrlrange=[-8, 8], ctrllimited=True)
    mirror = spec.add_equality(type=mujoco.mjtEq.mjEQ_JOINT, objtype=mujoco.mjtObj.mjOBJ_JOINT)
    mirror.name1, mirror.name2, mirror.data[1] = "base_l", "base_r", 1.0


def _two_motors(spec: mujoco.MjSpec) -> None:
    for finger in ("base_l", "base_r"):
        spec.add_actuator(target=finger, trntype=mujoco.mjtTrn.mjTRN_JOINT, ctrlrange=[-5, 5], ctrllimited=True)


@pytest.mark.parametrize(("edit", "force"), [(_one_motor, "up to 4 N"), (_two_motors, "up to 5 N")])
def test_fingers_press_as_hard_as_the_vendors_motors(
    edit: Callable[[mujoco.MjSpec], object], force: str, tmp_path: Path
) -> None:
    assert _said(_changed(tmp_path, edit), "force of the fingers") == force


@pytest.mark.parametrize(
    ("constraint", "line"),
    [
        ('<joint joint1="base_2" joint2="base_1"/>', "joints 'base_2' and 'base_1' are coupled by a constraint"),
        ('<joint joint1="base_3"/>', "joint 'base_3' is locked by a constraint"),
        ('<weld body1="base_hand"/>', "'base_hand' and 'world' are joined by a constraint"),
    ],
)
def test_a_constraint_on_the_arm_is_refused(constraint: str, line: str, tmp_path: Path) -> None:
    text = Arm().xml(more=f"<equality>{constraint}</equality>")
    assert line in _refused(tmp_path, text)


def test_a_jaw_is_no_joint_of_the_arm(tmp_path: Path) -> None:
    """A hand with one fixed and one moving jaw, as cheap arms have."""

    def edit(spec: mujoco.MjSpec) -> None:
        hand = spec.body("base_hand")
        hand.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.01, 0.005, 0.05], pos=[0, -0.02, 0.06], mass=0.05)
        jaw = hand.add_body(name="jaw", pos=[0, 0.02, 0.02])
        jaw.add_joint(name="grip", axis=[1, 0, 0], range=[-0.2, 1.7])
        jaw.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.01, 0.005, 0.045], pos=[0, 0, 0.045], mass=0.05)
        for finger in ("base_l", "base_r"):
            spec.delete(spec.body(finger))

    assert len(_changed(tmp_path, edit, "reach").understood[0].rows) == 6
    with pytest.raises(UserError, match=r"an arm of 6 joints.*which carries 'jaw' \(1 hinge\)"):
        _changed(tmp_path, edit)


def test_a_leg_of_a_quadruped_is_no_arm(tmp_path: Path) -> None:
    assert "carries several limbs" in _refused(tmp_path, Vendor(free=False).xml(), "reach")


def test_options_of_the_file_change_neither_the_numbers_nor_the_world(tmp_path: Path) -> None:
    def edit(spec: mujoco.MjSpec) -> None:
        spec.option.gravity = [0.0, 0.0, -1.62]

    robot, plain = _changed(tmp_path, edit), _changed(tmp_path, lambda spec: None)
    assert [listing.rows for listing in robot.understood] == [listing.rows for listing in plain.understood]
    assert "Left out of the options of the file: gravity of 0 0 -1.62." in robot.notes


def test_rotors_on_actuators_give_the_servos_their_gains(tmp_path: Path) -> None:
    def on_actuators(spec: mujoco.MjSpec) -> None:
        for actuator in spec.actuators:
            actuator.armature = 0.5

    def on_joints(spec: mujoco.MjSpec) -> None:
        for number in range(6):
            spec.joint(f"base_{number}").armature += 0.5

    one, other = (_changed(tmp_path, edit, "reach") for edit in (on_actuators, on_joints))
    assert one.understood[0].rows == other.understood[0].rows


@pytest.mark.parametrize("forward", ["x", "y", "-x", "-y"])
def test_an_arm_that_turns_all_around_finds_the_table_on_each_side(forward: str, tmp_path: Path) -> None:
    (tmp_path / "arm.xml").write_text(Arm().xml())
    assert rm.read_robot(tmp_path / "arm.xml", "grasp", forward=forward).row["finger_width"] > 0.0

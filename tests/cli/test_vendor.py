"""``--robot``: a vendor's robot on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import robotmeta as rm
from robotmeta.cli import main
from tests.vendor_arms import Arm
from tests.vendor_robots import Vendor

Refused = Callable[[list[str]], str]
POLICY = "pretrained:quadruped"
SHORT = ["--episodes", "1", "--evaluation-episodes", "0"]


@pytest.fixture
def robot(tmp_path: Path) -> Path:
    file = tmp_path / "dog.xml"
    file.write_text(Vendor(names="leg{i}/servo{k}", degrees=True).xml())
    return file


def test_families_says_what_it_understands_of_a_robot(
    robot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, described = tmp_path / "dog.png", tmp_path / "dog.json"
    main(["families", "quadruped", "--robot", str(robot), "--robot-picture", str(picture), "--json", str(described)])
    said = capsys.readouterr().out
    for text in ("leg0/servo0", "fl_abduction", "natural speed", "nearest published robot"):
        assert text in said
    assert json.loads(described.read_text())["row"]["thigh_length"] == pytest.approx(0.2)
    with Image.open(picture) as drawn:
        assert drawn.size == (960, 720)


def test_a_family_prints_its_interface(capsys: pytest.CaptureFixture[str]) -> None:
    main(["families", "quadruped"])
    said = capsys.readouterr().out
    for text in ("angles are 0 when the robot stands", "outward", "trunk's frame", "Reward of a control step"):
        assert text in said


@pytest.mark.slow
def test_adapt_acts_on_a_robot_under_conditions(
    robot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, written = tmp_path / "a.safetensors", tmp_path / "a.json"
    conditions = ["--task", "payload_mass=1.5", "speed=0.2"]
    main(["adapt", POLICY, "--robot", str(robot), *conditions, *SHORT, "--out", str(out), "--json", str(written)])
    said = capsys.readouterr().out
    assert "dog.xml, payload_mass = 1.5 kg, speed = 0.2 sqrt(g L)" in said
    assert "Episode 1 of 1" in said
    task = json.loads(written.read_text())["task"]
    assert (task["payload_mass"], task["speed"], task["thigh_length"]) == pytest.approx((1.5, 0.2, 0.2))
    assert rm.load(out, family="quadruped").belief is not None


@pytest.mark.slow
def test_adapt_grasps_with_an_arm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, picture, written = tmp_path / "arm.xml", tmp_path / "arm.png", tmp_path / "arm.json"
    file.write_text(Arm(actuator="none").xml())
    shown = ["--robot-picture", str(picture), "--json", str(written)]
    main(["adapt", "pretrained:grasp", "--robot", str(file), "--task", "shape=cylinder", "mass=0.3", *SHORT, *shown])
    said = " ".join(capsys.readouterr().out.split())
    for text in ("arm.xml, read as 'grasp'", "'base_l'", "behind the middle of the table", "get a servo too"):
        assert text in said
    assert "arm.xml, shape = cylinder, mass = 0.3 kg" in said
    assert json.loads(written.read_text())["task"]["finger_width"] == pytest.approx(0.02, abs=1e-6)
    with Image.open(picture) as drawn:
        assert drawn.size == (960, 720)


def test_the_row_of_a_model_is_a_task(robot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["adapt", POLICY, "--task", f"robot={robot}", "friction=0.5", *SHORT])
    said = " ".join(capsys.readouterr().out.split())
    assert "thigh_length = 0.2 m" in said
    assert "friction = 0.5" in said


def test_mistakes_are_one_line(robot: Path, tmp_path: Path, refused: Refused) -> None:
    adapt = ["adapt", POLICY, "--robot", str(robot)]
    assert "no parameter 'mass'" in refused([*adapt, "--task", "mass=3"])
    assert "is the model for --fit and --fine-tune" in refused([*adapt, "--env", "HalfCheetah-v5"])
    assert "is a .png file" in refused([*adapt, "--robot-picture", "dog.jpg"])
    assert "--robot-picture is for --robot" in refused(["adapt", POLICY, "--robot-picture", "dog.png"])
    assert "reads no vendors' robots" in refused(["adapt", "pretrained:cheetah-velocity", "--robot", str(robot)])
    assert "is no arm: 'chassis' moves freely" in refused(["adapt", "pretrained:grasp", "--robot", str(robot)])
    assert "no file" in refused(["adapt", POLICY, "--robot", str(tmp_path / "cat.xml")])
    assert "needs a family" in refused(["families", "--robot", str(robot)])


@pytest.mark.parametrize("given", [["--robot-forward", "-x"], ["--robot-forward=-x"]])
def test_a_negative_direction_is_no_option(given: list[str], robot: Path, tmp_path: Path) -> None:
    described = tmp_path / "dog.json"
    main(["families", "quadruped", "--robot", str(robot), *given, "--json", str(described)])
    joints = dict(row[:2] for row in json.loads(described.read_text())["tables"][0]["rows"])
    assert joints["fl_abduction"] == "leg3/servo0"

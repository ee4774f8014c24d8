"""``robotmeta families``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from robotmeta.cli import main


@pytest.mark.smoke
def test_families_are_described_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["families", "cheetah-dynamics", "--json", str(tmp_path / "family.json")])
    described = json.loads((tmp_path / "family.json").read_text())
    assert [p["name"] for p in described["parameters"]][:2] == ["mass", "friction"]
    printed = capsys.readouterr().out
    assert "leg_length" in printed
    for title, key in (("Source", "citation"), ("Reward", "reward"), ("Differences", "differences")):
        assert (f"{title}: {described['source'][key]}\n" in printed) == bool(described["source"][key])


def test_the_curriculum_of_a_family_is_among_what_is_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["families", "quadruped-stairs", "--json", str(tmp_path / "family.json")])
    described = json.loads((tmp_path / "family.json").read_text())["curriculum"]
    assert (described["column"], described["levels"][-1]) == ("difficulty", 0.6)
    printed = " ".join(capsys.readouterr().out.split())
    assert "Curriculum of meta-training: difficulty 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6 for each terrain; up" in printed


UNREAD = """
from robotmeta import TaskFamily
from robotmeta.envs import goal

ARM = '''<mujoco><worldbody><body><joint name="hinge" axis="0 1 0"/><geom size="0.1" pos="0 0 -0.3"/></body></worldbody>
<actuator><motor joint="hinge" ctrlrange="-1 1"/></actuator></mujoco>'''

def family():
    return TaskFamily.from_mjcf(ARM, {"speed": goal(0.0, 1.0)}, lambda step: step.after["qvel"][..., 0])
"""


@pytest.mark.filterwarnings("default::robotmeta.errors.ModelWarning")
def test_a_warning_on_a_model_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "unread.py").write_text(UNREAD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    main(["families", "unread.py:family"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("robotmeta: family 'the-model': parameter speed has no effect on motion, observations or")


def test_the_example_of_a_named_robot_can_be_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(
        "import dataclasses, numpy, robotmeta as rm\n"
        "def family():\n"
        "    robots = {'big one': {'goal_x': numpy.float32(0.25)}}\n"
        "    return dataclasses.replace(rm.make('point-navigation'), robots=robots)\n"
    )
    monkeypatch.chdir(tmp_path)
    main(["families", "mine.py:family", "--json", "f.json"])
    assert "as in --task 'robot=big one'" in capsys.readouterr().out
    assert json.loads(Path("f.json").read_text())["robots"] == {"big one": {"goal_x": 0.25}}

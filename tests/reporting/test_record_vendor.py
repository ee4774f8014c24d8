"""Videos of a vendor's robot: the policy acts in the robot's own world."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import robotmeta as rm
from tests.vendor_robots import Vendor


@pytest.mark.slow
def test_a_vendors_robot_is_filmed_at_each_stage(tmp_path: Path) -> None:
    file = tmp_path / "dog.xml"
    file.write_text(Vendor().xml())
    whole = rm.read_robot(file).under(payload_mass=1.0)
    robot = dataclasses.replace(whole, family=dataclasses.replace(whole.family, horizon=6))
    policy = rm.load("pretrained:quadruped")
    film = rm.record(policy, robot, out=tmp_path / "dog.gif", episodes=1, width=64, height=48)
    assert film.stages == ("without adaptation", "after 1 episode")
    assert film.file.stat().st_size > 500
    adapted = rm.adapt(policy, robot, episodes=1, evaluation_episodes=0)
    again = rm.record(policy, robot, out=tmp_path / "again.gif", adapted=adapted, width=64, height=48)
    assert len(again.returns) == 2

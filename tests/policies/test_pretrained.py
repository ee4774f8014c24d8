"""The meta-trained policies that ship load, and do what they are there for."""

from __future__ import annotations

from pathlib import Path

import pytest

import robotmeta as rm

pytestmark = [pytest.mark.slow, pytest.mark.smoke]


@pytest.mark.parametrize("name", rm.pretrained())
def test_a_policy_that_ships_has_a_checksum(name: str, tmp_path: Path) -> None:
    file = Path(rm.__file__).parent / "policies" / "pretrained" / f"{name}.safetensors"
    data = bytearray(file.read_bytes())
    data[-10] ^= 1  # in a weight
    (tmp_path / file.name).write_bytes(data)
    with pytest.raises(rm.UserError, match="is damaged"):
        rm.load(tmp_path / file.name)


_GRASPING = ("grasp", "panda-grasp")


# An object nearly at the goal has nearly the return of one at the goal, so grasping is tested by success, below.
@pytest.mark.parametrize("name", [name for name in rm.pretrained() if name not in _GRASPING])
def test_a_policy_that_ships_beats_its_zero_shot_control_on_held_out_tasks(name: str) -> None:
    policy = rm.load(f"pretrained:{name}")
    tasks = 200 if name == "quadruped-commands" else 40  # returns differ more from command to command than by robot
    evaluation = rm.evaluate(policy, tasks=tasks, episodes=[0, 2], controls=("zero_shot",))
    curves = evaluation.curves("return")
    assert curves["adapted"].ci95[-1][0] > curves["zero_shot"].ci95[-1][1], evaluation.verdict()


@pytest.mark.parametrize("name", _GRASPING)
def test_objects_that_were_never_trained_on_are_held_where_they_should_be_after_adaptation(name: str) -> None:
    evaluation = rm.evaluate(rm.load(f"pretrained:{name}"), tasks=40, episodes=[0, 2], controls=("zero_shot",))
    success = evaluation.curves("success")
    assert success["adapted"].mean[-1] >= 0.85
    assert success["adapted"].ci95[-1][0] > success["zero_shot"].ci95[-1][1], evaluation.verdict()


def test_real_robots_that_were_never_trained_on_walk_as_fast_as_they_are_told() -> None:
    evaluation = rm.evaluate(rm.load("pretrained:quadruped"), split="robots", episodes=[0, 2], controls=("zero_shot",))
    success = evaluation.curves("success")
    assert success["adapted"].mean[-1] >= 0.9
    assert success["zero_shot"].mean[-1] <= 0.5


def test_a_loaded_robot_that_was_never_trained_on_walks_as_fast_as_it_is_told() -> None:
    policy = rm.load("pretrained:quadruped")
    loaded = policy.family.robot("go2", payload_mass=1.7)
    evaluation = rm.evaluate(policy, tasks=loaded.repeat(5), episodes=[0, 2], controls=("zero_shot",))
    assert evaluation.curves("success")["adapted"].mean[-1] == 1.0

"""What a robot may be asked to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.errors import EnvironmentFailed, TrainingDiverged, UserError
from tests.robots import Robot, point_policy, replacing

pytestmark = pytest.mark.filterwarnings("ignore:only the number of observations and actions:UserWarning")


def test_the_limit_of_steps_is_never_exceeded_and_what_was_collected_counts() -> None:
    for most, lengths, done in ((8, [5, 3], 1), (1, [1], 0), (10, [5, 5], 2)):
        robot = Robot()
        adapted = rm.adapt(point_policy(), rm.wrap(robot, horizon=5, max_steps=most), episodes=3)
        assert len(robot.actions) == most
        assert [episode.length for episode in adapted.history] == lengths
        assert (adapted.episodes, adapted.stopped) == (done, f"the limit of {most} steps (max_steps) is reached")
    exact = rm.adapt(point_policy(), rm.wrap(Robot(), horizon=5, max_steps=15), episodes=3)
    assert (exact.episodes, exact.stopped) == (3, None)


def test_a_world_whose_steps_are_used_up_moves_no_more() -> None:
    robot = Robot()
    world = rm.wrap(robot, horizon=5, max_steps=5)
    rm.adapt(point_policy(), world, episodes=1)
    with pytest.raises(UserError, match="all 5 steps that max_steps allows are made"):
        world.step(torch.zeros(1, 1, 2))
    place = robot.place
    with pytest.raises(UserError, match="all 5 steps that max_steps allows are made"):
        rm.adapt(point_policy(), world, episodes=1)
    assert len(robot.actions) == 5
    assert robot.place is place, "not even reset"


def test_the_stop_function_sees_what_the_environment_returned_and_ends_the_adaptation() -> None:
    seen: list[tuple[Any, float, dict[str, Any]]] = []

    def stop(observation: Any, reward: float, info: dict[str, Any]) -> bool:
        seen.append((observation, reward, info))
        return info.get("tilt", 0.0) > 1.0

    robot = Robot(at=7, step=replacing(4, {"tilt": 1.5}))
    adapted = rm.adapt(point_policy(), rm.wrap(robot, horizon=5, stop=stop), episodes=3, evaluation_episodes=2)
    assert [(e.length, e.ended) for e in adapted.history] == [(5, "time limit"), (2, "stopped")]
    assert adapted.stopped == "the stop function said so"
    assert adapted.return_before is adapted.return_after is None
    assert len(seen) == len(robot.actions) == 7
    np.testing.assert_array_equal(seen[-1][0], robot.place)


def test_a_limit_that_is_reached_as_the_simulation_diverges_ends_the_adaptation() -> None:
    robot = Robot(at=2, step=replacing(4, {"diverged": True}))
    adapted = rm.adapt(point_policy(), rm.wrap(robot, horizon=5, max_steps=2), episodes=3)
    assert [(e.length, e.ended) for e in adapted.history] == [(1, "broke")]
    assert adapted.stopped == "the limit of 2 steps (max_steps) is reached"


def test_a_stop_function_that_fails_ends_the_adaptation_too() -> None:
    robot = Robot()
    with pytest.raises(EnvironmentFailed, match="in step 1 of episode 1: its stop function raised ZeroDivisionError"):
        rm.adapt(point_policy(), rm.wrap(robot, horizon=5, stop=lambda seen, reward, info: bool(1 / 0)), episodes=3)
    assert len(robot.actions) == 1


def test_actions_stay_within_their_limit_and_their_rate() -> None:
    robot = Robot()
    policy = point_policy(init_std=2.0)
    adapted = rm.adapt(policy, rm.wrap(robot, horizon=20, action_limit=0.5, action_rate=0.2), episodes=2)
    assert [episode.length for episode in adapted.history] == [20, 20]
    actions = np.array(robot.actions).reshape(2, 20, 2)
    changes = np.diff(np.concatenate([np.zeros((2, 1, 2)), actions], axis=1), axis=1)
    assert np.abs(actions).max() == pytest.approx(0.5)
    assert np.abs(changes).max() == pytest.approx(0.2)


def test_actions_that_are_not_finite_never_reach_a_robot() -> None:
    robot = Robot()
    world = rm.wrap(robot, horizon=5)
    world.reset(torch.Generator())
    with pytest.raises(TrainingDiverged, match="not finite"):
        world.step(torch.tensor([[[0.0, float("nan")]]]))
    assert robot.actions == []


@pytest.mark.parametrize("name", ["max_steps", "timeout", "action_limit", "action_rate", "stop"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), "1"])
def test_a_limit_that_is_none_is_refused(name: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"{name} must be "):
        rm.wrap(Robot(), horizon=5, **{name: value})

"""A robot with LeRobot's methods: observations by name, regular control steps, and always disconnected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import robotmeta as rm
from tests.real_robots import GOAL, Clock, SimulatedRobot, robot_env
from tests.robots import arrays, point_policy


def test_signals_are_matched_by_name_and_actions_are_in_the_robots_unit() -> None:
    clock = Clock()
    robot = SimulatedRobot(clock)
    env = robot_env(robot, clock)
    assert (env.observation_names, env.action_names) == (("y", "x"), ("dy", "dx"))
    with rm.wrap(env) as world:
        adapted = rm.adapt(point_policy("rl2", meta_batch=2), world, episodes=1)
    assert adapted.episodes == 1
    sent = [entry for entry in robot.log if isinstance(entry, dict)]
    assert len(sent) == 20
    assert max(abs(value) for action in sent for value in action.values()) <= 2.0
    assert (robot.log[0], robot.log[-1]) == ("connect", "disconnect")


def test_rewards_are_of_what_was_seen_after_the_step(tmp_path: Path) -> None:
    clock = Clock()
    file = tmp_path / "episodes.npz"
    with rm.wrap(robot_env(SimulatedRobot(clock), clock)) as world:
        rm.adapt(point_policy("rl2", meta_batch=2), world, episodes=2, episodes_out=file)
    found = arrays(file)
    assert found["lengths"].tolist() == [20, 20]
    after = found["observations"][1:20]  # of the policy's order: x, y
    np.testing.assert_allclose(
        found["rewards"][:19], -np.hypot(after[:, 0] - GOAL[0], after[:, 1] - GOAL[1]), atol=1e-5
    )


def test_the_observation_before_a_step_is_not_the_one_after_it() -> None:
    class InPlace(SimulatedRobot):
        """Its driver writes every observation into the same dict and the same array."""

        seen: dict[str, Any]

        def get_observation(self) -> dict[str, Any]:
            now = super().get_observation()
            if not hasattr(self, "seen"):
                self.seen = {**now, "camera": np.zeros(2)}
            self.seen["x"] = now["x"]
            self.seen["camera"] += 1.0
            return self.seen

    def moved(before: Mapping[str, Any], action: Mapping[str, Any], after: Mapping[str, Any]) -> float:
        changes.append(after["x"] - before["x"])
        return float((after["camera"] - before["camera"])[0])

    clock = Clock()
    changes: list[float] = []
    settings: dict[str, Any] = {"dt": 0.1, "bounds": (-2.0, 2.0), "prepare": lambda robot: robot.restart()}
    env = rm.RobotEnv(InPlace(clock), reward=moved, clock=clock, sleep=clock.sleep, **settings)
    env.reset()
    assert [env.step(np.ones(2))[1] for _ in range(3)] == [1.0, 1.0, 1.0]
    assert all(changes)


@pytest.mark.parametrize("which", ["terminated", "success"])
def test_what_is_no_truth_value_is_one_line(which: str) -> None:
    clock = Clock()
    env = robot_env(SimulatedRobot(clock), clock, **{which: lambda observation: "False"})
    with rm.wrap(env) as world, pytest.raises(rm.EnvironmentFailed, match=f"its {which} is 'False', not True or Fal"):
        rm.adapt(point_policy("rl2", meta_batch=2), world, episodes=1)


def test_control_steps_last_as_long_as_the_policy_expects() -> None:
    clock = Clock()
    env = robot_env(SimulatedRobot(clock, busy=0.03), clock)
    env.reset()
    for _ in range(10):
        clock.now += 0.02  # the policy thinks
        env.step(np.zeros(2))
    timing = env.timing()
    assert timing is not None
    assert (timing.steps, timing.late) == (10, 0)
    assert (timing.mean, timing.longest) == (pytest.approx(0.1), pytest.approx(0.1))
    assert clock.now == pytest.approx(1.0)


def test_lost_time_is_not_caught_up_and_late_steps_are_told() -> None:
    clock = Clock()
    robot = SimulatedRobot(clock)
    env = robot_env(robot, clock)
    env.reset()
    for busy in (0.01, 0.25, 0.01, 0.01):
        robot.busy = busy
        env.step(np.zeros(2))
    timing = env.timing()
    assert timing is not None
    assert (timing.late, timing.dropped) == (1, 1)  # 0.25 s of 0.1 s
    assert timing.longest == pytest.approx(0.25)
    assert clock.now == pytest.approx(0.1 + 0.25 + 0.1 + 0.1)
    with pytest.warns(rm.EnvironmentWarning, match="was late: .*1 of 4 late, 1 dropped, where .* 100 ms"):
        env.close()


def broken(action: Mapping[str, float]) -> None:
    raise ValueError("the cable is loose")


def test_a_robot_that_fails_is_disconnected() -> None:
    clock = Clock()
    robot = SimulatedRobot(clock)
    robot.send_action = broken
    with rm.wrap(robot_env(robot, clock)) as world, pytest.raises(rm.EnvironmentFailed, match="the cable is loose"):
        rm.adapt(point_policy("rl2", meta_batch=2), world, episodes=1)
    assert robot.log[-1] == "disconnect"


def test_an_observation_without_a_feature_is_one_line() -> None:
    clock = Clock()
    robot = SimulatedRobot(clock)
    robot.get_observation = lambda: {"x": 0.0}
    with rm.wrap(robot_env(robot, clock)) as world, pytest.raises(rm.EnvironmentFailed, match="without y"):
        rm.adapt(point_policy("rl2", meta_batch=2), world, episodes=1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bounds": {"dx": (-1, 1)}}, "bounds must be of dy, dx, not of dx"),
        ({"bounds": (1.0, -1.0)}, "the lowest below the highest"),
        ({"bounds": 3.0}, "pairs of numbers"),
        ({"dt": 0.0}, "dt must be positive"),
        ({"horizon": 0}, "horizon must be at least 1"),
    ],
)
def test_mistakes_are_one_line(options: dict[str, Any], said: str) -> None:
    with pytest.raises(rm.UserError, match=said):
        robot_env(SimulatedRobot(Clock()), Clock(), **options)


@pytest.mark.parametrize("which", ["observation_features", "action_features"])
def test_features_that_are_no_mapping_are_refused(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimulatedRobot, which, ["x", "y"])
    with pytest.raises(rm.UserError, match=rf"the robot's {which} must be a mapping .*, not \['x', 'y'\]"):
        robot_env(SimulatedRobot(Clock()), Clock())


def test_what_is_no_robot_is_refused() -> None:
    with pytest.raises(rm.UserError, match="a Clock is no robot: it has no observation_feat"):
        robot_env(Clock(), Clock())

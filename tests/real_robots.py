"""A robot with LeRobot's methods, simulated: noisy sensors, late actions, and a clock that nobody has to wait for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

from robotmeta.adapters.robot import RobotEnv

GOAL = (0.3, -0.2)


class Clock:
    """A clock that only moves when somebody waits or works."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class SimulatedRobot:
    """A point that walks, behind noisy sensors and an action that acts one step late."""

    def __init__(self, clock: Clock, busy: float = 0.01) -> None:
        self.clock, self.busy = clock, busy
        self.log: list[Any] = []
        self._rng, self._waiting = np.random.default_rng(0), np.zeros(2)
        self._env = gymnasium.make(
            "robotmeta/PointNavigation-v0", task={"goal_x": GOAL[0], "goal_y": GOAL[1]}
        ).unwrapped

    @property
    def observation_features(self) -> dict[str, Any]:
        return {"y": float, "x": float, "camera": (4, 4, 3)}

    @property
    def action_features(self) -> dict[str, Any]:
        return {"dy": float, "dx": float}

    def connect(self) -> None:
        self.log.append("connect")

    def restart(self) -> None:
        self._state, _ = self._env.reset(seed=0)

    def get_observation(self) -> dict[str, Any]:
        self.log.append("observe")
        x, y = self._state + self._rng.normal(0.0, 1e-3, 2)
        return {"x": x, "y": y, "camera": np.zeros((4, 4, 3), np.uint8)}

    def send_action(self, action: Mapping[str, float]) -> None:
        self.clock.now += self.busy
        self.log.append(action)
        wanted = np.array([action["dx"], action["dy"]])
        self._state, *_ = self._env.step(self._waiting)
        self._waiting = wanted / 2.0

    def disconnect(self) -> None:
        self.log.append("disconnect")


def reward(before: Mapping[str, Any], action: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    return -float(np.hypot(after["x"] - GOAL[0], after["y"] - GOAL[1]))


def robot_env(robot: Any, clock: Clock, **options: Any) -> RobotEnv:
    settings = {"dt": 0.1, "bounds": (-2.0, 2.0), "prepare": lambda r: r.restart(), "horizon": 20, **options}
    return RobotEnv(robot, reward=reward, clock=clock, sleep=clock.sleep, **settings)

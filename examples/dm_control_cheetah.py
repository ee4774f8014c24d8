"""The cheetah of dm_control, with the interface of the family cheetah-dynamics.

`robotmeta families cheetah-dynamics` prints this interface: names, units, control step, horizon and reward.
"""

from typing import Any

import gymnasium
import numpy as np
from dm_control import suite
from gymnasium import spaces

DT = 0.05  # seconds
GOAL_SPEED = 2.0  # metres a second
JOINTS = ("bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")
POSITIONS = ("z", "pitch", *JOINTS)
VELOCITIES = ("x_velocity", "z_velocity", "pitch_velocity", *(f"{joint}_velocity" for joint in JOINTS))


class Cheetah(gymnasium.Env):
    observation_names = (*POSITIONS, *VELOCITIES)
    action_names = tuple(f"{joint}_torque" for joint in JOINTS)
    dt = DT

    def __init__(self) -> None:
        self.robot = suite.load("cheetah", "run", environment_kwargs={"control_timestep": DT})
        self.observation_space = spaces.Box(-np.inf, np.inf, (len(self.observation_names),))
        self.action_space = spaces.Box(-1.0, 1.0, (len(self.action_names),))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.robot.task.random.seed(int(self.np_random.integers(2**32)))
        return self._observed(self.robot.reset()), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        x = self.robot.physics.data.qpos[0]
        step = self.robot.step(action)
        speed = (self.robot.physics.data.qpos[0] - x) / DT
        reward = -abs(speed - GOAL_SPEED) - 0.05 * np.square(action).sum()
        return self._observed(step), reward, False, step.last(), {}

    def _observed(self, step: Any) -> np.ndarray:
        return np.concatenate([step.observation["position"], step.observation["velocity"]])


def make() -> gymnasium.Env:
    return gymnasium.wrappers.TimeLimit(Cheetah(), max_episode_steps=200)

"""A robot with LeRobot's methods as an environment. A simulated cheetah takes the place of the real one here."""

from collections.abc import Mapping

import gymnasium
import numpy as np

import robotmeta as rm

FAMILY = rm.make("cheetah-direction")


class Cheetah:
    """What a robot's driver offers. The features name its sensors and motors; units are those of the family."""

    def __init__(self) -> None:
        self.observation_features = {name: float for name, _ in FAMILY.observations}
        self.action_features = {name: float for name, _ in FAMILY.actions}

    def connect(self) -> None:
        self._robot = gymnasium.make("robotmeta/CheetahDirection-v0", task={"direction": "backward"}).unwrapped

    def stand(self) -> None:
        self._sensors, _ = self._robot.reset()

    def get_observation(self) -> dict[str, float]:
        return dict(zip(self.observation_features, self._sensors.tolist(), strict=True))

    def send_action(self, action: dict[str, float]) -> None:
        self._sensors, *_ = self._robot.step(np.array([action[name] for name in self.action_features]))

    def disconnect(self) -> None:
        self._robot.close()


def backward(before: Mapping, action: Mapping, after: Mapping) -> float:
    """What the robot is to do, from its own sensors."""
    return -after["x_velocity"] - 0.05 * sum(value**2 for value in action.values())


def make() -> rm.RobotEnv:
    return rm.RobotEnv(Cheetah(), reward=backward, dt=FAMILY.dt, horizon=FAMILY.horizon, prepare=Cheetah.stand)

"""A robot with LeRobot's methods as a Gymnasium environment that keeps the control step of a policy."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium import spaces

from robotmeta.adapters.guard import Misfit
from robotmeta.adapters.returned import truth
from robotmeta.envs import checks
from robotmeta.errors import EnvironmentWarning, UserError

Values = Mapping[str, Any]
"""Numbers, and images, by the names of a robot's features."""

_LATE = 0.05  # of a control step, from which one counts as late
_MANY = 0.05  # share of late steps that is worth a warning


class Robot(Protocol):
    """The methods of a robot in LeRobot, which any class may have.

    ``observation_features`` and ``action_features`` map names to ``float``, or to a shape for images. They can be read
    before the robot is connected.
    """

    @property
    def observation_features(self) -> Mapping[str, Any]: ...

    @property
    def action_features(self) -> Mapping[str, Any]: ...

    def connect(self) -> Any: ...

    def get_observation(self) -> Values: ...

    def send_action(self, action: dict[str, float]) -> Any: ...

    def disconnect(self) -> Any: ...


@dataclass(frozen=True)
class Timing:
    """How regular the control steps were.

    Attributes:
        steps: Number of control steps.
        mean: Mean duration, s.
        jitter: Standard deviation of the duration, s.
        longest: Longest duration, s.
        late: Number of steps that were late by more than 5 %.
        dropped: Number of whole control steps that passed while a late one lasted.
    """

    steps: int
    mean: float
    jitter: float
    longest: float
    late: int
    dropped: int = 0

    def __str__(self) -> str:
        mean, jitter, longest = (f"{1e3 * value:.1f}" for value in (self.mean, self.jitter, self.longest))
        counted = f"{self.late} of {self.steps} late, {self.dropped} dropped"
        return f"{mean} ms a control step, jitter {jitter} ms, longest {longest} ms, {counted}"


class RobotEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """A robot as an environment: :func:`robotmeta.wrap` and ``--env`` take it.

    In each control step, the action is sent at once, and the observation is read when the control step is over. If the
    policy or the robot is slower, the next step begins late; lost time is not caught up.

    Observations are the features that are numbers, float64 ``[observation]``, under their names. Images only reach the
    functions below. Actions are scaled from the bounds, ``[action]``.

    Args:
        robot: The robot. It is connected at the first reset, and disconnected by :meth:`close`.
        reward: ``reward(before, action, after)``, with the robot's observations before and after the step and the
            action that was sent, all by name.
        dt: Duration of a control step, s: that of the policy's family.
        bounds: Lowest and highest action, in the robot's unit: one pair for all, or one for each name.
        prepare: Called before each episode, such as to move the robot to its initial pose or to wait for somebody who
            does. None if there is nothing to do.
        terminated: ``terminated(observation)``, whether the episode ends, such as after a fall.
        success: ``success(observation)``, whether the robot has reached its goal.
        horizon: Control steps per episode; None if :func:`robotmeta.wrap` or ``--horizon`` says it.
        clock: Returns the time, s.
        sleep: Waits for some seconds.

    Attributes:
        observation_names: Names of the observations.
        action_names: Names of the actions.
        dt: Duration of a control step, s.
        max_episode_steps: Control steps per episode, or None.

    Raises:
        UserError: For an object without these methods, features that are no numbers, or bounds that do not fit.
    """

    def __init__(
        self,
        robot: Robot,
        *,
        reward: Callable[[Values, Values, Values], float],
        dt: float,
        bounds: tuple[float, float] | Mapping[str, tuple[float, float]] = (-1.0, 1.0),
        prepare: Callable[[Any], object] | None = None,
        terminated: Callable[[Values], bool] | None = None,
        success: Callable[[Values], bool] | None = None,
        horizon: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        missing = [name for name in _METHODS if not hasattr(robot, name)]
        if missing:
            raise UserError(f"a {type(robot).__name__} is no robot: it has no {', '.join(missing)}")
        self.robot, self.dt = robot, checks.positive("dt", dt)
        self.observation_names = _numbers("observation_features", robot.observation_features)
        self.action_names = _numbers("action_features", robot.action_features)
        if not self.observation_names or not self.action_names:
            raise UserError("the robot has no observation or no action that is a number")
        low, high = _bounds(bounds, self.action_names)
        self.action_space = spaces.Box(low, high, dtype=np.float64)
        self.observation_space = spaces.Box(-np.inf, np.inf, (len(self.observation_names),), np.float64)
        self._reward, self._prepare, self._terminated, self._success = reward, prepare, terminated, success
        self._clock, self._sleep = clock, sleep
        self.max_episode_steps = None if horizon is None else checks.count("horizon", horizon)
        self._connected = False
        self._seen: Values = {}
        self._read = 0.0  # when the last observation was read
        self._durations: list[float] = []

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Connects the robot if it is not connected yet, prepares it, and returns its observation."""
        super().reset(seed=seed)
        if not self._connected:
            self.robot.connect()
            self._connected = True
        if self._prepare is not None:
            self._prepare(self.robot)
        return self._observe(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Sends an action, and reads the observation when the control step is over."""
        sent = dict(zip(self.action_names, np.asarray(action, dtype=float).tolist(), strict=True))
        before, began = self._seen, self._read
        self.robot.send_action(dict(sent))
        left = began + self.dt - self._clock()
        if left > 0.0:
            self._sleep(left)
        observation = self._observe()
        self._durations.append(self._read - began)
        ended = self._terminated is not None and truth("terminated", self._terminated(self._seen))
        info = {} if self._success is None else {"is_success": truth("success", self._success(self._seen))}
        return observation, float(self._reward(before, sent, self._seen)), ended, False, info

    def close(self) -> None:
        """Disconnects the robot, and warns if many control steps were late."""
        if self._connected:
            self._connected = False
            self.robot.disconnect()
        timing = self.timing()
        if timing is not None and timing.late > _MANY * timing.steps:
            said = f"the robot was late: {timing}, where the policy expects {1e3 * self.dt:g} ms"
            warnings.warn(said, EnvironmentWarning, stacklevel=2)

    def timing(self) -> Timing | None:
        """How regular the control steps of all episodes were; None before the first one."""
        if not self._durations:
            return None
        durations = np.array(self._durations)
        late = durations > (1.0 + _LATE) * self.dt
        dropped = np.floor(durations[late] / self.dt + _LATE) - 1.0
        mean, jitter, longest = float(durations.mean()), float(durations.std()), float(durations.max())
        return Timing(len(durations), mean, jitter, longest, int(late.sum()), int(dropped.sum()))

    def _observe(self) -> np.ndarray:
        self._read = self._clock()
        self._seen = copy.deepcopy(self.robot.get_observation())  # a driver may write the next one into the same object
        missing = [name for name in self.observation_names if name not in self._seen]
        if missing:
            raise Misfit(f"an observation without {', '.join(missing)}")
        return np.array([float(self._seen[name]) for name in self.observation_names])


_METHODS = ("observation_features", "action_features", "connect", "get_observation", "send_action", "disconnect")


def _numbers(which: str, features: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the features that are numbers; images have a shape."""
    if not isinstance(features, Mapping):
        raise UserError(f"the robot's {which} must be a mapping of names to float or to a shape, not {features!r:.60}")
    return tuple(name for name, kind in features.items() if not isinstance(kind, tuple | list | Mapping))


def _bounds(
    bounds: tuple[float, float] | Mapping[str, tuple[float, float]], names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    pairs = dict.fromkeys(names, bounds) if not isinstance(bounds, Mapping) else bounds
    if set(pairs) != set(names):
        raise UserError(f"bounds must be of {', '.join(names)}, not of {', '.join(pairs)}")
    try:
        low, high = (np.array([float(pairs[name][end]) for name in names]) for end in (0, 1))
    except (TypeError, ValueError, IndexError):
        raise UserError(f"bounds must be pairs of numbers, lowest and highest, not {bounds!r:.80}") from None
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise UserError(f"bounds must be finite, the lowest below the highest, not {bounds!r:.80}")
    return low, high

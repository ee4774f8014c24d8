"""Tasks as points of a space in which a fit searches, and what is likely there before any episode."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from robotmeta.envs import Estimate, Tasks
from robotmeta.envs.encoding import is_logarithmic
from robotmeta.envs.parameters import Parameter, ParameterSpace

_SAMPLES = 2048
WIDER = 2.0
"""Standard deviation of the numbers before any episode, in that over the meta-training tasks."""

KNOWN = 0.7
"""Standard deviation of a number, in that over the training tasks, below which it counts as known."""


class Coordinates:
    """Numbers and kinds of a task.

    A number is a coordinate with zero mean and unit standard deviation over the meta-training tasks. Numbers that are
    always positive are logarithms there. A kind is a value of a :class:`robotmeta.envs.Choice`.

    Args:
        space: The parameters.
        known: Values that are known; they are not searched.

    Attributes:
        numbers: Parameters that are searched as numbers.
        kinds: Values of each parameter that is searched among kinds, by name.
        low, high: Physical bounds of the numbers, ``[number]``.
        constant: bool ``[number]``, numbers that are the same in all meta-training tasks.
        nominal: What the numbers are in the nominal task, ``[number]``.
        covariance: Of the numbers before any episode, ``[number, number]``. Their mean is zero.
    """

    def __init__(self, space: ParameterSpace, known: Mapping[str, float] | None = None) -> None:
        self._space, self._known = space, dict(known or {})
        drawn = space.sample(_SAMPLES, np.random.default_rng(0))
        self.kinds = {p.name: kinds for p in space if p.name not in self._known and (kinds := _kinds(p))}
        self.numbers = [p for p in space if p.name not in self._known and p.name not in self.kinds]
        self._columns = [space.names.index(p.name) for p in self.numbers]
        # All small values of a number that can be zero are alike, such as those of the end of a joint's range.
        self._logs = np.array([is_logarithmic(p) and not _constant_from_zero(p) for p in self.numbers], bool)
        raw = self._scaled(drawn.values[:, self._columns])
        self._mean = raw.mean(axis=0)
        ends = self._scaled(np.array([p.bounds for p in self.numbers]).reshape(-1, 2).T).T
        # A parameter that is the same in all training tasks can still differ in a robot.
        self.constant = still = raw.std(axis=0) < 1e-9
        reach = np.array([_reach(p, log) for p, log in zip(self.numbers, self._logs, strict=True)])
        self._std = np.where(still, reach, raw.std(axis=0)).clip(min=1e-9)
        self.low, self.high = ((ends - self._mean[:, None]) / self._std[:, None]).T
        self.nominal = self.points(space.nominal(1))[0][0]
        standard = (raw - self._mean) / self._std
        covariance = standard.T @ standard / len(raw) if self.numbers else np.zeros((0, 0))
        self.covariance = WIDER**2 * (0.98 * covariance + np.diag(np.where(still, 1.0, 0.02)))

    def tasks(self, numbers: np.ndarray, kinds: Mapping[str, np.ndarray]) -> Tasks:
        """The tasks at some points.

        Args:
            numbers: ``[task, number]``.
            kinds: Values by parameter, each ``[task]``.
        """
        rows = self._space.nominal(len(numbers)).values
        for name, value in self._known.items():
            rows[:, self._space.names.index(name)] = value
        for name, values in kinds.items():
            rows[:, self._space.names.index(name)] = values
        scaled = np.clip(numbers, self.low, self.high) * self._std + self._mean
        values = np.where(self._logs, np.exp(np.where(self._logs, scaled, 0.0)), scaled)
        bounds = np.array([p.bounds for p in self.numbers]).reshape(-1, 2)
        rows[:, self._columns] = np.clip(values, bounds[:, 0], bounds[:, 1])
        return Tasks(self._space.names, rows)

    def points(self, tasks: Tasks) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The points of some tasks, as :meth:`tasks` takes them."""
        numbers = (self._scaled(tasks.values[:, self._columns]) - self._mean) / self._std
        kinds = {name: tasks.values[:, self._space.names.index(name)] for name in self.kinds}
        return np.clip(numbers, self.low, self.high), kinds

    def believed(self, estimates: Mapping[str, Estimate]) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
        """Mean and standard deviation of the numbers, and the most likely kinds, as a policy's belief has them."""
        mean, std = np.zeros(len(self.numbers)), np.sqrt(np.diag(self.covariance))
        for place, parameter in enumerate(self.numbers):
            if parameter.name in estimates and not estimates[parameter.name].kinds:
                e = estimates[parameter.name]
                ends = self._place(place, np.array([e.value, e.low, e.high]))
                mean[place], std[place] = ends[0], max((ends[2] - ends[1]) / 2.0, 0.05)
        kinds = {name: estimates[name].value for name in self.kinds if name in estimates}
        return mean, std, {name: value for name, value in kinds.items() if value in self.kinds[name]}

    def sample_kinds(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Draws kinds, all equally likely."""
        return {name: rng.choice(values, count) for name, values in self.kinds.items()}

    def _place(self, number: int, values: np.ndarray) -> np.ndarray:
        scaled = np.log(values.clip(min=1e-9)) if self._logs[number] else values
        return (scaled - self._mean[number]) / self._std[number]

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        return np.where(self._logs, np.log(values.clip(min=1e-9)), values)


def _kinds(parameter: Parameter) -> list[float]:
    values = parameter.choices()
    return [] if values is None or len(values) < 2 else values


def _constant_from_zero(parameter: Parameter) -> bool:
    return parameter.bounds[0] == 0.0 and is_constant(parameter)


def is_constant(parameter: Parameter) -> bool:
    """Whether meta-training never varies it."""
    low, high = parameter.train.support
    return low == high


def _reach(parameter: Parameter, log: bool) -> float:
    """A standard deviation for a number that never varies in training."""
    low, high = parameter.extremes()[0], parameter.extremes()[-1]
    if high == low:
        low, high = (end if np.isfinite(end) else parameter.nominal for end in parameter.bounds)
    if log:
        low, high = np.log(max(low, 1e-3)), np.log(max(high, 1e-3))
    return float(high - low) / np.sqrt(12.0) or 1.0

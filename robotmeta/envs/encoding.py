"""Tasks as inputs and targets of networks, and network outputs as estimates of a task's parameters."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.distributions import Choice
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.envs.tasks import Tasks

_STREAM, _SAMPLES = 7_003, 4096  # seed and number of the tasks that give mean and standard deviation
_MOST_KINDS = 16  # a choice between more values than this is treated as a number
_CLIP = 5.0  # standard deviations
_SURE = 0.3
_PLAUSIBLE = 1.0 / 6.0  # probability; about that of a value more than one standard deviation above the mean


class Estimate(NamedTuple):
    """An estimate of one parameter of a task. A kind is a value of a :class:`Choice`."""

    value: float
    """The most likely value, in the parameter's unit."""
    low: float
    """One standard deviation below the value; for kinds, the smallest plausible one."""
    high: float
    """One standard deviation above the value; for kinds, the largest plausible one."""
    known: float
    """How far the uncertainty is below the spread over all tasks, from 0 (not at all) to 1 (no uncertainty)."""
    kinds: tuple[float, ...] = ()
    """The kinds with a probability of at least one sixth, the most likely first; empty for a number."""

    @property
    def sure(self) -> bool:
        """Whether the estimate is certain enough to be shown."""
        return self.known >= _SURE


class Encoding:
    """Encodes tasks as vectors whose columns have zero mean and unit variance over the meta-training tasks.

    A parameter that is always positive is encoded by its logarithm. A choice between three or more values is one-hot,
    and all zeros, before scaling, for any other value.

    Args:
        space: The parameters.
    """

    def __init__(self, space: ParameterSpace) -> None:
        self._space = space
        columns = self._unscaled(space.sample(_SAMPLES, np.random.default_rng(_STREAM)))
        ends = np.cumsum([len(_kinds(parameter)) or 1 for parameter in space]).tolist()
        self._columns = [slice(first, last) for first, last in pairwise([0, *ends])]
        self._mean, self._deviation = columns.mean(axis=0), columns.std(axis=0).clip(min=1e-6)

    @property
    def size(self) -> int:
        """Length of an encoded task."""
        return len(self._mean)

    def encode(self, tasks: Tasks) -> Tensor:
        """Encodes tasks, float32 ``[task, size]``, clipped to 5 standard deviations."""
        scaled = (self._unscaled(tasks) - self._mean) / self._deviation
        return torch.as_tensor(scaled.clip(-_CLIP, _CLIP), dtype=torch.float32)

    def decode(self, mean: Tensor, std: Tensor) -> list[dict[str, Estimate]]:
        """Turns Gaussians over encoded tasks into estimates of the parameters.

        Args:
            mean: Means, ``[task, size]``.
            std: Standard deviations, ``[task, size]``.

        Returns:
            For each task, an estimate of each parameter by name.
        """
        found = []
        for m, s in zip(mean.double().cpu().numpy(), std.double().cpu().numpy(), strict=True):
            parts = zip(self._space, self._columns, strict=True)
            found.append({parameter.name: self._estimate(parameter, c, m[c], s[c]) for parameter, c in parts})
        return found

    def explained(self, tasks: Tasks, mean: Tensor) -> dict[str, float]:
        """Returns the share of each parameter's variance over some tasks that estimates explain (R^2).

        Args:
            tasks: The tasks.
            mean: Estimates of the encoded tasks, ``[task, size]``.

        Returns:
            R^2 by parameter, at most 1, without the parameters that are the same in all tasks.
        """
        actual = self.encode(tasks).double().numpy()
        wrong = np.square(actual - mean.double().cpu().numpy()).sum(axis=0)
        spread = np.square(actual - actual.mean(axis=0)).sum(axis=0)
        parts = ((p.name, wrong[c].sum(), spread[c].sum()) for p, c in zip(self._space, self._columns, strict=True))
        return {name: float(1.0 - missed / whole) for name, missed, whole in parts if whole > 0.0}

    def distances(self, task: Tasks, other: Tasks) -> dict[str, float]:
        """Returns how far apart two tasks are in each parameter, in standard deviations over the training tasks.

        Two kinds, or two labels, are infinitely far apart. Columns of the tasks that are not encoded are left out.
        """
        apart = np.abs(self._unscaled(task) - self._unscaled(other))[0] / self._deviation
        (mine,), (theirs,) = task, other
        return {
            p.name: (float("inf") if p.labels or _kinds(p) else float(apart[c].max()))
            if mine[p.name] != theirs[p.name]
            else 0.0
            for p, c in zip(self._space, self._columns, strict=True)
        }

    def _estimate(self, parameter: Parameter, columns: slice, mean: np.ndarray, std: np.ndarray) -> Estimate:
        known = float(np.clip(1.0 - std.mean(), 0.0, 1.0))
        center, scale = self._mean[columns], self._deviation[columns]
        kinds = _choices(parameter)
        if kinds:
            likely = mean * scale + center  # the mean of a one-hot column is a probability
            if len(kinds) == 2:  # one column, the value itself
                second = float((likely[0] - kinds[0]) / (kinds[1] - kinds[0]))
                likely = np.array([1.0 - second, second])
            order = np.argsort(-likely, kind="stable")
            plausible = [kinds[i] for place, i in enumerate(order) if place == 0 or likely[i] >= _PLAUSIBLE]
            return Estimate(plausible[0], min(plausible), max(plausible), known, tuple(plausible))
        at = (mean + np.array([0.0, -1.0, 1.0]) * std) * scale + center
        value, low, high = np.clip(np.exp(at) if is_logarithmic(parameter) else at, *parameter.bounds).tolist()
        return Estimate(value, low, high, known)

    def _unscaled(self, tasks: Tasks) -> np.ndarray:
        columns: list[np.ndarray] = []
        for parameter in self._space:
            values = tasks.values[:, tasks.names.index(parameter.name)]
            kinds = _kinds(parameter)
            if kinds:
                columns += [(values == kind).astype(np.float64) for kind in kinds]
            else:
                columns.append(np.log(values.clip(min=1e-9)) if is_logarithmic(parameter) else values)
        return np.stack(columns, axis=1)


def _choices(parameter: Parameter) -> list[float]:
    """Returns the values of a choice between a few, ascending; empty for a number."""
    values = sorted(set(parameter.train.values)) if isinstance(parameter.train, Choice) else []
    return values if 1 < len(values) <= _MOST_KINDS else []


def _kinds(parameter: Parameter) -> list[float]:
    """Returns the values that are encoded one-hot; empty for a parameter with one column."""
    values = _choices(parameter)
    return values if len(values) > 2 else []


def is_logarithmic(parameter: Parameter) -> bool:
    """Whether a parameter is always positive, so that its logarithm is encoded."""
    return parameter.bounds[0] >= 0.0 and parameter.train.support[0] > 0.0

"""Tasks as networks see them, and back: what a learner is told in meta-training, and what it says it has inferred."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.distributions import Choice
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.envs.tasks import Tasks

_STREAM, _SAMPLES = 7_003, 4096  # tasks that scales are taken from
_MOST_KINDS = 16  # a choice between more values than this is a number
_CLIP = 5.0
_SURE = 0.3
_PLAUSIBLE = 1.0 / 6.0  # as likely as what lies beyond one standard deviation on one side


class Estimate(NamedTuple):
    """What is known of one parameter."""

    value: float
    """The likeliest, in the parameter's unit."""
    low: float
    """One standard deviation below; of a choice between kinds, the smallest that is plausible."""
    high: float
    """One standard deviation above; of a choice between kinds, the largest that is plausible."""
    known: float
    """How much of the spread over all tasks is gone, from 0 to 1."""
    kinds: tuple[float, ...] = ()
    """Of a choice between kinds, those at least one sixth likely, the likeliest first; nothing for a number."""

    @property
    def sure(self) -> bool:
        """Whether enough of the spread is gone for the value to be worth showing."""
        return self.known >= _SURE


class Encoding:
    """Encoded tasks: every column has zero mean and unit variance over the meta-training tasks.

    Columns that are positive throughout are taken by their logarithm, and choices between three values or more are one
    column a value, all absent for a value that is not among them.

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
        """Numbers in an encoded task."""
        return len(self._mean)

    def encode(self, tasks: Tasks) -> Tensor:
        """Task rows as float32 ``[task, size]``, within 5 standard deviations."""
        scaled = (self._unscaled(tasks) - self._mean) / self._deviation
        return torch.as_tensor(scaled.clip(-_CLIP, _CLIP), dtype=torch.float32)

    def decode(self, mean: Tensor, std: Tensor) -> list[dict[str, Estimate]]:
        """What a Gaussian over the encoded task says of each parameter.

        Args:
            mean: ``[task, size]``.
            std: Standard deviations, same shape.
        """
        found = []
        for m, s in zip(mean.double().cpu().numpy(), std.double().cpu().numpy(), strict=True):
            parts = zip(self._space, self._columns, strict=True)
            found.append({parameter.name: self._estimate(parameter, c, m[c], s[c]) for parameter, c in parts})
        return found

    def explained(self, tasks: Tasks, mean: Tensor) -> dict[str, float]:
        """How much of each parameter's spread over some tasks their estimates explain (R^2): 1 all, 0 or less nothing.

        Args:
            tasks: What the tasks are.
            mean: Estimates of the encoded tasks, ``[task, size]``.

        Returns:
            By parameter; those that are the same in all tasks are left out.
        """
        actual = self.encode(tasks).double().numpy()
        wrong = np.square(actual - mean.double().cpu().numpy()).sum(axis=0)
        spread = np.square(actual - actual.mean(axis=0)).sum(axis=0)
        parts = ((p.name, wrong[c].sum(), spread[c].sum()) for p, c in zip(self._space, self._columns, strict=True))
        return {name: float(1.0 - missed / whole) for name, missed, whole in parts if whole > 0.0}

    def _estimate(self, parameter: Parameter, columns: slice, mean: np.ndarray, std: np.ndarray) -> Estimate:
        known = float(np.clip(1.0 - std.mean(), 0.0, 1.0))
        center, scale = self._mean[columns], self._deviation[columns]
        kinds = _choices(parameter)
        if kinds:
            likely = mean * scale + center  # of a column that is 1 for one kind and 0 for the others
            if len(kinds) == 2:  # a column that is the value itself
                second = float((likely[0] - kinds[0]) / (kinds[1] - kinds[0]))
                likely = np.array([1.0 - second, second])
            order = np.argsort(-likely, kind="stable")
            plausible = [kinds[i] for place, i in enumerate(order) if place == 0 or likely[i] >= _PLAUSIBLE]
            return Estimate(plausible[0], min(plausible), max(plausible), known, tuple(plausible))
        at = (mean + np.array([0.0, -1.0, 1.0]) * std) * scale + center
        value, low, high = np.clip(np.exp(at) if _logarithmic(parameter) else at, *parameter.bounds).tolist()
        return Estimate(value, low, high, known)

    def _unscaled(self, tasks: Tasks) -> np.ndarray:
        columns: list[np.ndarray] = []
        for parameter, values in zip(self._space, tasks.values.T, strict=True):
            kinds = _kinds(parameter)
            if kinds:
                columns += [(values == kind).astype(np.float64) for kind in kinds]
            else:
                columns.append(np.log(values.clip(min=1e-9)) if _logarithmic(parameter) else values)
        return np.stack(columns, axis=1)


def _choices(parameter: Parameter) -> list[float]:
    """The values of a choice between a few; nothing for a number."""
    values = sorted(set(parameter.train.values)) if isinstance(parameter.train, Choice) else []
    return values if 1 < len(values) <= _MOST_KINDS else []


def _kinds(parameter: Parameter) -> list[float]:
    """The values that have a column each; nothing where one column is the value itself."""
    values = _choices(parameter)
    return values if len(values) > 2 else []


def _logarithmic(parameter: Parameter) -> bool:
    return parameter.bounds[0] >= 0.0 and parameter.train.support[0] > 0.0

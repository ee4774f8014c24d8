"""Worlds in which a function of the family returns numbers that are not finite."""

from __future__ import annotations

import math
import warnings
from collections import deque
from collections.abc import Mapping

import torch
from torch import Tensor

from robotmeta.envs.devices import reads_at_once
from robotmeta.envs.family import TaskFamily
from robotmeta.envs.tasks import Tasks
from robotmeta.errors import RobotmetaWarning

_named: deque[tuple[TaskFamily, str]] = deque(maxlen=64)  # functions that a warning has named


def find_faults(
    family: TaskFamily, results: Mapping[str, Tensor | None], tasks: Tasks, active: Tensor | None = None
) -> dict[str, Tensor]:
    """Finds results that are not finite. A warning names the function and the task, once a function.

    Args:
        family: The family.
        results: What each function returned, by its name: ``[task, episode, ...]``, or None.
        tasks: The task of each row.
        active: bool ``[task, episode]``, worlds to look at; None for all.

    Returns:
        The worlds where a result is not finite, bool ``[task, episode]``, by the name of the function.
    """
    faults = {}
    for name, result in results.items():
        if result is None or math.isfinite(float(result.sum())):  # far faster than a look at each number
            continue
        bad = _not_finite(result, active)
        if bool(bad.any()):
            _warn_once(family, name, tasks[[int(bad.nonzero()[0, 0])]])
            faults[name] = bad
    return faults


class FaultLog:
    """Finds faults during an episode. On a GPU it reads nothing until the episode has ended.

    Args:
        family: The family.
        device: Where the results are.
    """

    def __init__(self, family: TaskFamily, device: torch.device) -> None:
        self._family, self._device = family, device
        self._found: dict[str, Tensor] = {}

    def find(
        self, results: Mapping[str, Tensor | None], tasks: Tasks, active: Tensor | None = None
    ) -> dict[str, Tensor]:
        """As :func:`find_faults`; on a GPU also with masks in which no world is."""
        if reads_at_once(self._device):
            return find_faults(self._family, results, tasks, active)
        faults = {name: _not_finite(result, active) for name, result in results.items() if result is not None}
        for name, bad in faults.items():
            self._found[name] = self._found[name] | bad if name in self._found else bad
        return faults

    def report(self, tasks: Tasks) -> list[str]:
        """Warns of what was found on a GPU since the last report.

        Args:
            tasks: The task of each row.

        Returns:
            Names of the functions.
        """
        found = {name: bad for name, bad in self._found.items() if bool(bad.any())}
        self._found.clear()
        for name, bad in found.items():
            _warn_once(self._family, name, tasks[[int(bad.nonzero()[0, 0])]])
        return list(found)


def _not_finite(result: Tensor, active: Tensor | None) -> Tensor:
    """Active worlds with a number that is not finite, bool ``[task, episode]``."""
    bad = ~result.isfinite()
    bad = bad.flatten(2).any(dim=-1) if bad.ndim > 2 else bad
    return bad if active is None else bad & active


def _warn_once(family: TaskFamily, function: str, task: Tasks) -> None:
    if any(known is family and name == function for known, name in _named):
        return
    _named.append((family, function))
    row = " ".join(f"{name}={value:g}" for name, value in next(iter(task)).items())
    warnings.warn(
        f"family '{family.name}': {function} is not finite, first in the task {row}; such episodes end there and count "
        "as diverged",
        RobotmetaWarning,
        stacklevel=4,
    )

"""What evaluations make of rollouts: curves over the tasks that are kept, and their progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs import Tasks
from robotmeta.errors import SimulationDiverged
from robotmeta.evaluation.intervals import Curve
from robotmeta.experience.rollout import Rollout
from robotmeta.policies import DiagonalGaussian
from robotmeta.policy import Policy


class Finished:
    """Counts finished episodes of each task, and says how many there are."""

    def __init__(self, total: int, on_progress: Callable[[int, int], None] | None) -> None:
        self._done, self._total, self._on_progress = 0, total, on_progress or (lambda done, total: None)
        self._on_progress(0, total)

    def __call__(self, rollout: Rollout) -> None:
        self._done += rollout.returns.shape[1]
        self._on_progress(self._done, self._total)


def diverged_tasks(rollouts: Iterable[Rollout], tasks: int, family: str) -> np.ndarray:
    """Tasks that are left out of all curves, bool ``[task]``: a diverged episode has no return to compare.

    Raises:
        SimulationDiverged: If no task is left.
    """
    diverged = np.zeros(tasks, dtype=bool)
    for rollout in rollouts:
        diverged |= rollout.diverged.any(dim=1).cpu().numpy()
    if diverged.all():
        raise SimulationDiverged(f"the simulation of every task of family '{family}' diverged")
    return diverged


def curves(
    measured: Mapping[str, Sequence[Rollout]],
    names: Iterable[str],
    quantity: Callable[[Rollout], Tensor | None],
    kept: np.ndarray,
    *,
    binary: bool = False,
) -> dict[str, Curve | None]:
    """Curves of one quantity over the tasks that are kept; empty if the family does not define it.

    Args:
        measured: Rollouts after each number of adaptation episodes, by curve.
        names: Names of the curves; None is in the place of one that was not measured.
        quantity: Of each episode, ``[task, episode]``.
        kept: bool ``[task]``.
        binary: Whether each value is a success or a failure.
    """

    def curve(rollouts: Sequence[Rollout]) -> Curve:
        values = (quantity(rollout) for rollout in rollouts)
        return Curve(np.stack([v.double().mean(dim=1).cpu().numpy()[kept] for v in values if v is not None]), binary)

    if quantity(measured["adapted"][0]) is None:
        return {}
    return {name: curve(measured[name]) if name in measured else None for name in names}


def inferred(policy: Policy, tasks: Tasks, posterior: DiagonalGaussian | None, kept: np.ndarray) -> dict[str, float]:
    """Share of each parameter's variance over the tasks that the estimates explain; empty without estimates."""
    if posterior is None:
        return {}
    return policy.family.encoding.explained(tasks[kept], posterior.mean[torch.from_numpy(kept)])

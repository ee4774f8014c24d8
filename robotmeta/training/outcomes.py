"""What became of the episodes of a meta-update, those of all ranks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from robotmeta.distributed import gathered, summed
from robotmeta.experience.rollout import Rollout, Trial
from robotmeta.experience.trees import tree_map


class Ended(NamedTuple):
    """Some episodes of one rollout, ``[task, episode]`` each."""

    returns: Tensor
    """Undiscounted."""
    diverged: Tensor
    """Whether the simulation diverged."""
    success: Tensor | None
    """None if the family does not define it."""
    distance: Tensor | None
    """From the goal, m; None if the family does not define it."""

    def mean_return(self) -> float:
        """Mean return of the episodes that did not diverge; NaN if all did."""
        kept = ~self.diverged
        return float(self.returns[kept].mean()) if bool(kept.any()) else float("nan")


class Outcomes(NamedTuple):
    """The episodes of all rollouts of a meta-update."""

    first: Ended
    """Those of the first rollout, in trials that began with it and in which the policy was not told the task."""
    last: Ended
    """Those of the last rollout, in such trials that have had the most episodes."""
    diverged: Tensor
    """Episodes whose simulation diverged, bool ``[rollout, task, episode]``."""
    steps: int
    """Control steps that happened."""


def outcomes_of(trial: Trial) -> Outcomes:
    """The outcomes of a trial, of which each rank has some tasks."""
    first = last = None
    if trial.episode is not None:
        episode = gathered(trial.episode)
        first, last = episode == episode.min(), episode == episode.max()
    first, last = (_uninformed(trial, tasks) for tasks in (first, last))
    diverged = gathered(torch.stack([rollout.diverged for rollout in trial.rollouts]), dim=1)
    (steps,) = summed([torch.tensor(trial.steps)])
    return Outcomes(_ended(trial.rollouts[0], first), _ended(trial.rollouts[-1], last), diverged, int(steps))


def _uninformed(trial: Trial, tasks: Tensor | None) -> Tensor | None:
    """Those of some tasks whose policy is not told the task; all of them if it is told every one."""
    if trial.informed is None:
        return tasks
    told = gathered(trial.informed).cpu()
    kept = ~told if tasks is None else tasks & ~told
    return kept if bool(kept.any()) else tasks


def _ended(rollout: Rollout, tasks: Tensor | None) -> Ended:
    """The episodes of some of the tasks of all ranks; ``tasks`` is a mask, None for all."""

    def chosen(values: Tensor) -> Tensor:
        whole = gathered(values)
        return whole if tasks is None else whole[tasks.to(whole.device)]

    # A sum rounds by the order of its terms in memory. Logs of earlier versions took a copy of some tasks.
    rewards = rollout.rewards if tasks is None else rollout.rewards.contiguous()
    success, distance = (tree_map(chosen, value) for value in (rollout.success, rollout.distance))
    return Ended(chosen(rewards.sum(dim=-1)), chosen(rollout.diverged), success, distance)

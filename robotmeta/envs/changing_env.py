"""Worlds whose tasks change in the middle of each episode."""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.changes import Changes
from robotmeta.envs.family import Observation
from robotmeta.envs.task_batch import Step, TaskBatchEnv
from robotmeta.envs.wrapped_env import WrappedEnv


class ChangingEnv(WrappedEnv):
    """A :class:`robotmeta.envs.task_batch.BatchEnv` whose tasks change once in each episode.

    Args:
        env: The worlds. Between episodes they have the tasks before the change.
        changes: The tasks, one pair for each task of the worlds.
    """

    def __init__(self, env: TaskBatchEnv, changes: Changes) -> None:
        super().__init__(env)
        self._worlds, self._changes, self._time = env, changes, 0

    def reset(self, generator: torch.Generator) -> Observation:
        """Starts an episode in the tasks before the change; see :meth:`TaskBatchEnv.reset`."""
        self._worlds.load(self._changes.before)
        self._time = 0
        return self._env.reset(generator)

    def step(self, action: Tensor, active: Tensor | None = None) -> Step:
        """Advances one control step, in the tasks after the change from its step on; see :meth:`TaskBatchEnv.step`."""
        if self._time == self._changes.step:
            self._worlds.change(self._changes.after)
        self._time += 1
        return self._env.step(action, active)

"""Worlds whose tasks change in the middle of each episode."""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.changes import Changes
from robotmeta.envs.family import Observation
from robotmeta.envs.task_batch import Step, TaskBatchEnv


class ChangingEnv:
    """A :class:`robotmeta.envs.task_batch.BatchEnv` whose tasks change once in each episode.

    Args:
        env: The worlds. Between episodes they have the tasks before the change.
        changes: The tasks, one pair for each task of the worlds.
    """

    def __init__(self, env: TaskBatchEnv, changes: Changes) -> None:
        self._env, self._changes, self._time = env, changes, 0
        self.num_tasks, self.num_episodes, self.horizon = env.num_tasks, env.num_episodes, env.horizon
        self.observation_size, self.action_size = env.observation_size, env.action_size

    def reset(self, generator: torch.Generator) -> Observation:
        """Starts an episode in the tasks before the change; see :meth:`TaskBatchEnv.reset`."""
        self._env.load(self._changes.before)
        self._time = 0
        return self._env.reset(generator)

    def step(self, action: Tensor, active: Tensor | None = None) -> Step:
        """Advances one control step, in the tasks after the change from its step on; see :meth:`TaskBatchEnv.step`."""
        if self._time == self._changes.step:
            self._env.change(self._changes.after)
        self._time += 1
        return self._env.step(action, active)

    def end_episode(self) -> None:
        self._env.end_episode()

    def success(self) -> Tensor | None:
        return self._env.success()

    def distance(self) -> Tensor | None:
        return self._env.distance()

    def privileged_state(self) -> Tensor:
        return self._env.privileged_state()

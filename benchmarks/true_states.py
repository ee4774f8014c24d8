"""Simulated worlds that remember their true states, which nobody has of a robot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from robotmeta.adaptation.fitting.joint_filter import Filtered
from robotmeta.envs import Observation, Step, TaskBatchEnv, TaskFamily, Tasks


class RememberingEnv(TaskBatchEnv):
    """Worlds that remember their states, before each step and after the last.

    Args:
        family: The family.
        tasks: The tasks of the worlds.
        num_episodes: Episodes of each task that run side by side.
    """

    def __init__(self, family: TaskFamily, tasks: Tasks, num_episodes: int = 1) -> None:
        super().__init__(family, len(tasks), num_episodes)
        self.load(tasks)
        self._runs: list[list[Mapping[str, Tensor]]] = []

    def reset(self, generator: torch.Generator) -> Observation:
        """Starts to remember further episodes."""
        observation = super().reset(generator)
        self._runs.append([self._now()])
        return observation

    def step(self, action: Tensor, active: Tensor | None = None, *, recorded: Tensor | None = None) -> Step:
        """Remembers the states after the step."""
        result = super().step(action, active, recorded=recorded)
        self._runs[-1].append(self._now())
        return result

    def _now(self) -> dict[str, Tensor]:
        coordinates = {name: value.clone() for name, value in self.simulator.coordinates.items()}
        return {"": self.simulator.full_state, **coordinates}

    def states(self, task: int = 0) -> Filtered:
        """The states of all episodes of one task, as an estimate without error. After its end, an episode stays."""
        longest = max(len(run) for run in self._runs)
        runs = [[*run, *[run[-1]] * (longest - len(run))] for run in self._runs]
        values = {
            name: torch.cat([torch.stack([now[name][task] for now in run], dim=1) for run in runs])
            for name in self._runs[0][0]
        }
        return Filtered(values.pop(""), values, np.zeros(0), np.zeros((0, 0)), np.zeros(1), 0)

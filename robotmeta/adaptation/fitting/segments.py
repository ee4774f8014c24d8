"""Replays of recorded actions in candidate tasks, a few steps at a time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from robotmeta.adaptation.fitting.joint_filter import Filtered
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.envs import TaskBatchEnv, TaskFamily, Tasks
from robotmeta.errors import SimulationDiverged
from robotmeta.experience.observations import flatten
from robotmeta.threads import one_torch_thread

LENGTH = 10  # steps; in longer segments contacts make a small error a large one
_SKIPPED = 3  # steps at the start of an episode, before observations tell the hidden part of the state
_MOST = 48  # segments
_FAILED = 1e3  # error of every signal after a simulation has diverged


class Segments:
    """Pieces of recorded episodes that are replayed from estimated states.

    Multiple shooting: a piece of ten steps is nearly linear in the parameters, where a whole episode is chaotic.

    Args:
        family: The family.
        recorded: The episodes.
        candidates: Number of tasks of one call.
        simulator: Physics backend.
        threads: Physics threads.

    Attributes:
        steps: Control steps that one call simulates.
        mask: bool ``[segment, time]``, the steps of each segment that happened.
    """

    def __init__(
        self,
        family: TaskFamily,
        recorded: RecordedEpisodes,
        candidates: int,
        *,
        simulator: str = "auto",
        threads: int | None = None,
    ) -> None:
        self._recorded = recorded
        skipped = _SKIPPED if int(recorded.lengths.max()) > 2 * LENGTH else 0
        starts = [(e, t) for e, n in enumerate(recorded.lengths.tolist()) for t in range(skipped, n, LENGTH)]
        chosen = np.unique(np.linspace(0, len(starts) - 1, min(_MOST, len(starts))).round().astype(int))
        self._episode, self._time = torch.tensor([starts[place] for place in chosen]).T
        times = self._time.unsqueeze(-1) + torch.arange(LENGTH)
        self.mask = times < recorded.lengths[self._episode].unsqueeze(-1)
        self._times = times.clamp(max=recorded.actions.shape[1] - 1)
        self._env = TaskBatchEnv(family, candidates, len(self._episode), simulator=simulator, threads=threads)
        self.candidates = candidates
        self.steps = candidates * int(self.mask.sum())

    def __len__(self) -> int:
        return len(self._episode)

    def along_episodes(self, errors: Tensor) -> Tensor:
        """Errors of one candidate by episode and time, ``[episode, time, observation + 1]``; NaN where none was made.

        Args:
            errors: ``[segment, time, observation + 1]``.
        """
        recorded = self._recorded
        found = torch.full((*recorded.rewards.shape, errors.shape[-1]), torch.nan)
        for place in range(len(self)):
            count = int(self.mask[place].sum())
            start = int(self._time[place])
            found[self._episode[place], start : start + count] = errors[place, :count].float()
        return found

    def errors(self, tasks: Tasks, states: Filtered) -> Tensor:
        """Simulated minus recorded observations and rewards, ``[candidate, segment, time, observation + 1]``.

        They are zero after the end of an episode, and for rewards that were not recorded.

        Args:
            tasks: At most as many as there are candidates.
            states: Where the segments start.
        """
        missing = self.candidates - len(tasks)
        rows = np.concatenate([tasks.values, np.repeat(tasks.values[:1], missing, axis=0)])
        self._env.load(Tasks(tasks.names, rows))
        return self._replayed(states)[: len(tasks)]

    @torch.no_grad()
    def _replayed(self, states: Filtered) -> Tensor:
        recorded, episode, env = self._recorded, self._episode, self._env
        failed = torch.zeros(env.num_tasks, env.num_episodes, dtype=torch.bool)
        found = []
        with one_torch_thread():
            at = {name: value[episode, self._time] for name, value in states.coordinates.items()}
            env.start(states.full[episode, self._time], at, recorded=recorded.observations[episode, self._time])
            for times in self._times.T:
                seen, reward = recorded.observations[episode, times + 1], recorded.rewards[episode, times]
                target = torch.cat([seen, reward.unsqueeze(-1)], dim=-1)
                try:
                    actions = recorded.actions[episode, times].expand(env.num_tasks, -1, -1)
                    step = env.step(actions, recorded=seen)
                except SimulationDiverged:
                    missing = LENGTH - len(found)
                    found += [torch.full((*failed.shape, target.shape[-1]), _FAILED)] * missing
                    break
                if step.diverged is not None:
                    failed |= step.diverged
                error = torch.cat([flatten(step.observation), step.reward.unsqueeze(-1)], dim=-1) - target
                error = torch.where(failed.unsqueeze(-1), _FAILED, error.nan_to_num(_FAILED, _FAILED, -_FAILED))
                found.append(torch.where(target.isnan(), 0.0, error))
        return torch.stack(found, dim=2) * self.mask.unsqueeze(-1)

"""Adaptation episodes in one simulated task."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeVar

from robotmeta.adaptation.episodes import Episode, episodes_of
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.target import Collected, evaluated
from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief
from robotmeta.envs import Tasks
from robotmeta.errors import SimulationDiverged, UserError
from robotmeta.experience.rollout import Rollout
from robotmeta.policy import Policy

T = TypeVar("T")


class TaskTarget:
    """One task; a :class:`robotmeta.adaptation.target.Target`.

    Args:
        policy: The policy that adapts.
        task: The task.
        episodes: Number of adaptation episodes of a round.
        evaluation_episodes: Number of evaluation episodes.
        seed: Determines initial states and exploration.
        simulator: Physics backend; None for that of the policy's run.

    Raises:
        UserError: For more than one task, a task of another family, or a simulator that cannot run it.
    """

    simulated: bool = True
    stopped: str | None = None

    def __init__(
        self,
        policy: Policy,
        task: Tasks,
        episodes: int,
        evaluation_episodes: int,
        seed: int,
        simulator: str | None,
    ) -> None:
        if len(task) != 1:
            raise UserError(f"target must be 1 task, not {len(task)}")
        self._worlds = TaskWorlds(policy, task, simulator=simulator)
        self._episodes, self._evaluation_episodes, self._seed = episodes, evaluation_episodes, seed
        self._rollouts: list[Rollout] = []
        self.history: list[Episode] = []

    @property
    def recorded(self) -> RecordedEpisodes:
        return RecordedEpisodes.of(self._rollouts)

    def collect(self, acting: Policy, number: int) -> Collected:
        belief = adapted_belief(acting, self._worlds, self._episodes, self._seed + number, self._seen)
        return Collected(dataclasses.replace(acting, belief=belief), self._rollouts, self.recorded)

    def _seen(self, rollout: Rollout) -> None:
        self._rollouts.append(rollout)
        self.history.extend(episodes_of(rollout))

    def mean_return(self, acting: Policy, phase: str) -> float | None:
        episodes = self._evaluation_episodes
        if not episodes:
            return None
        rollout = evaluated(acting, self._worlds, phase, episodes, self._seed)
        if bool(rollout.diverged.all()):
            raise SimulationDiverged(f"the simulation of all {episodes} evaluation episodes diverged")
        self.history.extend(episodes_of(rollout, phase))
        return rollout.mean_return()

    def complete(self) -> bool:
        return True

    def interruptible(self, work: Callable[[], T]) -> T | None:
        return work()

"""Adaptation episodes in somebody's environment, which may be a robot."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeVar

from robotmeta.adaptation.episodes import Episode, EpisodesFile
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.session import Session
from robotmeta.adaptation.target import Collected, evaluated
from robotmeta.adaptation.worlds import NoMoreEpisodes, OneWorld, adapted_belief
from robotmeta.experience.rollout import Rollout
from robotmeta.policy import Policy

T = TypeVar("T")


class EnvironmentTarget:
    """The environment of a session; a :class:`robotmeta.adaptation.target.Target`.

    Args:
        session: The session.
        file: Its episodes.
        episodes: Number of adaptation episodes of a round.
        evaluation_episodes: Number of evaluation episodes.
        seed: Determines initial states and exploration.
    """

    simulated: bool = False

    def __init__(
        self, session: Session, file: EpisodesFile, episodes: int, evaluation_episodes: int, seed: int
    ) -> None:
        self._session, self._file, self._worlds = session, file, OneWorld(session)
        self._episodes, self._evaluation_episodes, self._seed = episodes, evaluation_episodes, seed
        self._asked = 0
        self._rollouts: list[Rollout] = []

    @property
    def history(self) -> Sequence[Episode]:
        return self._file.episodes

    @property
    def recorded(self) -> RecordedEpisodes:
        return RecordedEpisodes.of_arrays(self._file.arrays())

    @property
    def stopped(self) -> str | None:
        return None if self.complete() else self._session.stopped

    def collect(self, acting: Policy, number: int) -> Collected:
        self._asked += self._episodes
        self._session.phase = "adaptation"
        belief = adapted_belief(acting, self._worlds, self._episodes, self._seed + number, self._rollouts.append)
        # A copy, because the belief before the first adaptation step may be the policy's own weights.
        belief = {name: value.clone() for name, value in belief.items()}
        return Collected(dataclasses.replace(acting, belief=belief), self._rollouts, self.recorded)

    def mean_return(self, acting: Policy, phase: str) -> float | None:
        episodes = self._evaluation_episodes
        if not episodes:
            return None
        self._asked += episodes
        self._session.phase = phase
        try:
            rollout = evaluated(acting, self._worlds, phase, episodes, self._seed)
        except NoMoreEpisodes:
            return None
        whole = rollout.rewards.shape[1] == episodes and not self._session.cut_off
        return rollout.mean_return() if whole and not bool(rollout.diverged.all()) else None

    def complete(self) -> bool:
        self._session.finish()
        return len(self._file.episodes) == self._asked and not self._session.cut_off

    def interruptible(self, work: Callable[[], T]) -> T | None:
        return self._session.interruptible(work)

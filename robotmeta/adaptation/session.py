"""Episodes in somebody's environment, one after another, until they are done or something ends them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from robotmeta.adaptation.episodes import Episode, EpisodesFile, StepRow, vector
from robotmeta.adaptation.interrupts import Interrupts
from robotmeta.adaptation.worlds import NoMoreEpisodes
from robotmeta.envs import BatchEnv, Observation, Step
from robotmeta.envs.family import bounded
from robotmeta.envs.wrapped_env import WrappedEnv
from robotmeta.errors import (
    EnvironmentFailed,
    EnvironmentWarning,
    SimulationDiverged,
    TrainingDiverged,
    UserError,
    reason,
)

T = TypeVar("T")


class Session(WrappedEnv):
    """An environment whose episodes are recorded, and which runs no further after a failure or at a limit.

    It is a :class:`robotmeta.envs.BatchEnv` with one world. An episode that is cut off ends as a diverged or terminated
    one does, so that the policy still learns from its steps. The next reset raises NoMoreEpisodes.

    Args:
        env: The environment, in the policy's order.
        file: Where its episodes go. It is written after each episode.
        interrupts: Holds Ctrl-C back until the environment runs.
        on_episode: Called after each episode.

    Attributes:
        phase: What the episodes are for; see :class:`robotmeta.adaptation.episodes.Episode`.
        failure: What ended the session, if that was an error or Ctrl-C.
        stopped: Why a limit ended the session, if one did.
    """

    def __init__(
        self,
        env: BatchEnv,
        file: EpisodesFile,
        interrupts: Interrupts,
        on_episode: Callable[[Episode], None] | None = None,
    ) -> None:
        super().__init__(env)
        self._file, self._interrupts, self._on_episode = file, interrupts, on_episode
        self.phase = "adaptation"
        self.failure: BaseException | None = None
        self.stopped: str | None = None
        self._seen: Observation = torch.zeros(1, 1, self.observation_size)
        self._rows: list[StepRow] = []

    @property
    def over(self) -> bool:
        """Whether no further episode can start."""
        return self.failure is not None or self.stopped is not None

    @property
    def cut_off(self) -> bool:
        """Whether the last episode was not let run to its end."""
        return self.failure is not None or (self.over and self._file.episodes[-1].ended == "stopped")

    def finish(self) -> None:
        """Lets a Ctrl-C take effect that came after the last step."""
        try:
            with self._interrupts.allowed():
                pass
        except BaseException as interrupted:
            self.failure = self.failure or interrupted

    def interruptible(self, work: Callable[[], T]) -> T | None:
        """The result of work in simulation; None if Ctrl-C ended it, and then the session is over."""
        try:
            with self._interrupts.allowed():
                return work()
        except BaseException:
            if self._interrupts.raised is None:
                raise
            self.failure = self._interrupts.raised
        return None

    def reset(self, generator: torch.Generator) -> Observation:
        """Starts an episode.

        Raises:
            NoMoreEpisodes: If the session is over, or the reset ends it.
        """
        if self.over:
            raise NoMoreEpisodes
        self._rows = []
        self._seen = torch.zeros(1, 1, self.observation_size)
        seen = self._ask(lambda: self._env.reset(generator), "reset")
        if seen is None:
            raise NoMoreEpisodes
        self._seen = seen
        return seen

    def step(self, action: Tensor, active: Tensor | None = None) -> Step:
        """Advances one control step.

        Raises:
            NoMoreEpisodes: If the first step of an episode fails, so that there is nothing to learn from.
        """
        step = self._ask(lambda: self._env.step(action), f"step {len(self._rows) + 1}")
        if step is None:
            if not self._rows:
                raise NoMoreEpisodes
            return Step(self._seen, torch.zeros(1, 1), None, torch.ones(1, 1, dtype=torch.bool))
        self.stopped = step.stopped
        if step.diverged is not None:
            self._end("broke")
            return step
        applied = bounded(action) if step.applied is None else step.applied
        self._rows.append(StepRow(vector(self._seen), vector(action), vector(applied), float(step.reward)))
        self._seen = step.observation
        ended = _ended(step) or ("time limit" if len(self._rows) == self.horizon else None)
        if ended is not None or self.stopped is not None:
            self._end(ended or "stopped")
        if self.stopped is not None and ended is None:
            return step._replace(terminated=torch.ones(1, 1, dtype=torch.bool))
        return step

    def _ask(self, call: Callable[[], T], during: str) -> T | None:
        """What the environment answers; None if it fails, or if Ctrl-C is pressed. Then the session is over."""
        try:
            with self._interrupts.allowed():
                return call()
        except BaseException as error:
            interrupted = self._interrupts.raised or (None if isinstance(error, Exception) else error)
            self.failure = interrupted or _failure(error, during, len(self._file.episodes) + 1)
            self._end("broke" if interrupted is None else "stopped")
        return None

    def _end(self, ended: str) -> None:
        success = None if ended == "broke" else self._env.success()
        total = float(sum(row.rewards for row in self._rows))
        known = None if success is None else bool(success)
        episode = Episode(self.phase, total, len(self._rows), known, ended)
        self._file.add(episode, self._rows, vector(self._seen))
        try:
            self._file.write()
        except UserError as error:  # a full disk must not cost what the robot has done; the next episode tries again
            warnings.warn(str(error), EnvironmentWarning, stacklevel=2)
        if self._on_episode is not None:
            self._on_episode(episode)


def _ended(step: Step) -> str | None:
    if step.terminated is None or not bool(step.terminated):
        return None
    return "time limit" if step.truncated is not None and bool(step.truncated) else "terminated"


def _failure(error: BaseException, during: str, episode: int) -> BaseException:
    if isinstance(error, SimulationDiverged | TrainingDiverged | UserError):  # such as a policy that is not finite
        return error
    failure = error if isinstance(error, EnvironmentFailed) else EnvironmentFailed(reason(error), during)
    failure.episode = episode
    if failure is not error:
        failure.__cause__ = error
    return failure

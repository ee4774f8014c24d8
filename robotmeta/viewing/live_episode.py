"""One episode, a control step at a time."""

from __future__ import annotations

import torch

from robotmeta.envs import TaskBatchEnv
from robotmeta.experience.rollout import Actor, Recorder, Rollout, play
from robotmeta.threads import one_torch_thread


class LiveEpisode:
    """An episode of one world.

    Args:
        env: The world, with one task and one episode.
        actor: The policy.
        generator: Determines the initial state and exploration.
        explore: Whether to sample actions, instead of taking their mean.

    Attributes:
        steps: Control steps so far.
        total_return: Undiscounted return so far.
        ended: Why the episode is over; None while it runs.
    """

    def __init__(self, env: TaskBatchEnv, actor: Actor, generator: torch.Generator, *, explore: bool) -> None:
        self._env = env
        self._played = play(env, actor, {}, generator, explore=explore)
        self._recorder: Recorder | None = None
        self.steps, self.total_return = 0, 0.0
        self.ended: str | None = None

    def step(self) -> None:
        """Advances one control step. The first call starts the episode.

        Raises:
            SimulationDiverged: If the simulation diverges.
        """
        with one_torch_thread():
            played = next(self._played)
            if self._recorder is None:
                self._recorder = Recorder(self._env, played)
            self._recorder.write(played)
        self.steps += 1
        self.total_return += float(played.step.reward)
        if played.step.terminated is not None and bool(played.step.terminated):
            self.ended = "terminated"
        elif self.steps == self._env.horizon:
            self.ended = "time limit"

    def success(self) -> bool | None:
        """Whether it is a success if it ends now; None if the family does not define it."""
        success = self._env.success()
        return None if success is None else bool(success)

    def rollout(self) -> Rollout:
        """The episode, once it is over."""
        assert self._recorder is not None
        return self._recorder.rollout()

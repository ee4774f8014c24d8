"""Comparison of policies in simulated tasks, with the same tasks and the same initial states for all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from robotmeta.adaptation.worlds import TaskWorlds, collect_episodes
from robotmeta.envs import Tasks
from robotmeta.errors import SimulationDiverged
from robotmeta.experience.rollout import Rollout
from robotmeta.policy import Policy
from robotmeta.seeding import streams


class MeanReturn(NamedTuple):
    """A mean over simulated episodes, with its 95 % interval (normal approximation)."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: np.ndarray) -> MeanReturn:
        """The mean of ``values [episode]``; NaN of no values."""
        if not len(values):
            return cls(float("nan"), float("nan"), float("nan"))
        mean = float(values.mean())
        half = 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
        return cls(mean, mean - half, mean + half)

    def text(self) -> str:
        """Such as ``12.3 [11.0, 13.6]``."""
        return f"{self.mean:.1f} [{self.low:.1f}, {self.high:.1f}]"


class Returns(NamedTuple):
    """The returns of one policy."""

    values: np.ndarray
    """Undiscounted, ``[task, episode]``."""
    sound: np.ndarray
    """Whether the simulation of the episode did not diverge, bool ``[task, episode]``."""
    steps: int
    """Control steps."""

    def mean(self) -> MeanReturn:
        """Over the episodes that did not diverge."""
        return MeanReturn.of(self.values[self.sound])

    def gain(self, before: Returns) -> MeanReturn:
        """The paired difference from another policy. An episode that diverges under this policy alone gains nothing.

        Episodes that diverge under the other policy are left out.
        """
        difference = np.where(self.sound, self.values - before.values, 0.0)
        return MeanReturn.of(difference[before.sound])


class Comparison:
    """Worlds in which policies are compared: the same tasks and initial states for each, without exploration.

    Args:
        policy: A policy of the family.
        tasks: The tasks, ``[task]``.
        episodes: Episodes of each.
        seed: Determines the initial states.
        purpose: What the random numbers are for, see :func:`robotmeta.seeding.streams`.
        simulator: Physics backend; None for that of the policy's run.
        threads: Number of physics threads.
    """

    def __init__(
        self,
        policy: Policy,
        tasks: Tasks,
        episodes: int,
        seed: int,
        purpose: str,
        *,
        simulator: str | None = None,
        threads: int | None = None,
    ) -> None:
        self._worlds = TaskWorlds(policy, tasks, simulator=simulator, threads=threads)
        self._tasks, self._episodes, self._seed, self._purpose = len(tasks), episodes, seed, purpose

    def returns(self, policy: Policy) -> Returns:
        """The returns of an adapted policy, which goes on adapting as it acts."""
        generator, _ = streams(self._seed, self._purpose)
        belief = policy.begin(self._tasks)
        try:
            rollout, _ = collect_episodes(
                self._worlds, policy.learner, belief, self._episodes, generator, explore=False
            )
        except SimulationDiverged:
            nothing = np.zeros((self._tasks, self._episodes))
            return Returns(nothing, nothing > 0, 0)
        return _returns(rollout)


def _returns(rollout: Rollout) -> Returns:
    return Returns(rollout.returns.cpu().numpy(), ~rollout.diverged.cpu().numpy(), rollout.steps)

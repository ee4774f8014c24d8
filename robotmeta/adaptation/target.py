"""What a policy adapts to: a simulated task, or an environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from robotmeta.adaptation.episodes import Episode
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.worlds import Worlds, collect_episodes
from robotmeta.experience.rollout import Rollout
from robotmeta.policy import Policy
from robotmeta.seeding import streams

T = TypeVar("T")


class Collected(NamedTuple):
    """The adaptation episodes so far.

    Attributes:
        adapted: The policy with the belief that it formed in the robot's episodes.
        rollouts: These episodes.
        recorded: The same, with the actions as they were applied.
    """

    adapted: Policy
    rollouts: Sequence[Rollout]
    recorded: RecordedEpisodes


class Target(Protocol):
    """Runs the episodes of an adaptation."""

    @property
    def simulated(self) -> bool:
        """Whether an episode costs nothing but time, so that it may run after Ctrl-C."""
        ...

    @property
    def history(self) -> Sequence[Episode]:
        """All episodes so far."""
        ...

    @property
    def recorded(self) -> RecordedEpisodes:
        """The steps of the adaptation episodes so far."""
        ...

    @property
    def stopped(self) -> str | None:
        """Which limit ended the episodes before all were done; None if none did."""
        ...

    def collect(self, acting: Policy, number: int) -> Collected:
        """Runs the adaptation episodes of a round, which are counted from 0, and returns all so far."""
        ...

    def mean_return(self, acting: Policy, phase: str) -> float | None:
        """Mean return of the evaluation episodes; None if there are none, or not all could run."""
        ...

    def complete(self) -> bool:
        """Whether all episodes that were asked for ran, and nothing has ended the adaptation."""
        ...

    def interruptible(self, work: Callable[[], T]) -> T | None:
        """The result of work in simulation; None if Ctrl-C ended it, and then the target is not complete."""
        ...


def evaluated(policy: Policy, worlds: Worlds, phase: str, episodes: int, seed: int) -> Rollout:
    """Evaluation episodes; those before adaptation act from the belief alone."""
    fresh, _ = streams(seed, "trials")
    belief, remember = policy.begin(1), phase != "before"
    return collect_episodes(worlds, policy.learner, belief, episodes, fresh, explore=False, remember=remember)[0]

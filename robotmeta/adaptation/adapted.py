"""The result of an adaptation."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from robotmeta.adaptation.episodes import Episode
from robotmeta.adaptation.fine_tune import FineTuned
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.fitting.result import Fit
from robotmeta.envs import Estimate
from robotmeta.policy import Policy


@dataclass(frozen=True)
class Adapted:
    """The result of adaptation to one task.

    Attributes:
        policy: The adapted policy, or the fine-tuned one. It can be recorded, evaluated, exported and saved like any
            other.
        after_episodes: The policy after the first adaptation episodes, before any fine-tuning.
        episodes: Number of adaptation episodes that ran to their end. A broken or stopped one is not counted, though
            the policy learns from its steps.
        return_before: Mean return of evaluation episodes without adaptation: the policy acts from its initial belief,
            which is reset at every step. None if it was not measured.
        return_after: Mean return of evaluation episodes after adaptation, from the same initial states. None if it was
            not measured.
        inferred: The adapted policy's estimate of each parameter of the task; None for learners that make none.
        history: All episodes, in their order, also those that broke. The means of returns leave broken ones out.
        stopped: Which limit ended the adaptation before all episodes were done; None if none did.
        fine_tuned: The result of fine-tuning; None if there was none.
        return_fine_tuned: Mean return of evaluation episodes after fine-tuning, from the same initial states. None if
            it was not measured.
        recorded: The steps of the adaptation episodes; None if there are none.
        fit: The result of the fit; None if there was none.
    """

    policy: Policy
    after_episodes: Policy
    episodes: int
    return_before: float | None
    return_after: float | None
    inferred: dict[str, Estimate] | None = None
    history: tuple[Episode, ...] = ()
    stopped: str | None = None
    fine_tuned: FineTuned | None = None
    return_fine_tuned: float | None = None
    recorded: RecordedEpisodes | None = field(default=None, repr=False)
    fit: Fit | None = field(default=None, repr=False)

    @property
    def first_episodes(self) -> int:
        """Number of adaptation episodes before the first evaluation or fit; ``return_after`` is measured after them."""
        first = itertools.takewhile(lambda episode: episode.phase == "adaptation", self.history)
        return min(sum(episode.whole for episode in first), self.episodes)

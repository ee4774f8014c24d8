"""What each stage of an adaptation gains, from its evaluation episodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from robotmeta.adaptation.adapted import Adapted
from robotmeta.evaluation.intervals import Curve


class StageResult(NamedTuple):
    """What the evaluation episodes after one stage say.

    Attributes:
        title: The stage.
        episodes: Number of evaluation episodes that did not break.
        mean_return: Their mean return with its 95 % interval.
        success: Their success rate with its 95 % interval; empty if the family does not define it.
    """

    title: str
    episodes: int
    mean_return: str
    success: str


def stage_results(adapted: Adapted) -> Iterator[StageResult]:
    """What each stage gained, of those that were measured."""
    first, all_of_them = (f"{n} episode{'' if n == 1 else 's'}" for n in (adapted.first_episodes, adapted.episodes))
    fit = "" if adapted.fit is None else "fit and "
    for phase, title in (
        ("before", "without adaptation"),
        ("after", f"after {first}"),
        ("fine-tuned", f"after {all_of_them}, {fit}fine-tuning"),
    ):
        episodes = [e for e in adapted.history if e.phase == phase and e.ended != "broke"]
        if episodes:
            returns = Curve(np.array([[e.total_return for e in episodes]]))
            successes = [float(e.success) for e in episodes if e.success is not None]
            rate = Curve(np.array([successes]), binary=True).text("{:.0%}".format) if successes else ""
            yield StageResult(title, len(episodes), returns.text("{:.1f}".format), rate)

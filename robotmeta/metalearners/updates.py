"""The meta-updates of an iteration: one, or one after each part of its episodes."""

from __future__ import annotations

import time

import torch

from robotmeta.distributed import summed
from robotmeta.experience.rollout import Trial
from robotmeta.metalearners.protocol import Anchor, MetaLearner


class Updates:
    """Makes the meta-updates of an iteration, and keeps what they tell.

    Args:
        learner: What is updated.
        generator: A CPU generator for shuffling.
        anchor: The policy that it stays close to; None for none.

    Attributes:
        seconds: How long they took.
    """

    def __init__(self, learner: MetaLearner, generator: torch.Generator, anchor: Anchor | None = None) -> None:
        self._learner, self._generator, self._anchor = learner, generator, anchor
        self._told: list[dict[str, float]] = []
        self.seconds = 0.0

    def __call__(self, trial: Trial) -> None:
        """Makes the next meta-update. A part in which nothing happened, because all episodes had ended, has none."""
        (steps,) = summed([torch.tensor(trial.steps)])
        if not steps:
            return
        began = time.perf_counter()
        self._told.append(self._learner.update(trial, self._generator, self._anchor))
        self.seconds += time.perf_counter() - began

    def metrics(self) -> dict[str, float]:
        """Means over the meta-updates, by name; empty if there was none."""
        first, count = (self._told or [{}])[0], len(self._told)
        return {name: sum(told[name] for told in self._told) / count for name in first}

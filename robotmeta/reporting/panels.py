"""Panels of a video: policies in worlds of their own, which show the same task from the same start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor

from robotmeta.envs import TaskBatchEnv
from robotmeta.experience.rollout import Belief, play
from robotmeta.policy import Policy
from robotmeta.reporting.caption import heading, heading_height
from robotmeta.seeding import streams


class Outcome(NamedTuple):
    """How the episode of a panel goes.

    Attributes:
        total_return: Undiscounted return so far.
        success: Whether it is a success if it ends now; None if the family does not define it.
        ended: Whether this was the last step.
    """

    total_return: float
    success: bool | None
    ended: bool

    def text(self) -> str:
        """Such as ``return 12.3, success``. That it is no success is certain at the end alone."""
        said = f"return {self.total_return:.1f}"
        if self.success is None or not (self.success or self.ended):
            return said
        return f"{said}, {'success' if self.success else 'no success'}"


@dataclass(frozen=True)
class Panel:
    """One policy in its world.

    Attributes:
        title: The stage of an adaptation.
        policy: The policy that acts.
        belief: The belief that it acts from.
        env: Its world, which no other panel has.
        remember: Whether the belief changes while it acts.
    """

    title: str
    policy: Policy
    belief: Belief
    env: TaskBatchEnv
    remember: bool = True

    def played(self, seed: int) -> Iterator[Outcome]:
        """Plays one episode, one control step at a time. The seed determines its start."""
        total, (start, _) = 0.0, streams(seed, "recording")
        steps = play(self.env, self.policy.learner, self.belief, start, explore=False, remember=self.remember)
        for t, played in enumerate(steps, start=1):
            total += played.step.reward.item()
            success = self.env.success()
            ended = t == self.env.horizon or _any(played.step.terminated) or _any(played.step.diverged)
            yield Outcome(total, None if success is None else bool(success), ended)

    def draw(self, outcome: Outcome, width: int, height: int, size: int) -> np.ndarray:
        """The world as it is now below its heading, uint8 ``[panel_height, width, 3]``."""
        above = heading(self.title, outcome.text(), width, size)
        return np.concatenate([above, self.env.render(width, height)])


def panel_height(height: int, size: int) -> int:
    """Pixels of a panel, of which ``height`` are its picture; ``size`` is that of its font."""
    return heading_height(size) + height


def side_by_side(panels: list[np.ndarray]) -> np.ndarray:
    """Panels of the same height in one picture, with a white line between two."""
    for panel in panels[:-1]:
        panel[:, -1:] = 255
    for panel in panels[1:]:
        panel[:, :1] = 255
    return np.concatenate(panels, axis=1)


def _any(ended: Tensor | None) -> bool:
    return ended is not None and bool(ended.any())

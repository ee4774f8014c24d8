"""How long a specialist trains: until its learning curve is flat, in numbers, or to a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from robotmeta.errors import UserError


@dataclass(frozen=True)
class Flat:
    """A curve is flat if its last evaluations are hardly better than those before them.

    ``mean(R[-n:]) - mean(R[-2n:-n]) < gain * (max(R) - min(R))`` for the returns ``R`` of all evaluations so far and
    ``n`` evaluations. The range of the curve makes the rule independent of the reward's unit and sign.
    """

    evaluations: int = 8
    """n: the last n evaluations are compared with the n before them."""
    gain: float = 0.01
    """Gain, as a share of the range of the curve, below which it is flat."""

    def __post_init__(self) -> None:
        if self.evaluations < 1:
            raise UserError(f"evaluations must be at least 1, not {self.evaluations}")
        if not 0.0 < self.gain < 1.0:
            raise UserError(f"gain must be between 0 and 1, not {self.gain:g}")

    def times(self, returns: Sequence[float]) -> int:
        """How often a curve has become flat. After each time, only later evaluations are compared.

        Args:
            returns: Return at each evaluation so far.
        """
        found, start, n = 0, 0, self.evaluations
        for end in range(1, len(returns) + 1):
            if end - start < 2 * n:
                continue
            before, last = np.mean(returns[end - 2 * n : end - n]), np.mean(returns[end - n : end])
            if last - before < self.gain * np.ptp(returns[:end]):
                found, start = found + 1, end
        return found


class Evaluated(NamedTuple):
    """One evaluation during the training."""

    iteration: int
    env_steps: int
    seconds: float
    mean_return: float


@dataclass(frozen=True)
class Schedule:
    """How long a specialist trains, and how it is evaluated meanwhile."""

    worlds: int = 32
    """Episodes of one update."""
    evaluate_every: int = 5
    """Updates from one evaluation to the next."""
    episodes: int = 20
    """Episodes of an evaluation. They act by the mean of the policy."""
    flat: Flat = field(default_factory=Flat)
    """When the curve of the evaluations is flat."""
    drops: int = 2
    """How often the step size is divided when the curve is flat, before the training ends."""
    divisor: float = 3.0
    """What the step size is divided by."""
    max_steps: int = 3_000_000
    """Control steps after which the training ends, flat or not."""

    def __post_init__(self) -> None:
        if self.episodes < 2:
            raise UserError(f"episodes must be at least 2, not {self.episodes}: one does not say how they scatter")
        for name in ("worlds", "evaluate_every", "max_steps"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}")

    def drops_after(self, history: Sequence[Evaluated]) -> int:
        """How often the curve of some evaluations has been flat."""
        return self.flat.times([evaluated.mean_return for evaluated in history])

    def ended(self, history: Sequence[Evaluated]) -> bool:
        """Whether a training ends after these evaluations."""
        if not history:
            return False
        return self.drops_after(history) > self.drops or history[-1].env_steps >= self.max_steps

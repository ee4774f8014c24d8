"""When a learning curve is flat, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

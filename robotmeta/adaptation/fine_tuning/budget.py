"""How long fine-tuning may go on: seconds, or control steps."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass

from robotmeta.errors import UserError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)([smh])")
_LARGEST = 2**53


@dataclass(frozen=True)
class Budget:
    """Seconds, or control steps in simulation; the other one is None."""

    seconds: float | None = None
    steps: int | None = None

    @classmethod
    def of(cls, given: str | int) -> Budget:
        """Reads a budget: ``"60s"``, ``"2m"``, ``"1h"``, or control steps as a whole number or its text.

        Raises:
            UserError: For anything else, or a budget of nothing.
        """
        text = given.strip() if isinstance(given, str) else None
        timed = None if text is None else _SECONDS.fullmatch(text)
        if timed is not None:
            found = cls(seconds=float(timed[1]) * _UNITS[timed[2]])
        else:
            found = cls(steps=_whole(given if text is None else text))
        if not 0 < (found.steps or found.seconds or 0) <= _LARGEST:
            raise UserError(f"the budget of fine-tuning must be positive and at most 2^53, not {given}")
        return found

    def used(self, steps: int, seconds: float) -> float:
        """The share of it that is used; 1 or more once it is spent."""
        if self.steps is not None:
            return steps / self.steps
        return seconds / (self.seconds or math.inf)


def _whole(given: object) -> int:
    try:
        if isinstance(given, bool):
            raise TypeError
        return int(given) if isinstance(given, str) else operator.index(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UserError(
            f"the budget of fine-tuning must be a time, such as '60s' or '2m', or a number of control steps, such as "
            f"200000, not {given!r:.60}"
        ) from None

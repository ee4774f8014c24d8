"""How many control steps are due, so that a simulation runs in real time or a multiple of it."""

from __future__ import annotations

FRAME = 1 / 30
"""Seconds from one frame to the next."""
_MOST = 0.25  # seconds to make up for: a computer that is too slow runs in slow motion


class Pacer:
    """Counts the control steps that are due.

    Args:
        dt: Control step, seconds.

    Attributes:
        speed: Seconds of simulation a second.
        running: Whether steps become due by themselves.
    """

    def __init__(self, dt: float) -> None:
        self._dt, self._owed = dt, 0.0
        self._last: float | None = None
        self.speed, self.running = 1.0, True

    def due(self, now: float) -> int:
        """The number of control steps to make now, none at the first call.

        Args:
            now: Time, seconds, of a clock that never goes back.
        """
        passed = 0.0 if self._last is None else now - self._last
        self._last = now
        if not self.running:
            self._owed = 0.0
            return 0
        self._owed += self.speed * min(passed, _MOST)
        steps = int(self._owed / self._dt + 1e-9)
        self._owed -= steps * self._dt
        return steps

"""A signal during meta-training: finish the iteration, save a checkpoint, stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from robotmeta.interrupts import Stopped, handled


class StopSignal:
    """Whether a signal asks to stop.

    Attributes:
        number: The signal; None as long as there is none.
    """

    number: int | None = None

    def __bool__(self) -> bool:
        return self.number is not None


@contextmanager
def stop_signal() -> Iterator[StopSignal]:
    """Gives what Ctrl-C, a termination signal or the end of the terminal sets. The second one stops at once."""
    asked = StopSignal()

    def stop(number: int, frame: FrameType | None) -> None:
        if asked:
            raise Stopped(number)
        asked.number = number

    with handled(stop):
        yield asked

"""Signals that end a process: Ctrl-C, a termination signal, and the end of its terminal.

The exit status of a process that a signal stopped is 128 and the number of the signal.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = tuple(
    number for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)) if number is not None
)
"""The signals: Ctrl-C, termination, and the end of the terminal."""


class Stopped(KeyboardInterrupt):
    """A signal stopped what was going on.

    Args:
        number: The signal.
        said: What to tell the user.
    """

    def __init__(self, number: int, said: str = "stopped") -> None:
        super().__init__(said)
        self.status = 128 + number
        """Exit status of the process."""


@contextmanager
def handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handles the signals in the main thread, except for those that are ignored, as a hang-up is after ``nohup``."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in ENDING if n == signal.SIGINT or signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, signal.SIG_DFL if handler_before is None else handler_before)


@contextmanager
def raising() -> Iterator[None]:
    """Turns the first signal into :class:`Stopped`, so that partial files are removed. The second one exits at once."""
    from robotmeta.errors import UserError  # not before Ctrl-C is handled

    came: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if came:
            os._exit(128 + number)
        came.append(number)
        raise Stopped(number)

    with handled(stop):
        try:
            yield
        except Exception as error:
            # Code in C that is interrupted while it imports a module raises something else.
            if came and not isinstance(error, UserError):
                raise Stopped(came[0]) from None
            raise


class StopSignal:
    """Whether a signal asks to stop.

    Attributes:
        number: The signal; None as long as there is none.
    """

    number: int | None = None

    def __bool__(self) -> bool:
        return self.number is not None


@contextmanager
def stop_signal(on_stop: Callable[[], None] = lambda: None) -> Iterator[StopSignal]:
    """Gives what Ctrl-C, a termination signal or the end of the terminal sets. The second one stops at once.

    Args:
        on_stop: Called at the first one, within the handler, so it must not print.
    """
    asked = StopSignal()

    def stop(number: int, frame: FrameType | None) -> None:
        if asked:
            raise Stopped(number)
        asked.number = number
        on_stop()

    with handled(stop):
        yield asked


def say_so_while_importing() -> None:
    """Makes Ctrl-C end the process of the command in one line while it imports its modules.

    It does nothing in a process that only imports the package. :func:`raising` takes over afterwards.
    """
    module = "-m" in sys.orig_argv and sys.orig_argv[sys.orig_argv.index("-m") + 1 :][:1]
    started = module in (["robotmeta"], ["robotmeta.cli"]) or os.path.basename(sys.argv[0]) == "robotmeta"  # noqa: PTH119
    if started and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit)


def _exit(number: int, frame: FrameType | None) -> None:
    os.write(2, b"robotmeta: stopped\n")
    os._exit(128 + number)

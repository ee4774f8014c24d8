"""Ctrl-C between two steps of an environment, so that no step and no adaptation step is cut in two."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Interrupts:
    """Holds back Ctrl-C, and other signals that have a handler in Python, while no environment runs.

    A signal takes effect in :meth:`allowed`: at once if the environment runs, so that one that hangs can be stopped,
    else when it runs next. The second signal takes effect at once. Outside the main thread nothing is held back.

    Attributes:
        raised: What the handler of a signal raised, such as KeyboardInterrupt; None if nothing yet.
    """

    def __init__(self) -> None:
        self.raised: BaseException | None = None
        self._open = False
        self._pending: int | None = None
        self._before: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for name in _SIGNALS:
                number = getattr(signal, name, None)  # some systems have fewer
                handler = None if number is None else signal.getsignal(number)
                if number is not None and callable(handler):
                    self._before[number] = handler
                    signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Where signals take effect."""
        self._open = True
        try:
            if self._pending is not None:
                self._deliver(self._pending, None)
            yield
        finally:
            self._open = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._open or self._pending is not None:
            self._deliver(number, frame)
        else:
            self._pending = number

    def _deliver(self, number: int, frame: FrameType | None) -> None:
        self._pending = None
        try:
            self._before[number](number, frame)
        except BaseException as error:
            self.raised = error
            raise

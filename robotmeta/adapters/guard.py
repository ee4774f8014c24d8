"""Calls into somebody's environment: every error becomes one line, and a call that hangs is ended."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from robotmeta.errors import EnvironmentFailed, reason

T = TypeVar("T")


class Misfit(ValueError):
    """What an environment returned does not fit its interface."""


class _Late(BaseException):
    """Raised inside a call that takes too long. It is no Exception, so that ``except Exception`` does not keep it."""


def guarded(during: str, call: Callable[[], T], timeout: float | None = None) -> T:
    """Calls a function of somebody's environment.

    With a timeout, the main thread is interrupted by an alarm (``SIGALRM``): the call ends there and then, so that the
    environment can be closed and sends nothing any more. Other threads, and systems without alarms, make the call in a
    thread of its own and leave it behind when it is late. Neither ends a call that keeps Python's global lock.

    Args:
        during: What the call is, such as ``"step 37"``, for errors.
        call: The function.
        timeout: Seconds after which the call is late; None for never.

    Raises:
        EnvironmentFailed: If it raises an error, exits, or is late.
    """
    try:
        return call() if timeout is None else _timed(call, timeout)
    except _Late:
        raise EnvironmentFailed(f"no answer within {timeout:g} s", during) from None
    except Misfit as error:
        raise EnvironmentFailed(str(error), during) from error
    except (Exception, SystemExit) as error:
        raise EnvironmentFailed(reason(error), during) from error


def _timed(call: Callable[[], T], timeout: float) -> T:
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        with _alarm(timeout):
            return call()
    return _in_a_thread(call, timeout)


@contextlib.contextmanager
def _alarm(timeout: float) -> Iterator[None]:
    running = True

    def late(signum: int, frame: Any) -> None:
        if running:
            raise _Late

    before = signal.signal(signal.SIGALRM, late)
    # It rings again, in case the environment catches the first with a bare `except`.
    signal.setitimer(signal.ITIMER_REAL, timeout, 1.0)
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _in_a_thread(call: Callable[[], T], timeout: float) -> T:
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # raised again in the thread that waits
            failure.append(error)

    thread = threading.Thread(target=run, name="environment", daemon=True)
    thread.start()
    thread.join(timeout)
    if failure:
        raise failure[0]
    if not outcome:
        raise _Late
    return outcome[0]

"""The progress of a stage that takes place in simulation."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from robotmeta.console import plain_console

_PLAIN_EVERY = 10.0  # seconds from one line to the next if there is no terminal


class StageBar:
    """A progress bar on a terminal, else one line every ten seconds. It starts when it is first shown.

    Args:
        name: Name of the stage.

    Attributes:
        shown: Whether it has been shown.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._console = plain_console(stderr=True)
        self._bar = Progress(
            TextColumn(name),
            BarColumn(),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=1.0, status="")
        self._last = -_PLAIN_EVERY
        self.shown = False

    def show(self, share: float, status: str) -> None:
        """Shows how far the stage is; the bar stops when it is done.

        Args:
            share: Share that is done, from 0 to 1.
            status: What else there is to say.
        """
        self.shown = True
        self._bar.start()
        self._bar.update(self._task, completed=share, status=status)
        seconds = time.perf_counter()
        if not self._console.is_terminal and (share == 1.0 or seconds - self._last > _PLAIN_EVERY):
            self._last = seconds
            print(f"{self._name} {share:4.0%}  {status}", file=sys.stderr, flush=True)
        if share == 1.0:
            self.stop()

    def stop(self) -> None:
        """Leaves the bar as it is."""
        self._bar.stop()


@contextmanager
def stage_bar(name: str) -> Iterator[StageBar]:
    """A bar that is stopped at the end."""
    bar = StageBar(name)
    try:
        yield bar
    finally:
        bar.stop()


def shows_tasks(bar: StageBar) -> Callable[[int, int], None]:
    """Shows after each task how many are done, and how long the others will take."""
    began, first = time.perf_counter(), 0

    def show(done: int, tasks: int) -> None:
        nonlocal began, first
        if not bar.shown:
            began, first = time.perf_counter(), done
        pace = (time.perf_counter() - began) / max(done - first, 1)
        left = f", ETA {pace * (tasks - done) / 60.0:.0f} min" if first < done < tasks else ""
        bar.show(done / tasks, f"{done} of {tasks} tasks{left}")

    return show

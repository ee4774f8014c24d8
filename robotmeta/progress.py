"""How far something is, for what takes more than two seconds."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, Progress, TextColumn

from robotmeta.console import is_quiet, plain_console

SILENT = 2.0
"""Seconds in which nothing is shown."""
PLAIN_EVERY = 10.0
"""Seconds from one line to the next if there is no terminal."""
_REDRAW_EVERY = 0.2


class StageBar:
    """A progress bar on a terminal, else one line every ten seconds. It appears after two seconds.

    It counts from the first call of :meth:`show`, and goes on by itself between two calls.

    Args:
        name: Name of the stage.
        shown: Whether to show anything; nothing is shown with :func:`robotmeta.console.quieted` either.
    """

    def __init__(self, name: str, *, shown: bool = True) -> None:
        self._name = name
        self._shown = shown and not is_quiet()
        self._watch: _Watch | None = None

    def show(self, share: float | None, status: str = "", *, left: float | None = None) -> None:
        """Shows how far the stage is. The bar stops when it is done.

        Args:
            share: Share that is done, from 0 to 1; None if nobody knows.
            status: What else there is to say.
            left: Seconds that are left; None to estimate them.
        """
        if not self._shown:
            return
        if self._watch is None:
            self._watch = _Watch(_State(self._name, share))
        self._watch.state.update(share, status, left)
        if share is not None and share >= 1.0:
            self.stop()

    def note(self, status: str) -> None:
        """Shows something else behind the bar. It prints nothing itself, so the handler of a signal may call it."""
        if self._watch is not None:
            self._watch.state.status = status

    def stage(self, name: str) -> None:
        """Stops this stage and begins another one. Nothing happens if it has this name."""
        if name != self._name:
            self.stop()
            self._name = name

    def say(self, line: str, *, error: bool = False) -> None:
        """Prints a line on stderr, above the bar if there is one. An error is printed in any case."""
        if self._watch is not None:
            self._watch.say(line)
        elif self._shown or error:
            plain_console(stderr=True).print(line, soft_wrap=True)

    def stop(self) -> None:
        """Leaves the bar as it is. Another call of :meth:`show` begins a new one."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()


@contextlib.contextmanager
def stage_bar(name: str, *, shown: bool = True) -> Iterator[StageBar]:
    """A bar that is stopped at the end; see :class:`StageBar`."""
    bar = StageBar(name, shown=shown)
    try:
        yield bar
    finally:
        bar.stop()


def shows_count(bar: StageBar, what: str = "") -> Callable[[int, int], None]:
    """Shows how many of all are done.

    Args:
        bar: The bar.
        what: What is counted, such as ``"tasks"``; nothing to show no numbers.
    """

    def show(done: int, total: int) -> None:
        bar.show(done / max(total, 1), f"{done} of {total} {what}" if what else "")

    return show


class _State:
    """How far a stage is, and how long the rest will take."""

    def __init__(self, name: str, share: float | None) -> None:
        self.name, self.share, self.status = name, share, ""
        self._first = share or 0.0
        self._began = time.perf_counter()
        self._ends: float | None = None

    def update(self, share: float | None, status: str, left: float | None) -> None:
        now = time.perf_counter()
        if left is None and share is not None and share > self._first:
            left = (now - self._began) / (share - self._first) * (1.0 - share)
        self.share, self.status = share, status
        self._ends = None if left is None else now + left

    def _eta(self) -> str:
        if self._ends is None or self.share == 1.0:
            return ""
        return f"ETA {_duration(max(0.0, self._ends - time.perf_counter()))}"

    def text(self) -> str:
        """What stands behind the bar: status, time since the start, time that is left."""
        return "  ".join(filter(None, (self.status, _duration(time.perf_counter() - self._began), self._eta())))

    def line(self) -> str:
        """What stands in a line without a bar."""
        return f"{self.name} {'' if self.share is None else f'{self.share:4.0%}'}  {self.text()}"


def _duration(seconds: float) -> str:
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"


class _Watch(threading.Thread):
    """Shows a stage while the main thread works at it."""

    def __init__(self, state: _State) -> None:
        super().__init__(daemon=True)
        self.state = state
        self._console = plain_console(stderr=True)
        self._ended = threading.Event()
        self._appeared = False
        self.start()

    def run(self) -> None:
        if self._ended.wait(SILENT):
            return
        self._appeared = True
        with contextlib.suppress(OSError, ValueError):  # nobody reads stderr any more
            self._draw() if self._console.is_terminal else self._print()

    def say(self, line: str) -> None:
        """Prints a line on stderr, above the bar if there is one."""
        self._console.print(line, soft_wrap=True)

    def stop(self) -> None:
        self._ended.set()
        self.join()
        if self._appeared and not self._console.is_terminal and self.state.share == 1.0:
            self.say(self.state.line())

    def _draw(self) -> None:
        # sys.stdout and sys.stderr stay as they are: this is not the thread that may change them.
        name, said = (TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[said]}"))
        columns = (name, BarColumn(), said)
        with Progress(*columns, console=self._console, redirect_stdout=False, redirect_stderr=False) as bar:
            shown, ended = bar.add_task(self.state.name, total=None, said=""), False
            while not ended:
                share = self.state.share
                total = None if share is None else 1.0
                bar.update(shown, total=total, completed=share or 0.0, said=self.state.text())
                ended = self._ended.wait(_REDRAW_EVERY)
            bar.update(shown, completed=self.state.share or 0.0, said=self.state.text())

    def _print(self) -> None:
        self.say(self.state.line())
        while not self._ended.wait(PLAIN_EVERY):
            self.say(self.state.line())

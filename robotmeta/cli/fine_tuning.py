"""What ``robotmeta adapt --fine-tune`` shows while it runs and at its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from robotmeta.cli.shared import console
from robotmeta.console import plain_console

if TYPE_CHECKING:
    import robotmeta as rm
    from robotmeta.adaptation.fine_tune import FineTuning

_PLAIN_EVERY = 10.0  # seconds from one line to the next if there is no terminal


class FineTuneBar:
    """A progress bar with an ETA on a terminal, else one line every ten seconds. It starts with the first iteration."""

    def __init__(self) -> None:
        self._console = plain_console(stderr=True)
        self._bar = RichProgress(
            TextColumn("fine-tuning"),
            BarColumn(),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=1.0, status="")
        self._last = -_PLAIN_EVERY

    def show(self, now: FineTuning) -> None:
        """Shows how far it is."""
        status = (
            f"simulated return {now.return_before:.1f} -> {now.return_best:.1f}  {now.steps / 1e3:.0f}k steps  "
            f"ETA {now.left:.0f} s"
        )
        self._bar.start()
        self._bar.update(self._task, completed=now.share, status=status)
        seconds = time.perf_counter()
        if not self._console.is_terminal and (now.share == 1.0 or seconds - self._last > _PLAIN_EVERY):
            self._last = seconds
            print(f"{now.share:4.0%}  {status}", file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Leaves the bar as it is."""
        self._bar.stop()


@contextmanager
def fine_tune_bar() -> Iterator[FineTuneBar]:
    """A bar that is stopped at the end."""
    bar = FineTuneBar()
    try:
        yield bar
    finally:
        bar.stop()


def show_fine_tuned(result: rm.Adapted) -> None:
    """Prints what fine-tuning gained in simulation, and on the task or robot if that was measured."""
    tuned = result.fine_tuned
    if tuned is None:
        return
    early = "" if tuned.stopped is None else f"; it ended early: {tuned.stopped}"
    console.print(
        f"Fine-tuning: simulated return {tuned.return_before.text()} -> {tuned.return_after.text()}, "
        f"{tuned.seconds:.0f} s, {tuned.steps / 1e3:.0f}k control steps, {tuned.iterations} iterations{early}"
    )
    if tuned.kept == 0:
        console.print("No fine-tuned policy was clearly better in simulation: the adapted one is kept.")
    if result.return_fine_tuned is not None:
        console.print(f"return after fine-tuning {result.return_fine_tuned:.1f}")

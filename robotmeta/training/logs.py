"""Logging during meta-training: one JSON line and TensorBoard scalars per iteration, and a progress bar."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from robotmeta.console import plain_console
from robotmeta.errors import printable
from robotmeta.files import read_file, write_text, writing
from robotmeta.json_values import check_types, json_text, parse_object
from robotmeta.policy import Policy
from robotmeta.training.outcomes import Outcomes
from robotmeta.training.run_folder import RunFolder

# Of every line. A return is null where no episode was left to count.
_TYPES = {"iteration": int, "env_steps": int, "seconds": float, "return_pre?": float, "return_post?": float}
_REQUIRED = {name.removesuffix("?") for name in _TYPES}
_PLAIN_EVERY = 10.0  # seconds from one line to the next if there is no terminal


class MetricsLog:
    """Appends to a run's ``metrics.jsonl`` and TensorBoard events.

    Args:
        folder: The run folder.
        start: First iteration to write. Lines of this and later iterations are removed: they will be made again.
    """

    def __init__(self, folder: RunFolder, start: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # takes a second to import

        self._file = folder.metrics
        kept = [line for line in read_metrics(self._file) if line["iteration"] < start]
        write_text(self._file, "".join(map(json_text, kept)), through=False)
        with writing(self._file):
            self._opened = self._file.open("a")
            self._board = SummaryWriter(str(folder.path), purge_step=start)
        self._before = kept[-1]["seconds"] if kept else 0.0
        self._began = time.perf_counter()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(OSError):  # every line is flushed already, and a failure to do so was reported
            self._opened.close()
        with contextlib.suppress(OSError):
            self._board.close()

    def write(
        self, policy: Policy, outcomes: Outcomes, metrics: dict[str, float], began: float, collected: float
    ) -> dict[str, Any]:
        """Logs one iteration and returns its line; ``began`` and ``collected`` are times of ``time.perf_counter``."""
        now = time.perf_counter()
        last = outcomes.last
        line: dict[str, Any] = {
            "iteration": policy.iteration - 1,
            "env_steps": policy.env_steps,
            "seconds": round(self._before + now - self._began, 3),
            "return_pre": outcomes.first.mean_return(),
            "return_post": last.mean_return(),
            "steps_per_second": outcomes.steps / (now - began),
            "collect_seconds": collected - began,
            "update_seconds": now - collected,
            "diverged": int(outcomes.diverged.sum()),
            "diverged_tasks": outcomes.diverged.any(dim=(0, 2)).nonzero().flatten().tolist(),
            **metrics,
        }
        if last.success is not None:
            line["success_post"] = float(last.success.float().mean())
        if last.distance is not None:
            line["distance_post"] = float(last.distance.mean())
        with writing(self._file):
            self._opened.write(json_text(line))
            self._opened.flush()
            for name, value in line.items():
                if name not in ("iteration", "diverged_tasks"):
                    self._board.add_scalar(name, value, policy.env_steps)
        return line


def read_metrics(file: Path) -> list[dict[str, Any]]:
    """The lines of a ``metrics.jsonl`` without those that are damaged, such as one that was cut off by a kill.

    How many lines are left out is said once, on stderr.

    Raises:
        UserError: If the file cannot be read.
    """
    if not file.exists():
        return []
    texts = read_file(file).splitlines()
    lines = [line for line in map(_line, texts) if line is not None]
    if len(lines) < len(texts):
        lost = f"{len(texts) - len(lines)} of {len(texts)} lines are damaged and left out"
        print(printable(f"{file}: {lost}"), file=sys.stderr)
    return lines


def _line(text: bytes) -> dict[str, Any] | None:
    """A line of the log; None if it is damaged."""
    try:
        line = parse_object(text, finite=False)  # earlier versions wrote NaN for null
        check_types(line, _TYPES)
    except ValueError:
        return None
    sound = line.keys() >= _REQUIRED and math.isfinite(line["seconds"]) and line["iteration"] >= 0
    return line if sound else None


class Progress:
    """A progress bar with an ETA on a terminal, else one line every ten seconds.

    Args:
        iterations: Total number of iterations.
        shown: Whether to show anything.
    """

    def __init__(self, iterations: int, shown: bool) -> None:
        self._iterations = iterations
        self._shown = shown
        self._console = plain_console(stderr=True)
        self._last = -_PLAIN_EVERY
        self._began = time.perf_counter()
        self._done = 0
        self._bar = RichProgress(
            TextColumn("meta-training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=self._console,
            disable=not (shown and self._console.is_terminal),
        )
        self._task = self._bar.add_task("", total=iterations, status="")

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def advance(self, line: dict[str, Any]) -> None:
        """Shows a finished iteration, given its line of the log."""
        self._done += 1
        status = (
            f"return {line['return_pre']:.1f} -> {line['return_post']:.1f}  "
            f"{line['env_steps'] / 1e6:.2f}M steps, {line['steps_per_second'] / 1e3:.1f}k/s"
        )
        self._bar.update(self._task, completed=line["iteration"] + 1, status=status)
        if line["diverged"] and self._shown:
            where = f"iteration {line['iteration']}, task {', '.join(map(str, line['diverged_tasks']))}"
            self._console.print(f"{where}: {line['diverged']} episodes diverged; they are left out")
        now = time.perf_counter()
        last = line["iteration"] + 1 == self._iterations
        if self._shown and not self._console.is_terminal and (last or now - self._last > _PLAIN_EVERY):
            self._last = now
            left = (now - self._began) / self._done * (self._iterations - line["iteration"] - 1)
            print(
                f"{line['iteration'] + 1}/{self._iterations}  {status}  ETA {left:.0f} s", file=sys.stderr, flush=True
            )

"""Logging during meta-training: one JSON line and TensorBoard scalars per iteration, and a progress bar."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from robotmeta.errors import printable
from robotmeta.files import read_file, write_text, writing
from robotmeta.json_values import check_types, json_text, parse_object
from robotmeta.policy import Policy
from robotmeta.progress import StageBar
from robotmeta.training.boards import Board
from robotmeta.training.outcomes import Outcomes
from robotmeta.training.run_folder import RunFolder

# Of every line. A return is null where no episode was left to count.
_TYPES = {"iteration": int, "env_steps": int, "seconds": float, "return_pre?": float, "return_post?": float}
_REQUIRED = {name.removesuffix("?") for name in _TYPES}


class MetricsLog:
    """Appends to a run's ``metrics.jsonl`` and boards, such as TensorBoard.

    Args:
        folder: The run folder.
        start: First iteration to write. Lines of this and later iterations are removed: they will be made again.
        boards: What else gets the numbers; they are closed at the end.
    """

    def __init__(self, folder: RunFolder, start: int, boards: Sequence[Board]) -> None:
        self._boards = boards
        self._file = folder.metrics
        kept = [line for line in read_metrics(self._file) if line["iteration"] < start]
        write_text(self._file, "".join(map(json_text, kept)), through=False)
        with writing(self._file):
            self._opened = self._file.open("a")
        self._before = kept[-1]["seconds"] if kept else 0.0
        self._began = time.perf_counter()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(OSError):  # every line is flushed already, and a failure to do so was reported
            self._opened.close()
        for board in self._boards:
            with contextlib.suppress(OSError):
                board.close()

    def write(
        self, policy: Policy, outcomes: Outcomes, metrics: dict[str, float], began: float, updating: float
    ) -> dict[str, Any]:
        """Logs one iteration and returns its line.

        Args:
            policy: The policy after it.
            outcomes: What became of its episodes.
            metrics: Further numbers.
            began: When it began, by ``time.perf_counter``.
            updating: Seconds of its meta-updates.
        """
        now = time.perf_counter()
        last = outcomes.last
        line: dict[str, Any] = {
            "iteration": policy.iteration - 1,
            "env_steps": policy.env_steps,
            "seconds": round(self._before + now - self._began, 3),
            "return_pre": outcomes.first.mean_return(),
            "return_post": last.mean_return(),
            "steps_per_second": outcomes.steps / (now - began),
            "collect_seconds": now - began - updating,
            "update_seconds": updating,
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
            scalars = {name: value for name, value in line.items() if name not in ("iteration", "diverged_tasks")}
            for board in self._boards:
                board.add(scalars, policy.env_steps, line["iteration"])
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
    """How far a training is, with an ETA.

    Args:
        start: Iterations that are made already.
        iterations: Iterations in all.
        shown: Whether to show anything.
    """

    def __init__(self, start: int, iterations: int, shown: bool) -> None:
        self._iterations = iterations
        self._bar = StageBar("meta-training", shown=shown)
        self._show(start, "")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def advance(self, line: dict[str, Any]) -> None:
        """Shows a finished iteration, given its line of the log."""
        if line["diverged"]:
            where = f"iteration {line['iteration']}, task {', '.join(map(str, line['diverged_tasks']))}"
            self._bar.say(f"{where}: {line['diverged']} episodes diverged; they are left out")
        status = (
            f"return {line['return_pre']:.1f} -> {line['return_post']:.1f}  "
            f"{line['env_steps'] / 1e6:.2f}M steps, {line['steps_per_second'] / 1e3:.1f}k/s"
        )
        self._show(line["iteration"] + 1, status)

    def stopping(self) -> None:
        """Shows that a signal asked to stop."""
        self._bar.note("stops after this iteration, and saves; a second signal stops at once, without saving")

    def _show(self, done: int, status: str) -> None:
        self._bar.show(done / self._iterations, f"{done}/{self._iterations}  {status}".rstrip())

"""Sweeps: the same training with several learners and seeds, each in a process of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robotmeta.config import RunConfig
from robotmeta.envs import TaskFamily
from robotmeta.errors import UserError
from robotmeta.files import writing
from robotmeta.interrupts import stop_signal
from robotmeta.training.run_folder import RunFolder

_POLL = 0.1  # seconds
_LAST = 500  # characters at the end of an output, which contain its last line


@dataclass(frozen=True)
class Planned:
    """A run of a sweep.

    Attributes:
        config: Its configuration.
        folder: Its run folder.
        options: What ``robotmeta train`` is called with, besides the folder.
    """

    config: RunConfig
    folder: RunFolder
    options: tuple[str, ...]

    @property
    def name(self) -> str:
        """Learner and seed."""
        return f"{self.config.learner}, seed {self.config.seed}"

    @property
    def finished(self) -> bool:
        """Whether it has made all its iterations."""
        return self.folder.exists() and self.folder.iteration >= self.config.iterations

    @property
    def command(self) -> list[str]:
        """The command that trains it, or continues it."""
        train = [sys.executable, "-m", "robotmeta", "train"]
        return [*train, *self.options, "--out", str(self.folder.path), "--continue"]

    @property
    def output(self) -> Path:
        """What the command prints."""
        return self.folder.path / "train.log"

    def check(self, family: TaskFamily) -> None:
        """Checks what the folder holds.

        Args:
            family: The family that the run is to have.

        Raises:
            UserError: If it is a run of another configuration, or of another version of the family.
        """
        if self.folder.exists():
            recorded, _ = self.folder.read_config()
            if dataclasses.replace(recorded, iterations=self.config.iterations) != self.config:
                raise UserError(f"{self.folder.path} holds a run of another configuration; choose another --out")
            self.folder.check_family(family)

    def last_line(self) -> str:
        """The last line that the command printed, as an error is."""
        with contextlib.suppress(OSError):
            lines = self.output.read_text(encoding="utf-8", errors="replace")[-_LAST:].strip().splitlines()
            if lines:
                return lines[-1]
        return f"{self.output} has no error; was it killed, or is the disk full?"


Report = Callable[[Planned, str], None]
"""Called with what happens to a run."""


def train_here(
    plan: Sequence[Planned], jobs: int, report: Report, on_poll: Callable[[], None] | None = None
) -> int | None:
    """Trains the runs of a sweep on this machine, some side by side.

    Args:
        plan: The runs.
        jobs: How many run at a time.
        report: Called when a run begins and ends.
        on_poll: Called ten times a second while they run.

    Returns:
        The signal that stopped all of them, each with a checkpoint; None if there was none.
    """
    waiting, passed_on = list(plan), False
    running: list[tuple[Planned, subprocess.Popen[bytes]]] = []
    with stop_signal() as stopped, _killed_at_the_end(running):
        while running or (waiting and not stopped):
            while waiting and len(running) < jobs and not stopped:
                planned = waiting.pop(0)
                running.append((planned, _started(planned)))
                report(planned, "begins")
            time.sleep(_POLL)
            if on_poll is not None:
                on_poll()
            for planned, process in [each for each in running if each[1].poll() is not None]:
                running.remove((planned, process))
                report(planned, _ended(planned, process.returncode))
            if stopped.number is not None and not passed_on:
                passed_on = True
                for _, process in running:
                    process.send_signal(stopped.number)
    return stopped.number


def _started(planned: Planned) -> subprocess.Popen[bytes]:
    # In a session of its own, Ctrl-C does not reach it a second time.
    with writing(planned.output):
        planned.folder.path.mkdir(parents=True, exist_ok=True)
        with planned.output.open("ab") as output:
            return subprocess.Popen(planned.command, stdout=output, stderr=output, start_new_session=True)


def _ended(planned: Planned, status: int) -> str:
    if status == 0:
        return "is finished"
    if status > 128:
        return "is stopped"
    return f"failed: {planned.last_line()}" if status > 0 else f"was killed by signal {-status}"


@contextlib.contextmanager
def _killed_at_the_end(running: Sequence[tuple[Planned, subprocess.Popen[bytes]]]) -> Iterator[None]:
    """Leaves no process behind, also after a second signal."""
    try:
        yield
    finally:
        for _, process in running:
            process.kill()
            process.wait()


# -- on a cluster ------------------------------------------------------------------------------------------------------


class Job:
    """A run as submitit calls it. Where the scheduler takes the machine away, the same command continues the run."""

    def __init__(self, command: list[str], output: Path) -> None:
        self.command, self.output = command, output

    def __call__(self) -> int:
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with self.output.open("ab") as output:
            return subprocess.call(self.command, stdout=output, stderr=output)

    def checkpoint(self) -> Any:
        """What submitit submits again."""
        return importlib.import_module("submitit").helpers.DelayedSubmission(self)


def train_on_cluster(
    plan: Sequence[Planned],
    cluster: str,
    options: Mapping[str, int | str],
    logs: Path,
    report: Report,
    on_poll: Callable[[], None] | None = None,
) -> int | None:
    """Submits the runs of a sweep through submitit, and waits for them.

    Args:
        plan: The runs. Their folders must be on a file system that the machines share.
        cluster: ``slurm``, or ``local`` for processes on this machine.
        options: Parameters of ``submitit.AutoExecutor``, such as ``timeout_min`` or ``slurm_partition``.
        logs: Folder of submitit.
        report: Called when a run is submitted and when it ends.
        on_poll: Called every second while they run.

    Returns:
        The signal that cancelled all jobs; None if there was none.

    Raises:
        UserError: If submitit is missing, or refuses the options.
    """
    try:
        submitit = importlib.import_module("submitit")
    except ImportError:
        raise UserError("--cluster needs submitit; install it with: pip install 'robotmeta[cluster]'") from None
    try:
        executor = submitit.AutoExecutor(folder=logs, cluster=cluster)
        executor.update_parameters(**options)
        with executor.batch():
            jobs = [executor.submit(Job(planned.command, planned.output)) for planned in plan]
    except Exception as error:  # of types of its own, for options and for a scheduler that is missing
        raise UserError(f"submitit refuses --cluster {cluster}: {str(error).splitlines()[0]}") from None
    running = list(zip(plan, jobs, strict=True))
    for planned, job in running:
        report(planned, f"is submitted as job {job.job_id}")
    with stop_signal() as stopped:
        while running and not stopped:
            time.sleep(1.0)
            if on_poll is not None:
                on_poll()
            for planned, job in [each for each in running if each[1].done()]:
                running.remove((planned, job))
                report(planned, "failed, see " + str(logs) if job.exception() else _ended(planned, job.result()))
        for _, job in running:
            job.cancel()
    return stopped.number

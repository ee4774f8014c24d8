"""Finds the command that was asked for, runs it, and turns errors into an exit status."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from robotmeta.cli.adapt import adapt
from robotmeta.cli.arguments import parsed
from robotmeta.cli.bench import bench
from robotmeta.cli.demo import demo
from robotmeta.cli.evaluate import evaluate
from robotmeta.cli.export import export
from robotmeta.cli.families import families
from robotmeta.cli.learners import learners
from robotmeta.cli.record import record
from robotmeta.cli.report import report
from robotmeta.cli.train import train_command
from robotmeta.errors import ModelWarning, SimulationDiverged, UserError


def main(arguments: list[str] | None = None) -> None:
    """Runs a command.

    The exit status is 0 on success, 2 for a mistake of the user, which is reported in one line, 1 where a simulation
    diverged or the reader of the output has gone, and 130 after Ctrl-C.

    Args:
        arguments: The command and its options; those of the process if left out.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    commands = {
        "demo": demo,
        "families": families,
        "learners": learners,
        "train": train_command(arguments),
        "adapt": adapt,
        "evaluate": evaluate,
        "record": record,
        "report": report,
        "export": export,
        "bench": bench,
    }
    try:
        with _warnings_in_one_line():
            parsed(commands, arguments)()
    except (UserError, SimulationDiverged) as error:
        _stop(str(error), 2 if isinstance(error, UserError) else 1)
    except KeyboardInterrupt:
        _stop("stopped", 130)
    except BrokenPipeError:  # as after `| head`; Python would report it again when it flushes stdout at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _stop(f"cannot write the output: {error.strerror}", 2)


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Prints warnings on a robot's model without the place in the code."""
    show = warnings.showwarning

    def in_one_line(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, ModelWarning):
            print(f"robotmeta: {message}", file=sys.stderr)
        else:
            show(message, category, *place, **more)

    with warnings.catch_warnings():
        warnings.showwarning = in_one_line
        yield


def _stop(reason: str, status: int) -> None:
    print(f"robotmeta: {reason}", file=sys.stderr)
    sys.exit(status)

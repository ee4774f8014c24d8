"""Finds the command that was asked for, runs it, and turns errors into an exit status."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

from robotmeta.cli.adapt import adapt
from robotmeta.cli.arguments import parsed
from robotmeta.cli.bench import bench
from robotmeta.cli.compare import compare_command
from robotmeta.cli.demo import demo
from robotmeta.cli.doctor import doctor
from robotmeta.cli.evaluate import evaluate
from robotmeta.cli.export import export
from robotmeta.cli.families import families
from robotmeta.cli.fit import fit
from robotmeta.cli.learners import learners
from robotmeta.cli.policies import policies
from robotmeta.cli.record import record
from robotmeta.cli.report import report
from robotmeta.cli.specialist import specialist
from robotmeta.cli.sweep import split, sweep_command
from robotmeta.cli.train import train_command
from robotmeta.cli.view import view
from robotmeta.errors import (
    EnvironmentFailed,
    OneLine,
    RankLost,
    RobotmetaWarning,
    SimulationDiverged,
    TrainingDiverged,
    UserError,
    printable,
    reason,
)
from robotmeta.interrupts import Stopped, raising
from robotmeta.ranks import let_first_speak, tells_user


def main(arguments: list[str] | None = None) -> None:
    """Runs a command.

    The exit status is 0 on success, 2 for a mistake of the user, which is reported in one line, 1 where a simulation
    or a training diverged, an environment failed, another rank was lost or the reader of the output has gone, 130 after
    Ctrl-C, and 143 after a termination signal.

    Args:
        arguments: The command and its options; those of the process if left out.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names need not fit the terminal's encoding
    try:
        if any("\0" in argument for argument in arguments):
            raise UserError("an argument contains a NUL character")
        with raising(), warnings.catch_warnings():
            warnings.simplefilter("default", RobotmetaWarning)
            warnings.showwarning = _show_warning
            command(arguments)()
    except (UserError, SimulationDiverged, TrainingDiverged, EnvironmentFailed, RankLost) as error:
        reported = isinstance(error, OneLine) and error.reported
        _stop(str(error), 2 if isinstance(error, UserError) else 1, reported=reported)
    except KeyboardInterrupt as stopped:
        _stop(str(stopped) or "stopped", stopped.status if isinstance(stopped, Stopped) else 128 + signal.SIGINT)
    except BrokenPipeError:  # as after `| head`; Python would report it again when it flushes stdout at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = "write the output" if error.filename is None else f"read or write {error.filename}"
        _stop(f"cannot {where}: {error.strerror or error}", 2)
    except (MemoryError, OverflowError) as error:
        _stop(f"a number is too large for this machine: {reason(error)}", 2)


def command(arguments: list[str]) -> Callable[[], None]:
    """The command that was asked for, ready to run.

    Raises:
        UserError: For an unknown command or option, or a value of the wrong type.
    """
    options: list[str] = []
    if arguments[:1] in (["sweep"], ["compare"]):
        arguments, options = split(arguments)
    commands = {
        "demo": demo,
        "families": families,
        "learners": learners,
        "policies": policies,
        "train": train_command(arguments),
        "sweep": sweep_command(options),
        "compare": compare_command(options),
        "adapt": adapt,
        "fit": fit,
        "evaluate": evaluate,
        "specialist": specialist,
        "record": record,
        "view": view,
        "report": report,
        "export": export,
        "bench": bench,
        "doctor": doctor,
    }
    return parsed(commands, arguments)


def _show_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
    """Prints a warning of ours without the line of code that it comes from, and others as Python does."""
    if not tells_user():
        return  # all ranks warn of the same
    ours = issubclass(category, RobotmetaWarning)
    text = str(message) if ours else warnings.formatwarning(message, category, filename, lineno)
    print(f"robotmeta: {text.rstrip()}", file=sys.stderr)


def _stop(said: str, status: int, *, reported: bool = False) -> None:
    """Ends the process. Of several ranks on a machine, the first one says why, unless another one tells it for all."""
    if not reported and tells_user():
        print(f"robotmeta: {printable(said)}", file=sys.stderr)
    elif reported:
        let_first_speak()
    sys.exit(status)

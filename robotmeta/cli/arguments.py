"""Commands and their options as they were typed, and what is wrong with them in one line."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import sys
from collections.abc import Callable, Mapping
from typing import Any

import tyro

from robotmeta.errors import UserError


def parsed(commands: Mapping[str, Callable[..., None]], arguments: list[str] | None) -> Callable[[], None]:
    """The command that was asked for, ready to be run.

    Raises:
        UserError: For options that it does not have, or values of the wrong type: what tyro says of it, in one line.
    """

    def later(command: Callable[..., None]) -> Callable[..., Callable[[], None]]:
        @functools.wraps(command)
        def chosen(*args: Any, **named: Any) -> Callable[[], None]:
            return functools.partial(command, *args, **named)

        return chosen

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.extras.subcommand_cli_from_dict(
                {name: later(command) for name, command in commands.items()},
                prog="robotmeta",
                description="Meta-train policies over MuJoCo task families and adapt them in a few episodes.",
                args=arguments,
                sort_subcommands=False,
            )
    except SystemExit as exit_:
        if not exit_.code:
            raise
        given = sys.argv[1:] if arguments is None else arguments
        command = given[0] if given and given[0] in commands else ""
        raise UserError(_in_one_line(said.getvalue(), command)) from None


def _in_one_line(box: str, command: str) -> str:
    """What tyro says in a box went wrong with the options of a command, and which it might have been."""
    # Where the terminal cannot draw a frame there are dashes alone.
    lines = ("" if set(line) <= set("╭╮╰╯│─- ") else line.strip("│ ") for line in box.splitlines()[1:])
    mistake, *more = [list(group) for filled, group in itertools.groupby(lines, bool) if filled] or [["no command"]]
    said = " ".join(mistake).rstrip(".")
    said = said[:1].lower() + said[1:]
    for about, *details in more:
        if about == "Got errors:":  # of each type that an optional value may have; the last one is what was meant
            said = f"{said.partition(': ')[0]}: {details[-1].partition(': ')[2]}"
        elif about == "Perhaps you meant:":
            options = [detail.split()[0] for detail in details if detail.startswith("--")]
            said += f"; nearest: {', '.join(dict.fromkeys(options))}"
        elif about.startswith("Available subcommands"):
            said += f"; there are: {' '.join((about, *details)).partition(': ')[2]}"
    return f"{said} (see {' '.join(filter(None, ('robotmeta', command)))} --help)"

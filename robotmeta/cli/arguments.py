"""Reads the command line with tyro, and turns its error messages into one line."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import tyro

from robotmeta.errors import UserError, unknown

_MARKERS = (tyro.conf.DisallowNone, tyro.conf.PositionalMetavarFromFieldName)


def parsed(commands: Mapping[str, Callable[..., None]], arguments: list[str]) -> Callable[[], None]:
    """The command that was asked for, ready to run.

    Raises:
        UserError: For an unknown command or option, or a value of the wrong type.
    """
    chosen = arguments[0] if arguments else ""
    if chosen in commands:
        commands = {chosen: commands[chosen]}  # tyro suggests the options of this command alone
    elif chosen and not chosen.startswith("-"):
        raise unknown("command", chosen, commands)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.extras.subcommand_cli_from_dict(
                {name: _later(command) for name, command in commands.items()},
                prog="robotmeta",
                description="Meta-train policies over MuJoCo task families and adapt them in a few episodes.",
                args=arguments,
                sort_subcommands=False,
                config=_MARKERS,
            )
    except SystemExit as exit_:
        if not exit_.code:
            raise
        see = f"robotmeta {chosen} --help" if chosen in commands else "robotmeta --help"
        raise UserError(f"{_in_one_line(said.getvalue())} (see {see})") from None


def _later(command: Callable[..., None]) -> Callable[..., Callable[[], None]]:
    """Binds a command's options instead of running it, so that its own errors are not taken for tyro's."""

    @functools.wraps(command)
    def bound(*args: Any, **named: Any) -> Callable[[], None]:
        return functools.partial(command, *args, **named)

    return bound


def _in_one_line(box: str) -> str:
    """The message in the box that tyro prints, with the nearest options or the usage of the option."""
    # The box has an empty line of dashes between its parts. Terminals that cannot draw a frame get dashes alone.
    lines = ("" if set(line) <= set("╭╮╰╯│─- ") else line.strip("│ ") for line in box.splitlines()[1:])
    mistake, *more = [list(group) for filled, group in itertools.groupby(lines, bool) if filled] or [["no command"]]
    said = " ".join(mistake).rstrip(".")
    said = said[:1].lower() + said[1:]
    for about, *details in more:
        if about == "Got errors:":  # one for each type that the value may have; the last one is what was meant
            said = f"{said.partition(': ')[0]}: {details[-1].partition(': ')[2]}"
        elif about == "Perhaps you meant:":
            options = [detail.split()[0] for detail in details if detail.startswith("--")]
            said += f"; nearest: {', '.join(dict.fromkeys(options))}"
        elif about == "Argument helptext:":
            said += f"; usage: {details[0]}"
    return said

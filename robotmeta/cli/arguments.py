"""Reads the command line with tyro, and turns its error messages into one line."""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import tyro

from robotmeta.argument_types import parts_of
from robotmeta.cli.completion import check_completion, completable
from robotmeta.cli.shared import STDOUT
from robotmeta.console import quieted, stdout_for_results
from robotmeta.errors import UserError, unknown

_MARKERS = (tyro.conf.DisallowNone, tyro.conf.PositionalMetavarFromFieldName)
_QUIET = "--quiet"
_DESCRIPTION = """Meta-train policies over MuJoCo task families and adapt them in a few episodes.

To begin, run robotmeta demo. Options and examples of a command: robotmeta COMMAND --help"""


@dataclass(frozen=True)
class Bound:
    """A command with its arguments, ready to run.

    Attributes:
        command: The function.
        args: Its positional arguments.
        keywords: Its other arguments.
        quiet: Whether it shows neither progress nor chatter.
    """

    command: Callable[..., None]
    args: tuple[Any, ...]
    keywords: Mapping[str, Any]
    quiet: bool

    def __call__(self) -> None:
        """Runs the command."""
        with contextlib.ExitStack() as how:
            if self.quiet:
                how.enter_context(quieted())
            if self.keywords.get("json") == STDOUT:
                how.enter_context(stdout_for_results())
            self.command(*self.args, **self.keywords)


def _with_directions(arguments: list[str]) -> list[str]:
    """The arguments with ``--robot-forward=-x`` for ``--robot-forward -x``, which would be an option of its own."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] == "--robot-forward" and argument in ("-x", "-y", "-z"):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def parsed(commands: Mapping[str, Callable[..., None]], arguments: list[str]) -> Bound:
    """The command that was asked for, ready to run. Every command has ``--quiet``, which may also stand before it.

    Raises:
        UserError: For an unknown command or option, or a value of the wrong type.
    """
    if arguments[:1] == [_QUIET]:
        arguments = [*arguments[1:2], *arguments[: len(arguments) > 1], *arguments[2:]]
    arguments = _with_directions(arguments)
    chosen = arguments[0] if arguments else ""
    if check_completion(arguments):
        commands = {name: completable(command) for name, command in commands.items()}
    if chosen in commands:
        commands = {chosen: commands[chosen]}  # tyro suggests the options of this command alone
        _check_paths(commands[chosen], arguments)
    elif chosen and not chosen.startswith("-"):
        raise unknown("command", chosen, commands)
    bound = {name: _later(command) for name, command in commands.items()}
    if chosen not in commands:
        for command in bound.values():  # a list of all: a line of each is enough
            command.__doc__ = str(command.__doc__).partition("\n")[0]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.extras.subcommand_cli_from_dict(
                bound,
                prog="robotmeta",
                description=_DESCRIPTION,
                args=arguments,
                sort_subcommands=False,
                config=_MARKERS,
            )
    except SystemExit as exit_:
        if not exit_.code:
            raise
        see = f"robotmeta {chosen} --help" if chosen in commands else "robotmeta --help"
        raise UserError(f"{_in_one_line(said.getvalue())} (see {see})") from None


def _check_paths(command: Callable[..., None], arguments: Sequence[str]) -> None:
    """Refuses options that are empty where they must be paths, as a variable of the shell may be."""
    hints = get_type_hints(command)
    for word, following in itertools.zip_longest(arguments, arguments[1:]):
        option, given, value = word.partition("=")
        hint = hints.get(option.removeprefix("--").replace("-", "_")) if option.startswith("--") else None
        if Path in parts_of(hint) and (value if given else following) == "":
            raise UserError(f"{option} is empty: give a file or a folder")


def _later(command: Callable[..., None]) -> Callable[..., Bound]:
    """Binds a command's options instead of running it, so that its own errors are not taken for tyro's."""

    @functools.wraps(command)
    def bound(*args: Any, quiet: bool = False, **named: Any) -> Bound:
        return Bound(command, args, named, quiet)

    help_ = "Show no progress and no chatter: results, warnings and errors alone."
    of_quiet = Annotated[bool, tyro.conf.arg(help=help_)]
    bound.__annotations__ = {**get_type_hints(command, include_extras=True), "quiet": of_quiet}
    signature = inspect.signature(command)
    quiet = inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=of_quiet)
    bound.__doc__ = _unwrapped(command.__doc__ or "")
    del bound.__wrapped__  # tyro would read the type hints there  # pyright: ignore[reportFunctionMemberAccess]
    bound.__signature__ = signature.replace(parameters=[*signature.parameters.values(), quiet])  # pyright: ignore[reportAttributeAccessIssue,reportFunctionMemberAccess]
    return bound


def _unwrapped(docstring: str) -> str:
    """The docstring with each paragraph and argument on one line. The help would break where the source does."""
    *paragraphs, arguments = inspect.cleandoc(docstring).split("\n\n")
    if not arguments.startswith("Args:"):
        paragraphs, arguments = [*paragraphs, arguments], ""
    joined = (paragraph.replace("\n", " ") for paragraph in paragraphs)
    return "\n\n".join([*joined, re.sub(r"\n {8,}(?=\S)", " ", arguments)])


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
            options = [detail.split()[0].rstrip(",") for detail in details if detail.startswith("--")]
            said += f"; nearest: {', '.join(dict.fromkeys(options))}"
        elif about == "Argument helptext:":
            said += f"; usage: {details[0]}"
    return said

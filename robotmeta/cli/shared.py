"""What several commands share: types of their arguments, checks, and output."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from robotmeta.console import plain_console
from robotmeta.errors import UserError
from robotmeta.files import check_target, write_text
from robotmeta.json_values import json_text

if TYPE_CHECKING:
    import robotmeta as rm

console = plain_console()

OPTIONAL = tyro.conf.arg(help_behavior_hint="(optional)")


def default(text: str) -> Any:
    """An annotation for a default that the signature does not state."""
    return tyro.conf.arg(help_behavior_hint=f"(default: {text})")


PolicySource = Annotated[str, tyro.conf.Positional]
TaskValues = Annotated[
    tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...", help_behavior_hint="(default: a held-out task)")
]
File = Annotated[Path | None, OPTIONAL]
FamilyName = Annotated[str | None, default("the one that the policy's file names")]
Simulator = Annotated[str | None, default("that of the policy's run")]
Threads = Annotated[int | None, default("all cores")]


def load(policy: str, family: str | None, trust: bool) -> rm.Policy:
    """The policy that a command is for, in the family that the user names, if any."""
    import robotmeta as rm

    return rm.load(policy, family=family, trust=trust)


def consent(recorded: str, family: str | None) -> str:
    """The flag that the next command needs too, for the family that a run names; empty where it needs none."""
    from robotmeta.envs.registry import trust_flag

    return trust_flag(recorded) if family is None else f" --family {quoted(family)}"


def quoted(argument: str | Path) -> str:
    """A name or path as it is typed in a shell, so that it is not taken for an option."""
    text = str(argument)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def pairs(items: Iterable[str]) -> dict[str, str]:
    """Reads ``NAME=VALUE`` items.

    Raises:
        UserError: For an item without ``=`` or a name that is given twice.
    """
    found: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals:
            raise UserError(f"'{item}' is not NAME=VALUE")
        if name in found:
            raise UserError(f"{name} is given twice: {found[name]} and {value}")
        found[name] = value
    return found


def task_of(policy: rm.Policy, items: tuple[str, ...]) -> rm.Tasks:
    """The task that ``--task`` describes; the first held-out task where it is left out."""
    return policy.family.task(**pairs(items)) if items else policy.family.tasks("test", 1)


def check_at_least_one(**arguments: int | None) -> None:
    """Raises UserError for an argument below 1; None is fine."""
    for name, value in arguments.items():
        if value is not None and value < 1:
            raise UserError(f"{name} must be at least 1, not {value}")


def check_targets(*files: Path | None) -> None:
    """Raises UserError for a file that cannot be written, before any work is done."""
    for file in files:
        if file is not None:
            check_target(file)


def write_json(file: Path | None, data: Mapping[str, Any], *, through: bool = True) -> None:
    """Writes a result to the file of ``--json``, if there is one; see :func:`robotmeta.files.replaced`."""
    if file is not None:
        write_text(file, json_text(data, indent=2), through=through)


def first_names(names: Iterable[str], most: int = 7) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def returns(result: rm.Adapted | rm.Recording, episodes: int) -> str:
    """The returns before and after adaptation, in a sentence."""
    after = f"after {episodes} episode{'s' * (episodes != 1)} {result.return_after:.1f}"
    return f"return without adaptation {result.return_before:.1f}, {after}"

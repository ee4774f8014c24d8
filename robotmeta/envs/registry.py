"""Task families by name: of this package, of other packages, and of a user's own files."""

from __future__ import annotations

import shlex
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from robotmeta.argument_types import check_arguments
from robotmeta.envs.families import FAMILIES, VARIANTS
from robotmeta.envs.family import TaskFamily
from robotmeta.envs.imports import family_function, family_of
from robotmeta.errors import UserError, unknown

_OURS = FAMILIES | VARIANTS


def family_names() -> list[str]:
    """Returns the names of all installed families, this package's first."""
    return [*_OURS, *_others()]


def family_package(name: str) -> str:
    """Returns the name of the package that a family comes from."""
    entry = _others().get(name)
    return "robotmeta" if entry is None else entry.dist.name if entry.dist else entry.module


def is_installed(name: str) -> bool:
    """Returns whether a package that is installed has a family of that name."""
    return name in _OURS or name in _others()


def is_code(name: str) -> bool:
    """Returns whether a name is that of a function, such as ``"hopper.py:family"``, which :func:`make` would call."""
    return ":" in name or name.endswith(".py")


def recorded_family(name: str, file: Path, family: str | TaskFamily | None, *, trust: bool) -> TaskFamily:
    """Returns the family that a file names, or the one that the user names instead.

    What only a file names is neither imported nor called, unless it is installed or the user trusts the file.

    Args:
        name: The name in the file.
        file: The file, for errors.
        family: A family, or its name, from the user; None for that of the file.
        trust: Whether the user trusts the file.

    Raises:
        UserError: For a name in a file that is not trusted and that is not installed, or as :func:`make` does.
    """
    if family is not None:
        return make(family) if isinstance(family, str) else family
    if trust or is_installed(name):
        return make(name)
    if is_code(name):
        raise UserError(
            f"{file} names the family '{name}', which is code; add --trust to run it, or give the family: "
            f"--family {shlex.quote(name)}"
        )
    raise UserError(
        f"{file} names the family '{name}', which is not installed; give the family: --family FILE.py:FUNCTION"
    )


def trust_flags(name: str) -> tuple[str, ...]:
    """Returns the flags that a command needs to take a family of that name from a file; none where it is installed."""
    return () if is_installed(name) else ("--trust",)


def _others() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="robotmeta.families") if entry.name not in _OURS}


@check_arguments
def make(name: str) -> TaskFamily:
    """Builds a task family by name.

    Args:
        name: A family of an installed package, or a function that makes one, in a file relative to the working folder
            (``"hopper.py:family"``) or in a module (``"my_package.robots:hopper"``). The family gets this name, so
            that a run finds it again.

    Raises:
        UserError: For a name that leads to no family, a function that fails, or a family that does not work.
    """
    if name in _OURS:
        return _OURS[name]()
    entry = _others().get(name)
    if entry is not None:
        return family_of(lambda: entry.load()(), name, f" of package {family_package(name)}")
    if is_code(name):
        return family_of(family_function(name), name)
    raise UserError(f"{unknown('family', name, family_names())}; your own families are FILE.py:FUNCTION")

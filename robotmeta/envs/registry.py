"""Task families by name: of this package, of other packages, and of a user's own files."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from robotmeta.envs.families import FAMILIES
from robotmeta.envs.family import TaskFamily
from robotmeta.envs.imports import family_function, family_of
from robotmeta.errors import UserError, unknown


def family_names() -> list[str]:
    """Returns the names of all installed families, this package's first."""
    return [*FAMILIES, *_others()]


def family_package(name: str) -> str:
    """Returns the name of the package that a family comes from."""
    entry = _others().get(name)
    return "robotmeta" if entry is None else entry.dist.name if entry.dist else entry.module


def _others() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="robotmeta.families") if entry.name not in FAMILIES}


def make(name: str) -> TaskFamily:
    """Builds a task family by name.

    Args:
        name: A family of an installed package, or a function that makes one, in a file relative to the working folder
            (``"hopper.py:family"``) or in a module (``"my_package.robots:hopper"``). The family gets this name, so
            that a run finds it again.

    Raises:
        UserError: For a name that leads to no family, a function that fails, or a family that does not work.
    """
    if name in FAMILIES:
        return FAMILIES[name]()
    entry = _others().get(name)
    if entry is not None:
        return family_of(lambda: entry.load()(), name, f" of package {family_package(name)}")
    if ":" in name or name.endswith(".py"):
        return family_of(family_function(name), name)
    raise UserError(f"{unknown('family', name, family_names())}; your own families are FILE.py:FUNCTION")

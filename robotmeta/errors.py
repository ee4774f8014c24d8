"""Errors a user can cause, worded so that one line says what is wrong and what exists."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake in what was asked for. The command line prints it as one line and exits with status 2."""


class ModelWarning(UserWarning):
    """A robot's model does something that its user may not expect. Training goes on."""


class SimulationDiverged(RuntimeError):
    """Every world of a batch diverged, so there is nothing left to learn from."""


def reason(error: Exception) -> str:
    """What went wrong, in one line."""
    line = (str(error).splitlines() or ["no message"])[0]
    return line if isinstance(error, UserError) else f"{type(error).__name__}: {line}"


def unknown(kind: str, name: str, existing: Iterable[str], *, where: str = "") -> UserError:
    """The error for a name that does not exist: nearest names first, then the others.

    Args:
        kind: What was looked up, such as ``"parameter"``.
        name: The name that was not found.
        existing: The names that do exist.
        where: Where it was looked up, such as ``"family 'cheetah-dynamics'"``.
    """
    names = list(existing)
    name = name if name.isprintable() else ascii(name)[1:-1]  # errors are one line
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
    others = [other for other in names if other not in near]
    place = f" in {where}" if where else ""
    if not names:
        return UserError(f"no {kind} '{name}'{place}: there are none")
    if not near:
        return UserError(f"no {kind} '{name}'{place}; there are: {', '.join(names)}")
    also = f" (also {', '.join(others)})" if others else ""
    return UserError(f"no {kind} '{name}'{place}; nearest: {', '.join(near)}{also}")

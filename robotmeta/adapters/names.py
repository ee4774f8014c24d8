"""Names of the numbers that an environment observes, and of the actions that it takes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from robotmeta.envs import checks
from robotmeta.errors import UserError, unknown

_PARTS = ("observation", "action")


class Names(NamedTuple):
    """Names of the entries of a vector, in its order."""

    entries: tuple[str, ...]
    """A number is called by its key, ``height``. The numbers of a vector are called ``key[0]``, ``key[1]`` and so on.
    """
    ordered: bool
    """Whether the order means something where the names are not those of the policy. The order of a ``Dict`` of
    Gymnasium is alphabetical, so it means nothing."""


def canonical(name: str) -> str:
    """A name with ``key[3]`` written as ``key_3``; names that agree in this form are the same."""
    return re.sub(r"\[(\d+)\]", r"_\1", name)


def entries(key: str, size: int, *, scalar: bool) -> tuple[str, ...]:
    """The names of the ``size`` numbers that an environment calls ``key``."""
    return (key,) if scalar else tuple(f"{key}[{i}]" for i in range(size))


def listed(names: Sequence[str]) -> str:
    """Names in a list, where those of a whole vector or a part of it are one item, ``image[0..255]``."""
    items: list[str] = []
    for key, run in itertools.groupby(names, key=_vector):
        numbers = list(run)
        whole = key is None or len(numbers) == 1
        items += numbers if whole else [f"{key}[{_index(numbers[0])}..{_index(numbers[-1])}]"]
    return ", ".join(items) or "none"


def _vector(name: str) -> str | None:
    """``joints`` for ``joints[3]``; None for the name of a number."""
    found = re.fullmatch(r"(.*)\[\d+\]", name)
    return found and found[1]


def _index(name: str) -> str:
    return name[name.rindex("[") + 1 : -1]


def declared(what: str, names: object, size: int) -> Names:
    """The names that an environment declares for a vector.

    Args:
        what: ``"observation"`` or ``"action"``.
        names: What it declares.
        size: Length of the vector.

    Raises:
        UserError: For anything but that many different strings.
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise UserError(f"the environment's {what}_names are {names!r}, not a list of strings")
    given = list(names)
    listed = [name for name in given if isinstance(name, str)]
    if len(listed) != len(given):
        raise UserError(f"the environment's {what}_names are {names!r}, not a list of strings")
    if len(listed) != size:
        raise UserError(f"the environment has {size} {what}s and {len(listed)} {what}_names")
    checks.unique(f"the environment's {what}_names", [canonical(name) for name in listed])
    return Names(tuple(listed), ordered=False)


def renamed(
    observations: Names | None, actions: Names | None, names: Mapping[str, str | Sequence[str]]
) -> tuple[Names | None, Names | None]:
    """The names of an environment's observations and actions after some are replaced.

    Args:
        observations: Names of the observations, if there are any.
        actions: Names of the actions, if there are any.
        names: ``{theirs: ours}``. It applies to observations and actions alike; ``"observation:NAME"`` and
            ``"action:NAME"`` mean one of them. A vector ``key`` takes a list of names, ``"a,b,c"`` or ``["a", "b",
            "c"]``, or the name of a vector.

    Raises:
        UserError: For a name that the environment does not have, a list of another length, or a name that occurs twice.
    """
    if not isinstance(names, Mapping) or not all(isinstance(name, str) for name in names):
        raise UserError(f"names must be {{theirs: ours}}, not {names!r}")
    both = {"observation": observations, "action": actions}
    for theirs, ours in names.items():
        parts, name = _parts(theirs)
        found = [part for part in parts if _places(both[part], name)]
        if not found:
            existing = [_vector(n) or n for part in parts for n in (both[part] or Names((), True)).entries]
            raise unknown("name", name, dict.fromkeys(existing), where=f"the {' or '.join(parts)}s of the environment")
        for part in found:
            known = both[part]
            assert known is not None
            replaced, places = list(known.entries), _places(known, name)
            for place, new in zip(places, _new_names(theirs, ours, len(places)), strict=True):
                replaced[place] = new
            # A name that was given says what the numbers are, so their order is not needed any more.
            both[part] = Names(tuple(replaced), ordered=False)
    for part, known in both.items():
        checks.unique(f"the environment's {part}s", [canonical(name) for name in known.entries] if known else [])
    return both["observation"], both["action"]


def _parts(theirs: str) -> tuple[tuple[str, ...], str]:
    part, colon, name = theirs.partition(":")
    return ((part,), name) if colon and part in _PARTS else (_PARTS, theirs)


def _places(names: Names | None, name: str) -> list[int]:
    """Where the number or vector of that name is."""
    known = () if names is None else names.entries
    exact = [i for i, entry in enumerate(known) if canonical(entry) == canonical(name)]
    return exact or [i for i, entry in enumerate(known) if re.fullmatch(re.escape(name) + r"\[\d+\]", entry)]


def _new_names(theirs: str, ours: str | Sequence[str], size: int) -> list[str]:
    if not isinstance(ours, Iterable):
        raise UserError(f"'{theirs}' must be given a name or a list of names, not {ours!r}")
    new = [name.strip() for name in ours.split(",")] if isinstance(ours, str) else list(ours)
    if size > 1 and len(new) == 1:
        new = list(entries(new[0], size, scalar=False))
    if len(new) != size or not all(isinstance(name, str) and name for name in new):
        raise UserError(f"'{theirs}' is {size} number{'s' * (size > 1)}, which needs as many names, not {ours!r}")
    return new

"""How much memory there is, so that what cannot fit is refused before it is built."""

from __future__ import annotations

import os
from pathlib import Path

from robotmeta.errors import UserError

_MOST = 10**300  # larger whole numbers are no floats
_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container


def total_memory() -> int:
    """Bytes of memory that this process may use at most."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(_LIMIT.read_text()))
    except (OSError, ValueError):  # no such limit
        return machine


def check_memory(what: str, needed: float) -> None:
    """Refuses what needs more memory than there is.

    Args:
        what: What needs the memory, such as ``"20 tasks"``.
        needed: Bytes that it needs at least.

    Raises:
        UserError: If there is less.
    """
    total = total_memory()
    if needed > total:
        raise UserError(f"{what} would need {_gigabytes(needed)} of memory or more; there are {_gigabytes(total)}")


def _gigabytes(size: float) -> str:
    return f"{min(size, _MOST) / 2**30:.3g} GB"

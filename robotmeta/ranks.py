"""Which one of several processes that train together this is. A launcher such as torchrun sets the environment."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robotmeta.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


_NEEDED = ("RANK", "MASTER_ADDR", "MASTER_PORT")  # by several processes


@dataclass(frozen=True)
class Rank:
    """The place of a process among those that train together. Each has as many tasks of the meta-batch."""

    index: int = 0
    """From 0."""
    count: int = 1
    """Number of processes."""

    @property
    def first(self) -> bool:
        """Whether it is the one that logs and saves."""
        return self.index == 0

    def rows(self, size: int) -> slice:
        """Its part of ``size`` rows, which the number of processes divides."""
        share = size // self.count
        return slice(self.index * share, (self.index + 1) * share)

    def of(self, values: Tensor, dim: int = 0) -> Tensor:
        """Its part of the rows of a tensor along one axis."""
        return values if self.count == 1 else values.chunk(self.count, dim)[self.index]


ALONE = Rank()
"""The only process."""


def launched() -> Rank:
    """The place of this process, as ``RANK`` and ``WORLD_SIZE`` say.

    Raises:
        UserError: If they are no such numbers, or if something is missing by which several processes find each other.
    """
    rank = Rank(_number("RANK", 0), _number("WORLD_SIZE", 1))
    if not 0 <= rank.index < rank.count:
        raise UserError(f"RANK must be at least 0 and below WORLD_SIZE, which is {rank.count}, not {rank.index}")
    missing = [name for name in _NEEDED if name not in os.environ]
    if rank.count > 1 and missing:
        raise UserError(
            f"the environment variable WORLD_SIZE is {rank.count}, but {missing[0]} is not set; start ranks with "
            "torchrun, or unset WORLD_SIZE to train with one process"
        )
    if rank.count > 1:
        _number("MASTER_PORT", 0)
    return rank


def tells_user() -> bool:
    """Whether this process prints what is for the user. Of several on a machine, only the first one does."""
    try:
        return launched().count == 1 or on_this_machine().first
    except UserError:  # which each process tells
        return True


def on_this_machine() -> Rank:
    """The place of this process among those on its machine."""
    return Rank(_number("LOCAL_RANK", 0), _number("LOCAL_WORLD_SIZE", 1))


def restarts() -> int:
    """How often torchrun has started these processes again."""
    return _number("TORCHELASTIC_RESTART_COUNT", 0)


def let_first_speak() -> None:
    """Waits a second in all processes but the first. As soon as one has failed, torchrun ends the others."""
    if not launched().first:
        time.sleep(1.0)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal():
        raise UserError(f"the environment variable {name} must be a whole number, not '{text}'")
    return int(text)

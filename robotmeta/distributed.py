"""What several processes that train together tell each other. With one process, nothing here does anything."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from robotmeta.errors import RankLost, SimulationDiverged, TrainingDiverged, UserError, reason
from robotmeta.ranks import Rank, launched

T = TypeVar("T")

_MINUTES = 10  # that a process waits for the others
_PATIENCE = datetime.timedelta(minutes=_MINUTES)
_PORT = "robotmeta"  # key of the port on which the first process serves the others
_PLACE_IN_SOURCE = re.compile(r"\[[^\]]*/[^\]]*\] ?")
_AGREED = (UserError, SimulationDiverged, TrainingDiverged)  # errors that one line explains
_here = Rank()


def rank() -> Rank:
    """The place of this process in the group that it has joined; that of a single process outside of one."""
    return _here


@contextlib.contextmanager
def joined() -> Iterator[Rank]:
    """Joins the processes that the environment names, if there are several. See :func:`robotmeta.ranks.launched`.

    Raises:
        RankLost: If they cannot be reached.
    """
    global _here
    place = launched()
    if place.count == 1:
        yield place
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    with _talking():
        store = _store(place) if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True" else None
        known = {} if store is None else {"store": store, "rank": place.index, "world_size": place.count}
        distributed.init_process_group(backend, timeout=_PATIENCE, **known)
    _here = place
    try:
        yield place
    finally:
        _here = Rank()
        distributed.destroy_process_group()


def _store(place: Rank) -> Any:
    """A store for these processes alone. That of torchrun still has the addresses of those before a restart."""
    from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage] - some builds lack it

    host = os.environ["MASTER_ADDR"]
    lasting = TCPStore(host, int(os.environ["MASTER_PORT"]), is_master=False, timeout=_PATIENCE)
    if place.first:
        own = TCPStore(host, 0, is_master=True, timeout=_PATIENCE, wait_for_workers=False)
        lasting.set(_PORT, str(own.port))
        return own
    deadline = time.monotonic() + _PATIENCE.total_seconds()
    while True:
        try:
            port = int(lasting.get(_PORT))
            store = TCPStore(host, port, is_master=False, timeout=datetime.timedelta(seconds=2))
            store.set_timeout(_PATIENCE)
            return store
        except RuntimeError:  # the port of a first process that has ended; the new one will tell its own
            if time.monotonic() > deadline:
                raise


# -- numbers -----------------------------------------------------------------------------------------------------------


def summed(values: Sequence[Tensor]) -> list[Tensor]:
    """Sums of tensors over all processes, in one call."""
    if _here.count == 1:
        return list(values)
    flat = torch.cat([value.reshape(-1) for value in values])
    with _talking():
        distributed.all_reduce(flat)
    return [part.view_as(v) for part, v in zip(flat.split([v.numel() for v in values]), values, strict=True)]


def gathered(values: Tensor, dim: int = 0) -> Tensor:
    """The tensors of all processes, which have the same shape, one after another along an axis."""
    if _here.count == 1:
        return values
    sent = values.contiguous()
    sent = sent.to(torch.uint8) if values.dtype == torch.bool else sent
    parts = [torch.empty_like(sent) for _ in range(_here.count)]
    with _talking():
        distributed.all_gather(parts, sent)
    return torch.cat(parts, dim).to(values.dtype)


def largest(number: int) -> int:
    """The largest number that a process has."""
    if _here.count == 1:
        return number
    found = torch.tensor(number)
    with _talking():
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return int(found)


def alike(number: int) -> bool:
    """Whether all processes have the same number."""
    return _here.count == 1 or largest(number) == -largest(-number)


# -- anything ----------------------------------------------------------------------------------------------------------


def of_all(value: T) -> list[T]:
    """The value of each process, in their order."""
    if _here.count == 1:
        return [value]
    values: list[Any] = [None] * _here.count
    with _talking():
        distributed.all_gather_object(values, value)
    return values


def of_first(value: T) -> T:
    """The value of the first process."""
    if _here.count == 1:
        return value
    values = [value]
    with _talking():
        distributed.broadcast_object_list(values, src=0)
    return values[0]


@contextlib.contextmanager
def agreed() -> Iterator[None]:
    """If the block fails in one process, it fails in all of them. They do not talk to each other within the block.

    Raises:
        UserError, SimulationDiverged, TrainingDiverged: What a process raised first. ``reported`` is set where another
            process, the first one, tells the user.
    """
    failed: Exception | None = None
    try:
        yield
    except _AGREED as error:
        if _here.count == 1:
            raise
        failed = error
    if not largest(failed is not None):
        return
    errors = of_all(None if failed is None else (_AGREED.index(_kind(failed)), str(failed)))
    place, (kind, said) = next((place, error) for place, error in enumerate(errors) if error is not None)
    everywhere = all(error == errors[0] for error in errors)
    error = _AGREED[kind](said if place == 0 or everywhere else f"rank {place}: {said}")
    error.reported = not _here.first
    raise error from None


def _kind(error: Exception) -> type[Exception]:
    return next(kind for kind in _AGREED if isinstance(error, kind))


@contextlib.contextmanager
def _talking() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # of which those of torch.distributed are
        why = _PLACE_IN_SOURCE.sub("", reason(error))
        waited = f"rank {launched().index} lost another one, which ended or did not answer for {_MINUTES} minutes"
        raise RankLost(f"{waited}: {why}") from None

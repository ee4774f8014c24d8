"""Processor threads: how many there are, and how many of them torch may take."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from functools import cache

import torch

from robotmeta.ranks import on_this_machine


def available_cores() -> int:
    """Cores this process may use: in a container fewer than the machine's, of several ranks each its share."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // on_this_machine().count)


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Runs torch's operations on that many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)


@cache
def keep_freed_memory() -> None:
    """Keeps memory that tensors free for the next ones, instead of returning it to the system.

    Each minibatch takes as much memory again as the one before. glibc maps large blocks anew each time, and several
    threads that do so wait for each other. Does nothing with another C library.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 25)
        libc.mallopt(_M_TRIM_THRESHOLD, 1 << 29)


def one_torch_thread() -> contextlib.AbstractContextManager[None]:
    """Keeps torch's own threads off the cores that physics, or another part of a meta-update, is using."""
    return torch_threads(1)

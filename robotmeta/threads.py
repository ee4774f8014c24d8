"""Processor threads: how many there are, and how many of them torch may take."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

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


def one_torch_thread() -> contextlib.AbstractContextManager[None]:
    """Keeps torch's own threads off the cores that physics, or another part of a meta-update, is using."""
    return torch_threads(1)

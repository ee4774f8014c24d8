"""Gradients of a loss in parts, one part a thread: as fast as the cores allow, the same bits on any number of them.

torch's own threads share out each operation, which for the many small operations of a recurrent network or of an inner
loop costs more than it gains, and rounds differently on another number of threads. Here each part runs on one thread
from beginning to end, and the parts are added up in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

import torch
from torch import Tensor

from robotmeta.threads import available_cores, one_torch_thread

T = TypeVar("T")
Part = Callable[[], dict[str, Tensor]]
"""Computes its share of some scalars; :func:`gradients` differentiates one of them."""


def gradients(
    parts: Iterable[Part], parameters: Sequence[Tensor], *, of: str = "loss"
) -> tuple[dict[str, float], list[Tensor]]:
    """Sums of scalars over all parts, and the gradient of one of them.

    Args:
        parts: Functions that each return their share of the scalars, by name.
        parameters: What to differentiate with respect to.
        of: Name of the scalar to differentiate.

    Returns:
        The sums by name; the gradient with respect to each parameter.
    """

    def differentiated(part: Part) -> tuple[dict[str, float], list[Tensor]]:
        values = part()
        found = torch.autograd.grad(values[of], parameters, allow_unused=True, materialize_grads=True)
        return {name: value.item() for name, value in values.items()}, list(found)

    results = run([partial(differentiated, part) for part in parts], parameters[0].device)
    total, summed = results[0]
    for values, found in results[1:]:
        total = {name: value + values[name] for name, value in total.items()}
        summed = [a + b for a, b in zip(summed, found, strict=True)]
    return total, summed


def sums(parts: Iterable[Part], device: torch.device) -> dict[str, float]:
    """Sums of scalars over all parts."""

    def valued(part: Part) -> dict[str, float]:
        return {name: value.item() for name, value in part().items()}

    results = run([partial(valued, part) for part in parts], device)
    return {name: sum(values[name] for values in results) for name in results[0]}


def minibatches(count: int, number: int, generator: torch.Generator, device: torch.device) -> Sequence[Tensor]:
    """One pass over ``count`` rows in random order, in that many minibatches; the order is drawn on the CPU."""
    return torch.randperm(count, generator=generator).to(device).split(-(-count // number))


def shares(rows: Tensor, parts: int) -> Sequence[Tensor]:
    """Rows of a minibatch for each part: as many as asked for on the CPU, all in one on a GPU."""
    return rows.chunk(parts) if rows.device.type == "cpu" else [rows]


def run(works: Sequence[Callable[[], T]], device: torch.device) -> list[T]:
    """Results of independent pieces of work, in order: on the CPU, each on one thread of its own."""
    if device.type != "cpu":
        return [work() for work in works]
    with one_torch_thread():
        if len(works) == 1:
            return [works[0]()]
        return list(_pool().map(lambda work: work(), works))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(available_cores(), "gradients", initializer=torch.set_num_threads, initargs=(1,))

"""Everything that is computed over a whole batch: gradients, sums and moments, on any number of cores the same bits.

Where several processes train together, each holds the experience of some of the tasks. What is computed over the batch
is computed over that of all of them, which differs from one process in the order of floating-point sums alone.

A loss is computed in parts, each part on one thread from beginning to end, and the parts are added up in order. torch's
own threads divide each operation instead. For the many small operations of a recurrent network or of an inner loop that
costs more than it gains, and its rounding depends on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from robotmeta.distributed import gathered, rank, summed
from robotmeta.policies import Moments
from robotmeta.threads import available_cores, keep_freed_memory, one_torch_thread

T = TypeVar("T")
Part = Callable[[], dict[str, Tensor]]
"""Computes its share of some scalars; :func:`gradients` differentiates one of them."""


# -- gradients and sums ------------------------------------------------------------------------------------------------


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

    def differentiated(part: Part) -> tuple[dict[str, float], list[Tensor | None]]:
        values = part()
        gradient = torch.autograd.grad(values[of], parameters, allow_unused=True)
        return {name: value.item() for name, value in values.items()}, list(gradient)

    results = run([partial(differentiated, part) for part in parts], parameters[0].device)
    total: dict[str, float] = {}
    whole: list[Tensor | None] = [None] * len(parameters)
    for values, gradient in results:
        total |= {name: total.get(name, 0.0) + value for name, value in values.items()}
        whole = [b if a is None else a if b is None else a + b for a, b in zip(whole, gradient, strict=True)]
    found = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, whole, strict=True)]
    return _of_all_ranks(total, found)


def _of_all_ranks(values: dict[str, float], tensors: list[Tensor]) -> tuple[dict[str, float], list[Tensor]]:
    """Sums of scalars and tensors over all ranks."""
    if rank().count == 1:
        return values, tensors
    scalars = torch.tensor(list(values.values()), dtype=tensors[0].dtype, device=tensors[0].device)
    *tensors, scalars = summed([*tensors, scalars])
    return dict(zip(values, scalars.tolist(), strict=True)), tensors


def minibatch_gradients(
    loss: Callable[[Tensor, Tensor], dict[str, Tensor]],
    batch: Minibatch,
    parameters: Sequence[Tensor],
    *,
    shards: int,
    of: str = "loss",
) -> tuple[dict[str, float], list[Tensor]]:
    """What :func:`gradients` returns, of means over the steps of a minibatch.

    Args:
        loss: ``(rows, steps) -> scalars by name``: the share of these rows in a minibatch with that many steps.
        batch: The minibatch.
        parameters: What to differentiate with respect to.
        shards: Parts to compute it in; on a GPU always one.
        of: Name of the scalar to differentiate.
    """
    return gradients([partial(loss, share, batch.steps) for share in shares(batch.rows, shards)], parameters, of=of)


def shares(rows: Tensor, number: int) -> Sequence[Tensor]:
    """The rows of a minibatch in parts that threads compute, of all ranks together that many; on a GPU one."""
    return rows.chunk(max(1, number // rank().count)) if rows.device.type == "cpu" else [rows]


def task_means(means: Callable[[slice], dict[str, Tensor]], slices: Sequence[slice]) -> list[Part]:
    """Parts that add up to means over all tasks.

    Args:
        means: Means over some of the tasks, by name.
        slices: All tasks of this rank, some at a time.
    """
    tasks = slices[-1].stop * rank().count

    def share(rows: slice) -> dict[str, Tensor]:
        return {name: (rows.stop - rows.start) / tasks * value for name, value in means(rows).items()}

    return [partial(share, rows) for rows in slices]


def sums(parts: Iterable[Part], device: torch.device) -> dict[str, float]:
    """Sums of scalars over all parts."""

    def valued(part: Part) -> dict[str, float]:
        return {name: value.item() for name, value in part().items()}

    results = run([partial(valued, part) for part in parts], device)
    total = {name: sum(values[name] for values in results) for name in results[0]}
    return _of_all_ranks(total, [torch.zeros(1, dtype=torch.float64, device=device)])[0]


# -- statistics of a batch ---------------------------------------------------------------------------------------------


def minibatches(count: int, number: int, generator: torch.Generator, device: torch.device) -> Sequence[Tensor]:
    """One pass over ``count`` rows in random order, in ``number`` minibatches whose sizes differ by one at most.

    There are fewer minibatches only if there are fewer rows. The order is drawn on the CPU.
    """
    order = torch.randperm(count, generator=generator).to(device)
    return order.tensor_split(max(1, min(number, count)))


class Minibatch(NamedTuple):
    """Some rows of a batch, of which this rank holds some."""

    rows: Tensor
    """Those that it holds, as indices into what it holds."""
    size: int
    """Number of all."""
    steps: Tensor
    """Steps in all of them, at least 1.0."""


class Rows:
    """The rows of a batch, of which each rank holds those of its tasks.

    Args:
        steps: Number of steps in each row that this rank may hold, ``[...]``. It holds those with any, in this order.
        tasks: The axis of the tasks.
    """

    def __init__(self, steps: Tensor, tasks: int = 0) -> None:
        here, place = rank(), steps > 0
        whole = gathered(steps, tasks)
        exists = whole.flatten() > 0
        self._steps = whole.flatten()[exists]
        self._held: Tensor | None = None  # indices into what this rank holds; -1 for rows of others
        if here.count > 1:
            held = torch.full_like(whole, -1, dtype=torch.long)
            here.of(held, tasks)[place] = torch.arange(int(place.sum()), device=steps.device)
            self._held = held.flatten()[exists]

    def minibatches(self, number: int, generator: torch.Generator) -> Iterator[Minibatch]:
        """One pass over all rows, see :func:`minibatches`."""
        batches = minibatches(len(self._steps), number, generator, self._steps.device)
        for chosen in batches:
            rows = chosen
            if self._held is not None:
                held = self._held[chosen]
                rows = held[held >= 0]
            yield Minibatch(rows, len(chosen), self._steps[chosen].sum().clamp(min=1.0))


def moments(samples: Tensor) -> Moments:
    """Moments of each number in samples ``[sample, ...]``, over the samples."""
    if samples.numel() == 0:
        zeros = samples.sum(dim=0)
        return merged(Moments(0, zeros, zeros))
    return merged(Moments(len(samples), samples.mean(dim=0), samples.var(dim=0, correction=0)))


def merged(here: Moments) -> Moments:
    """The moments of the samples of all ranks, from those of each (Chan et al. 1979)."""
    if rank().count == 1 or here.mean.numel() == 0:
        return here
    count = torch.as_tensor(here.count, dtype=torch.float64, device=here.mean.device).expand_as(here.mean)
    packed = torch.stack([count, here.mean.double(), here.variance.double()])
    counts, means, variances = gathered(packed.unsqueeze(0)).unbind(1)
    total = counts.sum(dim=0)
    shares = counts / total.clamp(min=1.0)
    mean = (shares * means).sum(dim=0)
    variance = (shares * (variances + (means - mean).square())).sum(dim=0)
    return Moments(total.flatten()[0], mean.to(here.mean), variance.to(here.mean))


def masked_moments(values: Tensor, mask: Tensor, *, per_task: bool = False) -> Moments:
    """Moments over the steps that happened.

    Args:
        values: ``[task, ...]``.
        mask: 1.0 for steps that happened, same shape.
        per_task: Whether each task has moments of its own.

    Returns:
        Each ``[task or 1, 1, ...]``. Of no steps at all, the count is 1, and mean and variance are 0.
    """
    axes = tuple(range(int(per_task), values.ndim))
    steps = mask.sum(dim=axes, keepdim=True)
    count = steps.clamp(min=1.0)
    mean = (values * mask).sum(dim=axes, keepdim=True) / count
    variance = ((values - mean) * mask).square().sum(dim=axes, keepdim=True) / count
    if per_task or rank().count == 1:
        return Moments(count, mean, variance)
    found = merged(Moments(steps, mean, variance))
    return Moments(torch.as_tensor(found.count).clamp(min=1.0).expand_as(mean), found.mean, found.variance)


def normalize(values: Tensor, mask: Tensor, *, per_task: bool = True) -> Tensor:
    """Zero mean and unit variance over the steps that happened, in each task or in the whole batch.

    Args:
        values: ``[task, ...]``, such as advantages.
        mask: 1.0 for steps that happened, same shape.
        per_task: Whether each task has its own mean and variance.

    Returns:
        Same shape, zero where ``mask`` is.
    """
    found = masked_moments(values, mask, per_task=per_task)
    return (values - found.mean) * mask / (found.variance.sqrt() + 1e-8)


# -- threads -----------------------------------------------------------------------------------------------------------


def run(works: Sequence[Callable[[], T]], device: torch.device) -> list[T]:
    """Results of independent pieces of work, in order: on the CPU, each on one thread of its own."""
    if device.type != "cpu":
        return [work() for work in works]
    with one_torch_thread():
        if len(works) == 1 or available_cores() == 1:
            return [work() for work in works]
        return list(_pool().map(lambda work: work(), works))


@cache
def _pool() -> ThreadPoolExecutor:
    keep_freed_memory()
    return ThreadPoolExecutor(available_cores(), "gradients", initializer=torch.set_num_threads, initargs=(1,))

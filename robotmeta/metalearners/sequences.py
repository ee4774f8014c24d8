"""Trials as sequences, for truncated backpropagation through time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from robotmeta.experience.rollout import Rollout
from robotmeta.experience.trees import tree_map
from robotmeta.policies import MemoryState


class Timeline:
    """The episodes of each trial one after another, with the padding of all of them at the end."""

    def __init__(self, rollouts: list[Rollout]) -> None:
        self._rollouts = rollouts
        happened = torch.cat([r.mask.flatten(0, 1) for r in rollouts], dim=1)
        # Each episode follows the last step of the one before, as it did while acting.
        self._order = happened.argsort(dim=1, descending=True, stable=True)

    def concatenate(self, of: Callable[[Rollout], Tensor]) -> Tensor:
        """``[task, episode, time, ...]`` of each rollout as ``[time, trial, ...]`` of the whole trial."""
        return self.joined([of(r) for r in self._rollouts])

    def joined(self, values: Sequence[Tensor]) -> Tensor:
        """As :meth:`concatenate`, for values ``[task, episode, time, ...]``, one tensor for each rollout."""
        whole = torch.cat([value.flatten(0, 1) for value in values], dim=1)
        return _gather_times(whole, self._order).transpose(0, 1).contiguous()

    def split(self, value: Tensor) -> list[Tensor]:
        """``[time, trial, ...]`` of the whole trial as ``[task, episode, time, ...]`` of each rollout."""
        whole = _gather_times(value.transpose(0, 1), self._order.argsort(dim=1))
        lengths = [r.mask.shape[-1] for r in self._rollouts]
        return [
            part.unflatten(0, r.mask.shape[:2]) for part, r in zip(whole.split(lengths, 1), self._rollouts, strict=True)
        ]


def _gather_times(values: Tensor, times: Tensor) -> Tensor:
    """``[trial, time, ...]`` at the times ``[trial, new time]``: ``[trial, new time, ...]``."""
    index = times.view(*times.shape, *[1] * (values.ndim - 2)).expand(*times.shape, *values.shape[2:])
    return values.gather(1, index)


class Sequences(NamedTuple):
    """Segments of trials, all equally long."""

    steps: dict[str, Tensor]
    """``[time, sequence, ...]`` each."""
    state: MemoryState
    """State of the memory before each sequence, ``[sequence, ...]`` each."""
    counts: Tensor
    """Steps of every segment of every trial, ``[segment, trial]``, also of those that are left out."""

    def select(self, rows: Tensor) -> Sequences:
        """Some of the sequences; ``rows`` are indices or a mask."""
        return Sequences(
            {name: value[:, rows] for name, value in self.steps.items()},
            tree_map(lambda value: value[rows], self.state),
            self.counts,
        )


def run_in_segments(
    network: Callable[[Tensor, MemoryState], tuple[Tensor, MemoryState]],
    inputs: Tensor,
    state: MemoryState,
    length: int,
) -> tuple[Tensor, list[MemoryState]]:
    """Runs a network over whole trials, some steps at a time.

    Args:
        network: ``(inputs [time, trial, input], state) -> (outputs [time, trial, ...], state)``.
        inputs: ``[time, trial, input]``.
        state: The state before the first step.
        length: Steps at a time; 0 for the whole trial.

    Returns:
        Outputs ``[time, trial, ...]``, and the state before each segment.
    """
    outputs, states = [], [state]
    for segment in inputs.split(_limited(length, inputs)):
        output, state = network(segment, state)
        outputs.append(output)
        states.append(state)
    return torch.cat(outputs), states[:-1]


def cut(trials: Mapping[str, Tensor], states: list[MemoryState], length: int) -> Sequences:
    """Cuts trials into segments and leaves out those in which nothing happened.

    Args:
        trials: ``[time, trial, ...]`` each, among them the ``mask``.
        states: The state before each segment, from :func:`run_in_segments`.
        length: Steps of a segment; 0 for the whole trial.
    """
    length = _limited(length, trials["mask"])
    padding = -len(trials["mask"]) % length  # makes the last segment as long as the others
    steps = {}
    for name, value in trials.items():
        padded = torch.cat([value, value.new_zeros(padding, *value.shape[1:])])
        steps[name] = torch.cat(padded.split(length), dim=1)
    # Where episodes end early, most segments at the end of a trial are empty.
    counts = steps["mask"].sum(dim=0)
    state = tree_map(lambda *values: torch.cat(values), *states)
    return Sequences(steps, state, counts.unflatten(0, (len(states), -1))).select(counts > 0)


def _limited(length: int, trials: Tensor) -> int:
    return min(length or len(trials), len(trials))

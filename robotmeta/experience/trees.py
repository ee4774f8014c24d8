"""Functions applied to every tensor of a nested value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from torch import Tensor

T = TypeVar("T")


def tree_map(function: Callable[..., Tensor], first: T, *others: T) -> T:
    """Applies a function to the tensors of values that have the same structure.

    Args:
        function: ``(tensor, ...) -> tensor``, with a tensor of each value.
        first: A tensor, a mapping of such values by name, an action distribution, or None or a bool, which stay.
        others: More such values.

    Returns:
        A value of the same structure.
    """
    return _map(function, first, *others)


def expand_mask(mask: Tensor, value: Tensor) -> Tensor:
    """A mask ``[task, episode]`` with as many axes as a value ``[task, episode, ...]``."""
    return mask.view(*mask.shape, *[1] * (value.ndim - mask.ndim))


def _map(function: Callable[..., Tensor], first: Any, *others: Any) -> Any:
    if first is None or isinstance(first, bool):
        return first
    if isinstance(first, Tensor):
        return function(first, *others)
    if isinstance(first, Mapping):
        return {name: _map(function, value, *(other[name] for other in others)) for name, value in first.items()}
    return first.from_parameters(_map(function, first.parameters(), *(other.parameters() for other in others)))

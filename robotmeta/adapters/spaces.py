"""The spaces of a Gymnasium environment as vectors: what it observes, and how an action in [-1, 1] reaches it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from gymnasium.spaces.utils import flatdim, flatten

from robotmeta.adapters.guard import Misfit
from robotmeta.adapters.names import Names, entries
from robotmeta.errors import UserError

INFINITE = 1e30
"""Bounds of this size are none: libraries write the largest float where they mean infinity."""

_GOALS = {"achieved_goal", "desired_goal", "observation"}
"""Keys of an environment with goals in Gymnasium's convention, whose order is that of the alphabet."""

Path = tuple[str | int, ...]


class _Leaf(NamedTuple):
    """A space that is not a container, and the keys that lead to it."""

    path: Path
    space: spaces.Space[Any]

    @property
    def key(self) -> str:
        return ".".join(map(str, self.path))


def _leaves(space: spaces.Space[Any], path: Path = ()) -> Iterator[_Leaf]:
    if isinstance(space, spaces.Dict):
        for key, inner in space.spaces.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(space, spaces.Tuple):
        for index, inner in enumerate(space.spaces):
            yield from _leaves(inner, (*path, index))
    else:
        yield _Leaf(path, space)


def _leaf_names(space: spaces.Space[Any]) -> Names | None:
    """The names that the keys of ``Dict`` spaces give; None for a space without keys."""
    leaves = list(_leaves(space))
    if not all(any(isinstance(key, str) for key in leaf.path) for leaf in leaves):
        return None
    named = [entries(leaf.key, flatdim(leaf.space), scalar=flatdim(leaf.space) == 1) for leaf in leaves]
    ordered = len(leaves) == 1 or {leaf.key for leaf in leaves} == _GOALS
    return Names(tuple(name for names in named for name in names), ordered)


class ObservationVector:
    """Observations of a space as vectors, in the order of ``gymnasium.spaces.utils.flatten``.

    Args:
        space: The environment's observation space.

    Attributes:
        size: Length of the vector.
        names: Names of its entries from the keys of ``Dict`` spaces; None without keys.

    Raises:
        UserError: For a space without a fixed size.
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        if not isinstance(space, spaces.Space) or not space.is_np_flattenable:
            raise UserError(f"policies need observations of a fixed size, the environment's are {_text(space)}")
        self._leaves = list(_leaves(space))
        self.size = flatdim(space)
        self.names = _leaf_names(space)

    def read(self, observation: Any) -> np.ndarray:
        """An observation as float32 ``[size]``.

        Raises:
            Misfit: For another structure or length, something that is no number, or a number that is not finite.
        """
        if not self._leaves:
            return np.zeros(0, np.float32)
        vector = np.concatenate([_flat(leaf, _value(observation, leaf)) for leaf in self._leaves])
        with np.errstate(over="ignore"):
            vector = vector.astype(np.float32)
        if not np.isfinite(vector).all():
            at = int(np.flatnonzero(~np.isfinite(vector))[0])
            which = f"'{self.names.entries[at]}'" if self.names else f"number {at + 1} of {self.size}"
            raise Misfit(f"an observation that is not finite ({which} is {vector[at]})")
        return vector


def _value(observation: Any, leaf: _Leaf) -> Any:
    for key in leaf.path:
        try:
            observation = observation[key]
        except (LookupError, TypeError, ValueError) as error:
            raise Misfit(f"an observation without '{leaf.key}', which its space has") from error
    return observation


def _flat(leaf: _Leaf, value: Any) -> np.ndarray:
    called = f" '{leaf.key}'" if leaf.path else ""
    size = int(np.prod(leaf.space.shape)) if leaf.space.shape is not None else 1
    plain = numbers(value, size, called, "its space")
    if isinstance(leaf.space, spaces.Box):
        return plain.astype(np.float64).ravel()
    with np.errstate(invalid="ignore"):
        whole = plain.reshape(leaf.space.shape or ()).astype(leaf.space.dtype)
    if not np.array_equal(whole.ravel(), plain.ravel()) or not leaf.space.contains(whole):
        raise Misfit(f"an observation{called} of {plain.tolist()!s:.60}, which is not in its space {_text(leaf.space)}")
    return np.asarray(flatten(leaf.space, whole), dtype=np.float64)  # such as one-hot


def numbers(value: Any, size: int, called: str, whose: str) -> np.ndarray:
    """A part of an observation as an array of numbers.

    Args:
        value: What the environment returned.
        size: How many numbers it must have.
        called: The name of the part, in quotes after a space; empty without a name.
        whose: What says how many numbers there are, such as ``"its space"``.

    Raises:
        Misfit: If it is no array of as many real numbers.
    """
    try:
        plain = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:  # of ragged lists, or tensors that are not on the CPU
        raise Misfit(f"an observation{called} that is no array of numbers: {error}") from error
    if plain.dtype.kind not in "biuf":
        raise Misfit(f"an observation{called} of type {_kind(value, plain)}, not of numbers")
    if plain.size != size:
        raise Misfit(f"an observation{called} of {plain.size} numbers, {whose} has {size}")
    return plain


def _kind(value: Any, plain: np.ndarray) -> str:
    return type(value).__name__ if plain.dtype.kind == "O" else str(plain.dtype)


class ActionVector:
    """Actions in [-1, 1] as actions of a space: a bounded ``Box``, or a ``Dict`` of them.

    Args:
        space: The environment's action space.

    Attributes:
        size: Length of the vector.
        names: Names of its entries from the keys of ``Dict`` spaces; None without keys.

    Raises:
        UserError: For any other space, or bounds of 1e30 and more, which are none.
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        self._space = space
        self._boxes = [(leaf.path, _bounded(leaf, space)) for leaf in _leaves(space)]
        self.size = sum(int(np.prod(box.shape)) for _, box in self._boxes)
        self.names = _leaf_names(space)

    def write(self, unit: np.ndarray) -> Any:
        """Scales ``[size]`` in [-1, 1] to the bounds, as the space's own type."""
        parts: dict[Path, np.ndarray] = {}
        start = 0
        for path, box in self._boxes:
            size = int(np.prod(box.shape))
            parts[path] = _stretched(unit[start : start + size].reshape(box.shape), box)
            start += size
        return _assembled(self._space, parts)


def _assembled(space: spaces.Space[Any], parts: Mapping[Path, np.ndarray], path: Path = ()) -> Any:
    if isinstance(space, spaces.Dict):
        return {key: _assembled(inner, parts, (*path, key)) for key, inner in space.spaces.items()}
    return parts[path]


def _stretched(unit: np.ndarray, box: spaces.Box) -> np.ndarray:
    low, high = box.low.astype(np.float64), box.high.astype(np.float64)
    # Computed from the middle, so that bounds of [-1, 1] leave the action unchanged to the last digit.
    return np.clip((high + low) / 2 + (high - low) / 2 * unit, low, high).astype(box.dtype)


def _bounded(leaf: _Leaf, whole: spaces.Space[Any]) -> spaces.Box:
    space = leaf.space
    keyed = all(isinstance(key, str) for key in leaf.path)
    if not keyed or not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating):
        raise UserError(f"policies act with bounded real numbers, the environment's actions are {_text(whole)}")
    if not (np.abs(np.concatenate([space.low.ravel(), space.high.ravel()])) < INFINITE).all():
        named = f" '{leaf.key}'" if leaf.path else ""
        raise UserError(
            f"policies act with bounded real numbers, the environment's actions{named} have no bounds: "
            f"{_text(space)}; give its action space the limits of the actuators"
        )
    return space


def _text(space: Any) -> str:
    return " ".join(str(space).split())  # NumPy prints long bounds over several lines

"""Kinds of objects: each is a composition of at most six primitives, given by three lengths.

Every number is a combination of three lengths: ``W`` is half the width, ``A`` is ``W`` times the task's ``aspect``, and
``P`` is ``W`` times its ``part``. One table of coefficients therefore holds all kinds, for NumPy and for torch.

The origin of an object is the middle of the part to hold, and that part is ``grip * W`` to each side of it along y.
Upright kinds stand on a cylinder and are held anywhere along z. Lying kinds are held anywhere along x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

W, A, P = np.eye(3)
_NONE = np.zeros(3)

SLOTS = ("cylinder_0", "cylinder_1", "box_0", "box_1", "box_2", "capsule_0")
"""The primitives of every object, in order. Cylinders are along z, the capsule is along x."""

Length = np.ndarray | float


@dataclass(frozen=True)
class Part:
    """A primitive of a kind.

    Attributes:
        slot: Which of :data:`SLOTS`.
        half: Half its lengths along x, y and z, each a combination of ``W``, ``A`` and ``P``.
        at: Its middle, likewise.
        second: Whether its density is that of the second part, such as a head or a handle.
    """

    slot: str
    half: tuple[np.ndarray, np.ndarray, np.ndarray]
    at: tuple[Length, Length, Length] = (0.0, 0.0, 0.0)
    second: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    Attributes:
        parts: Its primitives.
        grip: Half the width of the part to hold, divided by ``W``.
        reach: Half the length along which it can be held, divided by ``A``.
        upright: Whether it stands.
        round: Whether its rotation about the vertical cannot be seen.
    """

    parts: tuple[Part, ...]
    grip: float
    reach: float
    upright: bool = False
    round: bool = False


def _cylinder(number: int, radius: np.ndarray, half: np.ndarray, *at: Length, second: bool = False) -> Part:
    x, y, z = at or (0.0, 0.0, 0.0)
    return Part(f"cylinder_{number}", (radius, radius, half), (x, y, z), second)


def _box(number: int, x: np.ndarray, y: np.ndarray, z: np.ndarray, *at: Length, second: bool = False) -> Part:
    middle = at or (0.0, 0.0, 0.0)
    return Part(f"box_{number}", (x, y, z), (middle[0], middle[1], middle[2]), second)


_BODY = _cylinder(0, W, A)
_THIN = 0.12 * W  # of the handle of a mug
_TRAINED: dict[str, Kind] = {
    "box": Kind((_box(0, A, W, W),), grip=1.0, reach=0.4),
    "can": Kind((_BODY,), grip=1.0, reach=0.4, upright=True, round=True),
    "bottle": Kind(
        (_BODY, _cylinder(1, 0.4 * W, 0.5 * P, 0.0, 0.0, A + 0.5 * P, second=True)),
        grip=1.0,
        reach=0.5,
        upright=True,
        round=True,
    ),
    "mug": Kind(
        (
            _BODY,
            _box(0, 0.35 * P, 0.15 * W, _THIN, W + 0.3 * P, 0.0, 0.5 * A, second=True),
            _box(1, 0.35 * P, 0.15 * W, _THIN, W + 0.3 * P, 0.0, -0.5 * A, second=True),
            _box(2, _THIN, 0.15 * W, 0.5 * A + _THIN, W + 0.65 * P, 0.0, 0.0, second=True),
        ),
        grip=1.0,
        reach=0.4,
        upright=True,
    ),
    "hammer": Kind(
        (
            _box(0, 2.0 * A, 0.55 * W, 0.55 * W),
            _box(1, 0.6 * P, 1.5 * W, 0.55 * W, 2.0 * A + 0.6 * P, 0.0, 0.0, second=True),
        ),
        grip=0.55,
        reach=1.6,
    ),
}
_HELD_OUT: dict[str, Kind] = {
    "screwdriver": Kind(
        (
            _box(0, 1.4 * A, 0.6 * W, 0.6 * W),
            Part("capsule_0", (1.5 * P, 0.22 * W, 0.22 * W), (1.4 * A + 1.4 * P, 0.0, 0.0), second=True),
        ),
        grip=0.6,
        reach=1.2,
    ),
    "pan": Kind(
        (
            _cylinder(0, 0.7 * (W + P), 0.35 * W, 1.5 * A + 0.6 * (W + P), 0.0, 0.0),
            _box(0, 1.5 * A, 0.5 * W, 0.35 * W, second=True),
        ),
        grip=0.5,
        reach=1.2,
    ),
    "dumbbell": Kind(
        (
            _box(0, 1.2 * A, 0.5 * W, 0.5 * W),
            _box(1, 0.35 * P, W, 0.8 * W, 1.2 * A + 0.35 * P, 0.0, 0.0, second=True),
            _box(2, 0.35 * P, W, 0.8 * W, -1.2 * A - 0.35 * P, 0.0, 0.0, second=True),
        ),
        grip=0.5,
        reach=0.4,
    ),
    "spray": Kind(
        (
            _BODY,
            _cylinder(1, 0.35 * W, 0.3 * W, 0.0, 0.0, A + 0.3 * W, second=True),
            _box(0, 0.7 * P, 0.35 * W, 0.25 * W, 0.3 * P, 0.0, A + 0.85 * W, second=True),
        ),
        grip=1.0,
        reach=0.4,
        upright=True,
    ),
}
KINDS = _TRAINED | _HELD_OUT
"""All kinds by name, in the order of their numbers."""
NAMES = tuple(KINDS)
TRAINED = tuple(float(NAMES.index(name)) for name in _TRAINED)
HELD_OUT = tuple(float(NAMES.index(name)) for name in _HELD_OUT)


def _coefficients() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients of half lengths and of middles, ``[kind, slot, axis, length]``, and what is there, bool."""
    halves, middles = (np.zeros((len(KINDS), len(SLOTS), 3, 3)) for _ in range(2))
    there = np.zeros((len(KINDS), len(SLOTS)), dtype=bool)
    for number, kind in enumerate(KINDS.values()):
        for part in kind.parts:
            slot = SLOTS.index(part.slot)
            there[number, slot] = True
            halves[number, slot] = part.half
            middles[number, slot] = [_NONE + at for at in part.at]
    return halves, middles, there


HALVES, MIDDLES, THERE = _coefficients()
SECOND = np.array([[any(p.slot == s and p.second for p in k.parts) for s in SLOTS] for k in KINDS.values()])
"""Whether a slot has the density of the second part, bool ``[kind, slot]``."""


def _rests() -> np.ndarray:
    """Coefficients of the height of each kind's origin at rest, ``[kind, length]``."""
    lengths = np.array([1.0, 1.4, 1.0])  # the same part is lowest at any other ones
    below = HALVES[:, :, 2] - MIDDLES[:, :, 2]
    lowest = np.where(THERE, below @ lengths, -np.inf).argmax(axis=1)
    return below[np.arange(len(KINDS)), lowest]


REST = _rests()


def of_kinds(values: Sequence[float] | Sequence[bool]) -> np.ndarray:
    """One number for each kind, float64 ``[kind]``."""
    return np.array(values, dtype=np.float64)


GRIP = of_kinds([kind.grip for kind in KINDS.values()])
REACH = of_kinds([kind.reach for kind in KINDS.values()])
UPRIGHT = of_kinds([kind.upright for kind in KINDS.values()])
ROUND = of_kinds([kind.round for kind in KINDS.values()])

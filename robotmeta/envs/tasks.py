"""Tasks as rows of named numbers, and the frozen splits that policies are tested on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from robotmeta.errors import UserError, unknown

# Seeds of the meta-test splits. The splits do not depend on the seed of a run.
_SPLIT_STREAM = {"test": 7_001, "ood": 7_002}
_SPLIT_SIZE = 1024


@dataclass(frozen=True)
class Tasks:
    """Rows of named numbers, one row per task.

    Attributes:
        names: Column names.
        values: Array ``[task, parameter]``.
    """

    names: tuple[str, ...]
    values: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise ValueError(f"values of shape {self.values.shape} do not fit {len(self.names)} columns")

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice | Sequence[int] | np.ndarray) -> Tasks:
        return Tasks(self.names, self.values[rows])

    def __iter__(self) -> Iterator[dict[str, float]]:
        for row in self.values:
            yield dict(zip(self.names, row.tolist(), strict=True))

    def repeat(self, count: int) -> Tasks:
        """Repeats every task ``count`` times in succession, ``[task * count, parameter]``."""
        return Tasks(self.names, np.repeat(self.values, count, axis=0))

    def columns(self, device: torch.device | str = "cpu") -> dict[str, Tensor]:
        """Returns the columns by name, each ``[task, 1]`` so that it broadcasts over episodes."""
        table = torch.as_tensor(self.values, device=device)
        return {name: table[:, i : i + 1] for i, name in enumerate(self.names)}

    @property
    def digest(self) -> str:
        """Hash of names and values. Equal digests mean equal tasks."""
        content = json.dumps([self.names, self.values.tolist()]).encode()
        return hashlib.sha256(content).hexdigest()[:16]


def frozen_split(name: str, count: int, sample: Callable[[int, np.random.Generator], Tasks]) -> Tasks:
    """The first tasks of a split that is the same on every machine and for every seed of a run.

    Args:
        name: ``"test"`` or ``"ood"``.
        count: Number of tasks.
        sample: ``(count, generator) -> tasks``, draws the tasks of the split.

    Raises:
        UserError: For an unknown split, or a number of tasks outside 1 to 1024.
    """
    if name not in _SPLIT_STREAM:
        raise unknown("split", name, _SPLIT_STREAM)
    if not 1 <= count <= _SPLIT_SIZE:
        raise UserError(f"a split holds 1 to {_SPLIT_SIZE} tasks, not {count}")
    # The whole split is drawn each time, so that asking for more tasks keeps the earlier ones.
    return sample(_SPLIT_SIZE, np.random.default_rng(_SPLIT_STREAM[name]))[:count]

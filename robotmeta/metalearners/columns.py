"""Data of single steps in one block of memory, from which minibatches are taken at once."""

from __future__ import annotations

import torch
from torch import Tensor


class Columns:
    """Several tensors with the same number of rows, side by side.

    Args:
        columns: ``[row]`` or ``[row, k]`` each.
    """

    def __init__(self, *columns: Tensor) -> None:
        self._vectors = [column.ndim > 1 for column in columns]
        wide = [column if column.ndim > 1 else column.unsqueeze(1) for column in columns]
        self._sizes = [column.shape[1] for column in wide]
        self._packed = torch.cat(wide, dim=1)

    def __len__(self) -> int:
        return len(self._packed)

    def __getitem__(self, rows: Tensor) -> list[Tensor]:
        """Some rows of each tensor; ``rows`` are indices."""
        columns = self._packed.index_select(0, rows).split(self._sizes, dim=1)
        return [c if vector else c.squeeze(1) for c, vector in zip(columns, self._vectors, strict=True)]

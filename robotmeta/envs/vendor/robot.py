"""A vendor's robot, as it was understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from robotmeta.envs.family import TaskFamily


class Listing(NamedTuple):
    """A table of text.

    Attributes:
        title: What it is about.
        columns: Heads of the columns.
        rows: Cells, row by row.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class VendorRobot:
    """A robot from a vendor's MJCF file, with the interface of a task family.

    Attributes:
        name: Name of the file.
        family: Its world: the vendor's model, with the observations, actions, rewards and control step of the family.
            Its parameters are the conditions, such as a payload, friction and the command.
        reads_as: Name of the family whose interface it has.
        row: The robot as a task of that family: columns and values.
        understood: What was understood of the model.
        notes: What was left out or assumed, one sentence each.
        draw: ``(width, height) -> picture``, uint8 ``[height, width, 3]``, of the standing robot with its axes.
    """

    name: str
    family: TaskFamily
    reads_as: str
    row: Mapping[str, float]
    understood: Sequence[Listing]
    notes: Sequence[str]
    draw: Callable[[int, int], np.ndarray]

    def __str__(self) -> str:
        """The tables and notes as plain text."""
        return "\n\n".join([*map(_text, self.understood), *(["\n".join(self.notes)] if self.notes else [])])

    def picture(self, file: str | Path, width: int = 960, height: int = 720) -> None:
        """Writes a picture of the standing robot, with the joints by our names and the forward direction.

        Raises:
            UserError: For a file that is no ``.png`` or cannot be written, or if no GL library works.
        """
        from robotmeta.envs.vendor.picture import write

        write(self.draw(width, height), Path(file))


def _text(listing: Listing) -> str:
    table = [listing.columns, *listing.rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(listing.columns))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table)
    return "\n".join([listing.title, *lines])

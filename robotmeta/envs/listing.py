"""Tables of text, for what a family or a robot is."""

from __future__ import annotations

from typing import NamedTuple


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

    def __str__(self) -> str:
        """The table as plain text."""
        table = [self.columns, *self.rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.columns))]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
        return "\n".join([self.title, *(line.rstrip() for line in lines)])

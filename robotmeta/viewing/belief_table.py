"""The belief beside the truth, as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence

from robotmeta.viewing.belief import BeliefRow, error_text

_FAR = 1.0  # standard deviations over the training tasks
_STYLE = """<style>
.belief {width: 100%; border-collapse: collapse; margin-left: 8px; font-size: 11px; line-height: 1.7}
.belief th, .belief td {text-align: left; padding: 0 6px 0 0; white-space: nowrap}
.belief .bar {height: 6px; background: #4c6ef5}
.belief .near {color: #2f9e44}
.belief .far {color: #e03131}
.belief .idle td, .belief small {color: #868e96}
.note {font-size: 11px; color: #868e96; padding: 0 8px}
</style>"""
_HEADS = ("", "true", "inferred", "error", "certain")
_NOTE = (
    "Inferred: the most likely value, and one standard deviation below and above it. Error: distance from the true "
    "value in standard deviations over the training tasks. Certain: how far the uncertainty is below the spread over "
    "these tasks. Grey: without an effect in this task."
)


def belief_table(rows: Sequence[BeliefRow]) -> str:
    """A table of a belief; one sentence if there are no rows."""
    if not rows:
        return f"{_STYLE}<p class='note'>This learner infers no parameters: it adapts its behaviour alone.</p>"
    heads = "".join(f"<th>{head}</th>" for head in _HEADS)
    table = f"<table class='belief'><tr>{heads}</tr>{''.join(map(_row, rows))}</table>"
    return f"{_STYLE}<div style='overflow-x:auto'>{table}</div><p class='note'>{_NOTE}</p>"


def _row(row: BeliefRow) -> str:
    near = "near" if row.error < _FAR else "far"
    cells = (
        html.escape(row.name),
        html.escape(row.truth),
        f"{html.escape(row.inferred)} <small>{html.escape(row.spread)}</small>",
        f"<span class='{near if row.matters else ''}'>{error_text(row.error)}</span>",
        f"<div class='bar' style='width:{round(30 * row.known)}px'></div>",
    )
    return f"<tr class='{'' if row.matters else 'idle'}'>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"

"""The table of meta-updates after whole episodes and after parts of them."""

from __future__ import annotations

import json
import statistics

from cells import markdown
from learning import RESULTS


def by_family() -> str:
    """Returns on training tasks at some control steps, mean and range over seeds, and relative speed."""
    measured = json.loads((RESULTS / "unrolls.json").read_text())
    columns = ("family", "meta-update after", *(f"{at / 1e6:g}M steps" for at in measured["at"]), "steps/s")
    whole = {row["family"]: row["steps_per_second"] for row in measured["rows"] if row["way"] == "whole episodes"}
    rows = []
    for row in measured["rows"]:
        returns = [
            f"{statistics.fmean(at):.0f} ({min(at):.0f} to {max(at):.0f})" for at in zip(*row["returns"], strict=True)
        ]
        rows.append([row["family"], row["way"], *returns, f"{row['steps_per_second'] / whole[row['family']]:.2f}"])
    return markdown(columns, rows)

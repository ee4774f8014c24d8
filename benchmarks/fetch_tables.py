"""The table of the Fetch families beside published results."""

from __future__ import annotations

import json

from cells import cell, markdown, millions, shown_as, with_note
from learning import RESULTS
from result_files import first_runs

_PUBLISHED = {
    "fetch-reach": "100% (20k)",
    "fetch-push": "100% (1M)",
    "fetch-slide": "about 80% (2.5M)",
    "fetch-pick-and-place": "100% (1M)",
}
"""Success and control steps of TQC with hindsight replay. Nothing is hidden there."""


def beside_published() -> str:
    """Each family with hidden properties, then its variant with none, beside what was published for the latter."""
    rows, shown = [], []
    for family, published in _PUBLISHED.items():
        run = first_runs()[family, "task-inference"]
        adapted = cell("success", run["evaluations"]["test"]["success"]["adapted"])
        rows.append([shown_as(family, run), "task-inference", millions(run), adapted, "", ""])
        shown.append(run)
        file = RESULTS / f"{family}-package.json"
        if file.exists():
            result = json.loads(file.read_text())
            here, there = (cell("success", result[where]) for where in ("here", "package"))
            rows.append([result["family"], result["learner"], millions(result), here, there, published])
        else:
            rows.append([f"{family}-package", "not trained", "", "", "", published])
    columns = ("family", "learner", "control steps", "success here", "in the package", "TQC with hindsight replay")
    return with_note(markdown(columns, rows), shown)

"""The table of shares says what was measured, and nothing where nothing was."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

_BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_a_row_has_the_share_of_each_curve_that_was_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(_BENCHMARKS))
    share = importlib.import_module("share")
    measured = {"mean": [0.1, 0.953], "ci95": [[0.0, 0.2], [0.91, 0.987]]}
    unbounded = {"mean": [0.5, 0.6], "ci95": None}
    after_fit = {"mean": [None, 0.8], "ci95": [[None, None], [0.7, 0.9]]}
    curves = {"adapted": measured, "zero_shot": unbounded, "fit_fine_tuned": after_fit, "domain_randomized": None}
    result = {"family": "push", "split": "ood", "tasks": 10, "share_left_out": [3], "share": curves}
    *_, row = share.table([result]).splitlines()
    assert row == "| push | ood | 9 of 10 | 60% |  | 95% [91%, 99%] | 80% [70%, 90%] |  |  |"

"""What a comparison of learners says, beside values by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import TaskFamily, make
from robotmeta.evaluation.comparison import Comparison, MeasuredRun, measured_run
from robotmeta.evaluation.references import References
from robotmeta.policy import new_policy


def comparison(returns: dict[str, list[list[float]]], references: References | None = None) -> Comparison:
    runs = [
        MeasuredRun(name, seed, np.array(row), None, 1000, 1.0)
        for name, rows in returns.items()
        for seed, row in enumerate(rows)
    ]
    return Comparison("point-navigation", "test", 3, tuple(runs), {}, references)


def test_the_share_leaves_out_tasks_in_which_a_specialist_gains_nothing() -> None:
    returns = {"specialist": np.array([-10.0, -20.0, -7.0]), "random": np.array([-100.0, -200.0, -7.0])}
    tasks = make("point-navigation").tasks("test", 3)
    references = References("test", tasks, 20, returns, {}, np.array([True, True, False]))
    share = comparison({"rl2": [[-28.0, -38.0, 50.0], [-10.0, -56.0, 90.0]]}, references).share("rl2")
    assert share is not None
    assert share.mean[0] == pytest.approx(((-19.0 + 100.0) + (-47.0 + 200.0)) / (90.0 + 180.0))
    assert comparison({"rl2": [[1.0, 2.0, 3.0]]}).share("rl2") is None


def test_what_a_family_of_ones_own_reaches_is_measured_again(tmp_path: Path) -> None:
    def measured(family: TaskFamily) -> MeasuredRun:
        policy = new_policy(RunConfig(family.name, "promp", hyperparameters("promp", {"hidden": (8,)})), "cpu", family)
        return measured_run(policy, "test", 2, 1, minutes=1.0, file=file, threads=1)

    file, installed = tmp_path / "comparison.json", make("point-navigation")
    mine = dataclasses.replace(installed, name="mine.py:points")
    before = measured(mine).returns
    mended = dataclasses.replace(mine, reward=lambda step: mine.reward(step) + 1.0)
    assert (measured(mended).returns > before + mine.horizon / 2).all()
    measured(installed)
    written = file.stat().st_mtime_ns
    measured(installed)
    assert file.stat().st_mtime_ns == written


def test_the_verdict_does_not_call_one_seed_or_a_close_race_a_victory() -> None:
    ahead, behind = [[5.0] * 4, [6.0] * 4], [[1.0] * 4, [2.0] * 4]
    assert "rl2 is clearly better" in comparison({"promp": behind, "rl2": ahead}).verdict()
    assert "Not clearly worse: promp" in comparison({"promp": [[5.4] * 4, [5.4] * 4], "rl2": ahead}).verdict()
    assert "With one seed" in comparison({"promp": behind, "rl2": ahead[:1]}).verdict()
    assert "Only rl2" in comparison({"rl2": ahead}).verdict()

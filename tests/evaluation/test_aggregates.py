"""Aggregates over seeds and tasks, beside values by hand."""

from __future__ import annotations

import numpy as np
import pytest

from robotmeta.evaluation.aggregates import interquartile_mean, probability_of_improvement


def test_the_interquartile_mean_leaves_out_a_quarter_at_each_end() -> None:
    scores = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 1000.0]])
    assert interquartile_mean(scores).value == pytest.approx((3 + 4 + 5 + 6) / 4)


def test_the_probability_of_improvement_counts_pairs_of_seeds_in_each_task() -> None:
    one, other = np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[2.0, 5.0], [0.0, 5.0], [1.0, 5.0]])
    by_hand = ((1 > 0) + 0.5 * (1 == 1) + (3 > 2) + (3 > 0) + (3 > 1)) / 6  # the first task; all ties in the second
    assert probability_of_improvement(one, other).value == pytest.approx((by_hand + 0.5) / 2)
    assert probability_of_improvement(other, one).value == pytest.approx(1.0 - (by_hand + 0.5) / 2)


def test_one_seed_has_no_interval() -> None:
    assert interquartile_mean(np.ones((1, 5))).ci95 is None
    assert probability_of_improvement(np.ones((1, 5)), np.ones((3, 5))).ci95 is None


@pytest.mark.slow
def test_the_interval_over_seeds_covers_the_mean_of_many_seeds() -> None:
    rng, covered, trials = np.random.default_rng(0), 0, 40
    tasks = rng.normal(size=10)
    truth = interquartile_mean(tasks + 0.3 * rng.normal(size=(2000, 10))).value
    for _ in range(trials):
        low, high = interquartile_mean(tasks + 0.3 * rng.normal(size=(5, 10))).ci95 or (0.0, 0.0)
        covered += low <= truth <= high
    assert covered >= 33  # the percentile bootstrap of five seeds is somewhat too narrow

"""The share of the specialist: by hand, with its interval, and what is left out."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from robotmeta.envs import make
from robotmeta.evaluation import verdict
from robotmeta.evaluation.evaluation import Evaluation
from robotmeta.evaluation.intervals import Curve
from robotmeta.evaluation.schedule import Flat
from robotmeta.evaluation.share import Sample, Share, distinct
from robotmeta.evaluation.stages import STAGES


def share(policy: list[list[float]], specialist: list[float], random: list[float]) -> Share:
    return Share(np.array(policy) - np.array(random), np.array(specialist) - np.array(random))


def test_a_share_is_the_ratio_of_mean_gains_over_the_random_policy() -> None:
    found = share([[0.0, 0.0], [5.0, 30.0]], specialist=[10.0, 40.0], random=[0.0, 0.0])
    np.testing.assert_allclose(found.mean, [0.0, 35.0 / 50.0])


def test_a_share_of_negative_returns_is_positive() -> None:
    # Returns such as those of cheetah-velocity: the random policy loses 100 and 200, the specialist 10 and 20.
    found = share([[-100.0, -200.0], [-19.0, -38.0]], specialist=[-10.0, -20.0], random=[-100.0, -200.0])
    np.testing.assert_allclose(found.mean, [0.0, 0.9])


def test_a_share_does_not_change_with_the_unit_and_the_zero_of_the_return() -> None:
    policy, specialist, random = [[3.0, 9.0, 4.0]], [10.0, 12.0, 9.0], [1.0, 2.0, 0.0]
    one = share(policy, specialist, random)
    other = share(*((5.0 * np.array(values) - 70.0).tolist() for values in (policy, specialist, random)))
    np.testing.assert_allclose(other.mean, one.mean)
    assert one.ci95 is not None
    assert other.ci95 is not None
    np.testing.assert_allclose(other.ci95, one.ci95)


def test_a_task_with_little_to_gain_does_not_decide_the_share() -> None:
    found = share([[90.0, -1.0]], specialist=[100.0, 0.1], random=[0.0, 0.0])  # ratios 0.9 and -10
    assert found.mean[0] == pytest.approx(0.889, abs=1e-3)


def test_equal_shares_in_all_tasks_leave_no_doubt() -> None:
    found = share([[40.0, 80.0, 60.0]], specialist=[50.0, 100.0, 75.0], random=[0.0, 0.0, 0.0])
    assert found.ci95 is not None
    np.testing.assert_allclose(found.ci95, [[0.8, 0.8]], atol=1e-6)


def test_tasks_that_do_not_bound_a_share_give_no_interval() -> None:
    assert share([[1.0]], specialist=[2.0], random=[0.0]).ci95 is None
    assert share([[1.0, 1.0]], specialist=[30.0, -28.0], random=[0.0, 0.0]).ci95 is None  # its gain may be zero
    assert share([[1.0]], specialist=[2.0], random=[0.0]).to_json() == {"mean": [0.5], "ci95": None}


def test_the_interval_covers_the_true_share_with_ten_tasks() -> None:
    rng, covered, trials = np.random.default_rng(0), 0, 1000
    for _ in range(trials):
        possible = rng.gamma(4.0, 25.0, 10)
        interval = Share((possible * rng.normal(0.8, 0.1, 10) + rng.normal(0.0, 3.0, 10))[None], possible).ci95
        covered += interval is not None and interval[0][0] <= 0.8 <= interval[0][1]
    assert 0.93 <= covered / trials <= 0.98


@pytest.mark.parametrize(
    ("specialist", "expected"),
    [
        (Sample(30.0, 5.0, 20), True),
        (Sample(11.0, 5.0, 20), False),  # within what the episodes scatter
        (Sample(5.0, 0.1, 20), False),
        (Sample(10.5, 0.0, 20), True),
        (Sample(90.0, 0.0, 1), False),
    ],
)
def test_a_specialist_must_be_better_than_a_random_policy_beyond_doubt(specialist: Sample, expected: bool) -> None:
    random = Sample(10.0, 0.0 if specialist.std == 0.0 else 5.0, 100)
    assert distinct(specialist, random) == expected


# -- in an evaluation --------------------------------------------------------------------------------------------------


def evaluation(**changes: Any) -> Evaluation:
    """Three tasks after 0 and 1 episodes. In the last one the specialist is not better than the random policy."""
    returns: dict[str, Curve | None] = {
        "adapted": Curve(np.array([[-90.0, -180.0, -7.0], [-28.0, -38.0, -7.0]])),
        "zero_shot": Curve(np.tile([-90.0, -180.0, -7.0], (2, 1))),
        "domain_randomized": None,
        "random": Curve(np.tile([-100.0, -200.0, -7.0], (2, 1))),
        "specialist": Curve(np.tile([-10.0, -20.0, -7.0], (2, 1))),
    }
    found = Evaluation(
        "point-navigation",
        "rl2",
        "test",
        make("point-navigation").tasks("test", 3),
        [0, 1],
        returns,
        {},
        {},
        1000,
        0,
        distinct=np.array([True, True, False]),
    )
    return dataclasses.replace(found, **changes)


def test_an_evaluation_has_a_share_of_each_curve_that_was_run() -> None:
    data = evaluation().to_json()
    assert data["share"]["adapted"]["mean"] == pytest.approx([30.0 / 270.0, 234.0 / 270.0])
    assert data["share"]["zero_shot"]["mean"] == pytest.approx([30.0 / 270.0] * 2)
    assert [data["share"][name] for name in ("domain_randomized", *STAGES)] == [None] * 4
    assert data["share_left_out"] == [2]


def test_a_stage_of_adaptation_that_was_measured_has_a_share() -> None:
    staged = evaluation()
    after = Curve(np.array([[np.nan] * 3, [-19.0, -38.0, -7.0]]))  # there is no fit before the first episode
    shares = dataclasses.replace(staged, returns={**staged.returns, "fit_fine_tuned": after}).shares()
    assert shares["fit_fine_tuned"] is not None
    assert shares["fit_fine_tuned"].mean[1] == pytest.approx(0.9)
    assert (shares["fit_fine_tuned"].text(0), shares["fit_fine_tuned"].text(1)[:3]) == ("", "90%")


def test_without_specialists_no_share_is_invented() -> None:
    plain = evaluation(distinct=None)
    assert set(plain.to_json()["share"].values()) == {None}
    assert "share_left_out" not in plain.to_json()
    assert "specialist" not in verdict.share(plain.shares()["adapted"], [])


def test_the_verdict_says_the_share_and_which_tasks_have_none() -> None:
    reached = evaluation().shares()["adapted"]
    assert reached is not None
    assert (
        f"It reaches {reached.text()} of what a specialist gains over a random policy; without task 2, where the "
        "specialist is not better than a random policy beyond doubt."
    ) in evaluation().verdict()
    none = evaluation(distinct=np.zeros(3, dtype=bool))
    assert "In no task is the specialist better than a random policy beyond doubt." in none.verdict()
    assert set(none.to_json()["share"].values()) == {None}


# -- when a curve is flat ----------------------------------------------------------------------------------------------


def test_a_curve_is_flat_when_its_last_evaluations_are_hardly_better_than_those_before() -> None:
    rising, flat = [0.0, 10.0, 20.0, 30.0], [40.0, 40.0, 40.0, 40.0]
    rule = Flat(evaluations=2, gain=0.02)
    assert rule.times(rising) == 0
    assert rule.times([*rising, *flat]) == 1
    assert rule.times([*rising, *flat, *flat]) == 2
    assert rule.times([-1000.0 + 5.0 * value for value in [*rising, *flat]]) == 1  # whatever the unit and the sign

"""The verdict says what was measured, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from robotmeta.evaluation import verdict
from robotmeta.evaluation.intervals import Curve


def curve(*means: float, tasks: int = 20, spread: float = 1.0) -> Curve:
    """Returns around a mean after each number of episodes."""
    return Curve(np.array(means)[:, None] + spread * np.linspace(-1.0, 1.0, tasks))


def said(adapted: Curve, zero_shot: Curve | None) -> str:
    names = ("domain_randomized", "from_scratch", "oracle")
    gain = None if zero_shot is None else Curve(adapted.values - zero_shot.values)
    controls = dict.fromkeys(names)
    return verdict.adaptation(
        1, {"adapted": adapted, "zero_shot": zero_shot, **controls}, {"zero_shot": gain, **controls}
    )


def test_without_the_zero_shot_control_nothing_is_said_about_adaptation() -> None:
    assert said(curve(1.0, 9.0), None).endswith("was not run, so nothing can be said about adaptation.")


def test_one_task_has_no_interval() -> None:
    judged = said(curve(1.0, 9.0, tasks=1), curve(1.0, 1.0, tasks=1))
    assert "a gain of +8.0 on the same tasks. 1 task is too few to tell whether adaptation helps." in judged
    assert "[" not in judged
    assert curve(1.0, tasks=1).to_json() == {"mean": [0.0], "ci95": None}
    assert Curve(np.array([[1.0]]), binary=True).text(verdict.percent) == "100% [21%, 100%]"


def test_returns_that_are_not_finite_are_not_judged() -> None:
    for broken in (curve(1.0, np.nan), curve(1.0, np.inf)):
        assert said(broken, curve(1.0, 1.0)).startswith("Some returns are not finite numbers")
        assert said(curve(1.0, 1.0), broken).startswith("Some returns are not finite numbers")


@pytest.mark.parametrize(("at_once", "expected"), [(8.0, True), (1.5, False), (0.0, False)])
def test_the_first_episode_gets_the_credit_only_for_more_than_half_of_the_gain(at_once: float, expected: bool) -> None:
    judged = said(curve(at_once, 9.0, spread=4.0), curve(0.0, 0.0, spread=4.0))
    assert "Adaptation helps" in judged
    assert ("within the first episode" in judged) == expected


@pytest.mark.parametrize(
    ("inferred", "expected"),
    [
        ({}, ""),
        (
            {"direction": 0.87, "mass": 0.04, "friction": 0.5},
            "Its estimates explain these shares of the parameters' variance over the tasks: "
            "direction 87%, friction 50%; less than 10% of the others.",
        ),
        ({"mass": 1.0}, "Its estimates explain these shares of the parameters' variance over the tasks: mass 100%."),
        (
            {"mass": 0.04, "friction": -3.0},
            "Its estimates explain less than 10% of the variance over the tasks of each parameter that varies.",
        ),
        (
            {"mass": 0.9, "friction": float("nan")},
            "Some of its estimates are not finite numbers, so nothing can be said about what it infers.",
        ),
    ],
)
def test_what_is_said_of_the_estimates(inferred: dict[str, float], expected: str) -> None:
    assert verdict.explained(inferred, 40) == expected


def test_a_few_tasks_do_not_say_what_is_inferred() -> None:
    assert verdict.explained({"mass": 0.9}, 2) == "2 tasks are too few to tell what it infers."

"""Rounds: a fine-tuned policy collects further episodes, and the fit is to all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import robotmeta as rm
from robotmeta.errors import UserError
from robotmeta.policy import Policy
from tests.robots import Robot, arrays, point_policy

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:only the number of observations and actions:UserWarning"),
]
TWICE: dict[str, Any] = {"fit": True, "fine_tune": 2_000, "rounds": 2}
HORIZON = 30


def policy() -> Policy:
    return point_policy("domain-randomization", meta_batch=4, episodes=1)


def test_each_round_collects_the_episodes_asked_for_and_fits_to_all() -> None:
    acting = policy()
    adapted = rm.adapt(acting, acting.family.task(goal_x=0.3), episodes=2, evaluation_episodes=1, **TWICE)
    assert [e.phase for e in adapted.history] == [
        *("adaptation", "adaptation", "before", "after", "adaptation", "adaptation", "fine-tuned")
    ]
    assert (adapted.episodes, adapted.first_episodes) == (4, 2)
    assert adapted.fit is not None
    assert adapted.fit.episodes == 4


def test_a_robot_runs_as_many_episodes_as_were_asked_for(tmp_path: Path) -> None:
    robot, file = Robot(), tmp_path / "e.npz"
    adapted = rm.adapt(policy(), rm.wrap(robot, horizon=HORIZON), episodes=2, episodes_out=file, **TWICE)
    assert len(robot.actions) == 4 * HORIZON
    assert arrays(file)["lengths"].tolist() == [HORIZON] * 4
    assert (adapted.episodes, adapted.stopped) == (4, None)
    assert adapted.fit is not None
    assert adapted.fit.episodes == 4


def test_a_second_round_that_is_cut_short_keeps_the_first() -> None:
    with rm.wrap(Robot(), horizon=HORIZON, max_steps=3 * HORIZON) as world:
        adapted = rm.adapt(policy(), world, episodes=2, **TWICE)
    assert adapted.stopped is not None
    assert adapted.episodes == 3
    assert adapted.fit is not None
    assert adapted.fit.episodes == 2
    assert adapted.fine_tuned is not None
    assert adapted.policy is adapted.fine_tuned.policy


def test_rounds_are_for_a_fit_with_fine_tuning() -> None:
    acting = policy()
    with pytest.raises(UserError, match="give fit=True and fine_tune too"):
        rm.adapt(acting, acting.family.task(), rounds=2, fit=True)
    with pytest.raises(UserError, match="rounds must be at least 1"):
        rm.adapt(acting, acting.family.task(), rounds=0)

"""Environments that fail: one line, and nothing that was collected is lost."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

import robotmeta as rm
from robotmeta.envs.family import Transition
from robotmeta.errors import EnvironmentFailed, FitFailed, UserError
from tests.robots import Fault, Robot, arrays, point_policy, raising, replacing

pytestmark = pytest.mark.filterwarnings("ignore:only the number of observations and actions:UserWarning")


def failure(robot: Robot, tmp_path: Path, **limits: Any) -> EnvironmentFailed:
    """How three episodes of five steps end."""
    with pytest.raises(EnvironmentFailed) as caught, rm.wrap(robot, horizon=5, **limits) as world:
        rm.adapt(point_policy(), world, episodes=3, episodes_out=tmp_path / "episodes.npz")
    assert "\n" not in str(caught.value)
    return caught.value


class Mute(RuntimeError):
    def __str__(self) -> str:
        raise ValueError("no text")


STEPS: list[tuple[Fault, str]] = [
    (raising(RuntimeError("servo 3 lost\nat 12:00")), "RuntimeError: servo 3 lost"),
    (raising(UserError("no such pose")), "no such pose"),
    (raising(SystemExit(3)), "SystemExit: 3"),
    (raising(AssertionError()), "AssertionError: no message"),
    (raising(Mute()), "Mute: no message"),
    (raising(OSError("\n\x1b[31mlost\rit")), "OSError: \\x1b[31mlost"),
    (replacing(1, None), "its reward is None, not a number"),
    (replacing(1, np.zeros(3)), "its reward is an array of shape (3,), not a number"),
    (replacing(1, "12"), "its reward is '12', not a number"),
    (replacing(1, float("nan")), "its reward is nan, not a finite number"),
    (replacing(1, 1e300), "not a finite number"),
    (replacing(0, np.zeros(3, np.float32)), "an observation of 3 numbers, its space has 2"),
    (replacing(0, np.zeros(1, np.float32)), "an observation of 1 numbers, its space has 2"),
    (replacing(0, np.array([0.0, np.inf])), "an observation that is not finite (number 2 of 2 is inf)"),
    (replacing(0, np.array([1e200, 0.0])), "an observation that is not finite (number 1 of 2 is inf)"),
    (replacing(0, np.array(["a", "b"])), "not of numbers"),
    (replacing(0, None), "an observation of type NoneType, not of numbers"),
    (replacing(0, [[1.0], [1.0, 2.0]]), "no array of numbers"),
    (replacing(0, np.array([1j, 0.0])), "an observation of type complex128, not of numbers"),
    (replacing(2, None), "its terminated is None, not True or False"),
    (replacing(3, np.array([True, False])), "its truncated is an array of shape (2,), not True or False"),
    (replacing(4, "info"), "its info is 'info', not a dict"),
    (replacing(4, {"is_success": "False"}), "its is_success is 'False', not True or False"),
    (replacing(4, {"is_success": float("nan")}), "its is_success is nan, not True or False"),
    (replacing(4, {"success": 0.5}), "its success is 0.5, not True or False"),
    (replacing(4, {"success": np.zeros(2)}), "its success is an array of shape (2,), not True or False"),
    (replacing(4, {"diverged": "False"}), "its diverged is 'False', not True or False"),
    (lambda returned: (*returned[:3], {}), "a tuple of 4, the interface of old versions of Gym, in place of"),
    (lambda returned: None, "it returned None in place of (observation, reward"),
]


@pytest.mark.parametrize(("fault", "cause"), STEPS)
def test_a_step_that_fails_is_one_line_with_step_and_episode(fault: Fault, cause: str, tmp_path: Path) -> None:
    robot = Robot(at=7, step=fault)
    error = failure(robot, tmp_path)
    assert str(error).startswith("the environment failed in step 2 of episode 2: ")
    assert cause in str(error)
    assert [(episode.length, episode.ended) for episode in error.episodes] == [(5, "time limit"), (1, "broke")]
    assert robot.closed == 1


@pytest.mark.parametrize("learner", ["rl2", "promp"])
def test_a_failure_keeps_the_belief_and_the_steps_until_then(learner: str, tmp_path: Path) -> None:
    policy = point_policy(learner)
    robot = Robot(at=9, step=raising(RuntimeError("lost")))
    with pytest.raises(EnvironmentFailed) as caught:
        rm.adapt(policy, rm.wrap(robot, horizon=5), episodes=3, episodes_out=tmp_path / "e.npz")
    adapted = caught.value.adapted
    assert adapted.episodes == 1
    assert adapted.return_before is adapted.return_after is None
    begun = policy.begin(1)
    assert any(not torch.equal(value, begun[name]) for name, value in adapted.policy.belief.items())
    assert all(bool(value.isfinite().all()) for value in adapted.policy.belief.values())
    written = arrays(tmp_path / "e.npz")
    assert written["lengths"].tolist() == [5, 3]
    assert written["ended"].tolist() == ["time limit", "broke"]
    again = rm.adapt(adapted.policy, rm.wrap(Robot(), horizon=5), episodes=2, seed=1)
    assert again.episodes == 2


@pytest.mark.parametrize(
    ("at", "fault", "said"),
    [
        (0, raising(OSError("no such port")), "in reset of episode 1: OSError: no such port"),
        (5, raising(OSError("no such port")), "in reset of episode 2: OSError: no such port"),
        (5, replacing(0, np.zeros(9)), "in reset of episode 2: an observation of 9 numbers, its space has 2"),
        (5, lambda returned: returned[0], "in reset of episode 2: it returned an array of shape (2,) in place of"),
        (5, replacing(0, np.full(2, np.nan)), "in reset of episode 2: an observation that is not finite"),
    ],
)
def test_a_reset_that_fails_is_one_line_with_the_episode(at: int, fault: Fault, said: str, tmp_path: Path) -> None:
    error = failure(Robot(at=at, reset=fault), tmp_path)
    assert said in str(error)
    assert [episode.length for episode in error.episodes] == [5] * (at // 5) + [0]
    assert arrays(tmp_path / "episodes.npz")["lengths"].tolist() == [5] * (at // 5) + [0]


def test_fine_tuning_that_fails_keeps_the_adaptation() -> None:
    family = rm.make("point-navigation")

    def reward(step: Transition) -> torch.Tensor:
        assert len(step.action) < 4, "too many tasks"
        return family.reward(step)

    policy = dataclasses.replace(point_policy(), family=dataclasses.replace(family, reward=reward))
    with pytest.raises(FitFailed, match="too many tasks") as caught:
        rm.adapt(policy, rm.wrap(Robot(), horizon=5), episodes=2, fine_tune=1000)
    assert caught.value.adapted.episodes == 2
    assert caught.value.adapted.policy.belief is not None
    assert caught.value.adapted.fine_tuned is None


def test_the_first_step_may_fail(tmp_path: Path) -> None:
    for learner in ("rl2", "promp", "task-inference"):
        with pytest.raises(EnvironmentFailed) as caught:
            rm.adapt(point_policy(learner), rm.wrap(Robot(at=1, step=raising(ValueError("x"))), horizon=5))
        assert all(bool(value.isfinite().all()) for value in caught.value.adapted.policy.belief.values())


def sleeps(returned: Any) -> Any:
    time.sleep(60.0)


def waits(returned: Any) -> Any:
    threading.Event().wait()


@pytest.mark.parametrize("hang", [sleeps, waits])
def test_a_step_that_hangs_ends_the_adaptation_and_is_not_left_running(hang: Fault, tmp_path: Path) -> None:
    begun = time.monotonic()
    robot = Robot(at=7, step=hang)
    assert str(failure(robot, tmp_path, timeout=0.2)) == (
        "the environment failed in step 2 of episode 2: no answer within 0.2 s"
    )
    assert time.monotonic() - begun < 10.0
    assert robot.closed == 1
    assert "in reset of episode 2: no answer" in str(failure(Robot(at=5, reset=hang), tmp_path, timeout=0.2))


def test_a_step_that_hangs_ends_the_adaptation_in_other_threads_too(tmp_path: Path) -> None:
    errors: list[EnvironmentFailed] = []
    thread = threading.Thread(
        target=lambda: errors.append(failure(Robot(at=7, step=sleeps), tmp_path, timeout=0.2)), daemon=True
    )
    thread.start()
    thread.join(20.0)
    assert str(errors[0]) == "the environment failed in step 2 of episode 2: no answer within 0.2 s"


def test_answers_of_odd_types_that_mean_the_same_are_read() -> None:
    def odd(returned: Any) -> Any:
        observation, reward, *_ = returned
        return observation.astype(np.float16).tolist(), np.array(np.float16(reward)), 0, np.bool_(True), None

    adapted = rm.adapt(point_policy(), rm.wrap(Robot(at=3, step=odd), horizon=5), episodes=2)
    assert [(e.length, e.ended) for e in adapted.history] == [(3, "time limit"), (5, "time limit")]


def test_observations_of_whole_numbers_and_of_half_precision_are_read() -> None:
    for kind in (np.int32, np.uint8, np.float16, np.float64):
        robot = Robot()
        robot.observation_space = spaces.Box(0, 100, (2,), kind)
        robot.seen = lambda kind=kind: np.array([3, 4], kind)
        assert rm.wrap(robot, horizon=2).reset(torch.Generator()).tolist() == [[[3.0, 4.0]]]


def test_an_episode_whose_simulation_diverges_is_told_and_the_next_begins() -> None:
    def diverges(returned: Any) -> Any:
        return np.full(2, np.nan), np.nan, False, True, {"diverged": True}

    adapted = rm.adapt(point_policy(), rm.wrap(Robot(at=2, step=diverges), horizon=5), episodes=2)
    assert [(e.length, e.ended) for e in adapted.history] == [(1, "broke"), (5, "time limit")]
    assert adapted.episodes == 1


@pytest.mark.parametrize("true", [True, np.bool_(True), np.array([True]), np.float32(1.0), np.array(1)])
def test_success_is_told_for_each_episode(true: Any) -> None:
    robot = Robot(at=5, step=lambda returned: (*returned[:4], {"is_success": true}))
    adapted = rm.adapt(point_policy(), rm.wrap(robot, horizon=5), episodes=2)
    assert [e.success for e in adapted.history] == [True, False]

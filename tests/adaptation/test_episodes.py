"""What an adaptation in an environment runs, tells, and writes."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.adaptation.episodes import Episode
from robotmeta.errors import AdaptationInterrupted, EnvironmentWarning, UserError
from tests.robots import Robot, arrays, point_policy

pytestmark = pytest.mark.filterwarnings("ignore:only the number of observations and actions:UserWarning")


def test_only_the_adaptation_episodes_run_unless_others_are_asked_for() -> None:
    for evaluation, steps in ((None, 15), (0, 15), (2, 35)):
        robot = Robot()
        adapted = rm.adapt(point_policy(), rm.wrap(robot, horizon=5), episodes=3, evaluation_episodes=evaluation)
        assert len(robot.actions) == steps
        measured = steps > 15
        assert (adapted.return_before is not None, adapted.return_after is not None) == (measured, measured)
        phases = ["adaptation"] * 3 + (["before"] * 2 + ["after"] * 2 if measured else [])
        assert [episode.phase for episode in adapted.history] == phases


def test_evaluation_does_not_change_what_is_learned() -> None:
    first, second = (
        rm.adapt(point_policy("promp"), rm.wrap(Robot(), horizon=5), episodes=2, evaluation_episodes=n).policy.belief
        for n in (0, 2)
    )
    assert first is not None
    assert second is not None
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_episodes_are_told_and_written_as_they_come(tmp_path: Path) -> None:
    file, told = tmp_path / "new" / "episodes.npz", []

    def tell(episode: Episode) -> None:
        told.append((episode.total_return, arrays(file)["lengths"].tolist()))

    adapted = rm.adapt(point_policy(), rm.wrap(Robot(), horizon=5), episodes=3, episodes_out=file, on_episode=tell)
    assert told == [(e.total_return, [5] * (i + 1)) for i, e in enumerate(adapted.history)]


def test_the_file_holds_every_step(tmp_path: Path) -> None:
    file, robot, policy = tmp_path / "episodes.npz", Robot(), point_policy(init_std=2.0)
    at_three: Any = lambda returned: (*returned[:2], True, *returned[3:])  # noqa: E731
    robot.at, robot.faults["step"] = 3, at_three
    adapted = rm.adapt(policy, rm.wrap(robot, horizon=5, action_limit=0.4), episodes=2, episodes_out=file)
    written = arrays(file)
    assert (int(written["format"]), str(written["family"]), float(written["dt"])) == (1, "point-navigation", 0.1)
    assert written["observation_names"].tolist() == ["x", "y"]
    assert written["action_units"].tolist() == [unit for _, unit in policy.family.actions]
    assert written["lengths"].tolist() == [3, 5]
    assert written["starts"].nonzero()[0].tolist() == [0, 3]
    assert written["terminated"].nonzero()[0].tolist() == [2]
    assert written["truncated"].nonzero()[0].tolist() == [7]
    assert written["ended"].tolist() == ["terminated", "time limit"]
    assert written["successes"].tolist() == [-1, -1]
    np.testing.assert_allclose(written["applied_actions"], robot.actions, atol=1e-6)
    np.testing.assert_allclose(written["applied_actions"], np.clip(written["actions"], -0.4, 0.4), atol=1e-6)
    assert np.abs(written["actions"]).max() > 1.0, "before clipping"
    np.testing.assert_allclose(written["rewards"][3:].sum(), adapted.history[1].total_return, atol=1e-5)
    moved = written["observations"][1:3] - written["observations"][:2]
    np.testing.assert_allclose(moved, 0.1 * written["applied_actions"][:2], atol=1e-6)
    np.testing.assert_allclose(written["last_observations"][1], robot.place, atol=1e-6)


def test_a_file_that_cannot_be_written_is_found_at_once_and_later_costs_nothing_else(tmp_path: Path) -> None:
    robot = Robot()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        rm.adapt(point_policy(), rm.wrap(robot, horizon=5), episodes_out=tmp_path / "file" / "episodes.npz")
    assert robot.actions == []
    folder = tmp_path / "folder"
    block: Any = lambda returned: (folder.touch(), returned)[1]  # noqa: E731
    robot = Robot(at=1, step=block)
    with pytest.warns(EnvironmentWarning, match="cannot write"):
        adapted = rm.adapt(point_policy(), rm.wrap(robot, horizon=5), episodes_out=folder / "episodes.npz")
    assert adapted.episodes == 3


def test_what_is_for_environments_is_refused_for_tasks() -> None:
    policy = point_policy()
    with pytest.raises(UserError, match="episodes_out, dataset_out, on_start and on_episode are for an environment"):
        rm.adapt(policy, policy.family.task(), episodes_out="episodes.npz")


@pytest.mark.parametrize("target", ["Pendulum-v1", Robot(), None])
def test_a_target_that_is_not_wrapped_is_one_line(target: Any) -> None:
    with pytest.raises(
        UserError, match=r"target must be a task, an environment that robotmeta.wrap\(...\) makes, or a"
    ):
        rm.adapt(point_policy(), target)


def test_a_task_can_be_adapted_to_without_measuring() -> None:
    policy = point_policy()
    adapted = rm.adapt(policy, policy.family.task(), episodes=2, evaluation_episodes=0)
    assert adapted.return_before is adapted.return_after is None
    assert [episode.phase for episode in adapted.history] == ["adaptation"] * 2
    measured = rm.adapt(policy, policy.family.task(), episodes=2, evaluation_episodes=1)
    assert [episode.phase for episode in measured.history] == ["adaptation"] * 2 + ["before", "after"]


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------


def interrupt(returned: Any) -> Any:
    os.kill(os.getpid(), signal.SIGINT)
    return returned


def hang(returned: Any) -> Any:
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    time.sleep(60.0)


@pytest.mark.parametrize("learner", ["rl2", "promp"])
@pytest.mark.parametrize("fault", [interrupt, hang])
def test_ctrl_c_keeps_the_belief_and_the_steps(learner: str, fault: Any, tmp_path: Path) -> None:
    policy, before = point_policy(learner), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as caught:
        rm.adapt(policy, rm.wrap(Robot(at=9, step=fault), horizon=5), episodes=3, episodes_out=tmp_path / "e.npz")
    assert isinstance(caught.value, AdaptationInterrupted)
    assert [episode.ended for episode in caught.value.episodes] == ["time limit", "stopped"]
    assert caught.value.adapted.episodes == 1
    begun = policy.begin(1)
    assert any(not torch.equal(value, begun[name]) for name, value in caught.value.adapted.policy.belief.items())
    assert arrays(tmp_path / "e.npz")["lengths"].tolist() == [5, 3]
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_during_a_fit_keeps_the_belief_and_the_episodes(tmp_path: Path) -> None:
    policy, file = point_policy(), tmp_path / "e.npz"
    stop: Any = lambda cycle, cycles: cycle == 1 and os.kill(os.getpid(), signal.SIGINT)  # noqa: E731
    with pytest.raises(AdaptationInterrupted) as caught:
        rm.adapt(policy, rm.wrap(Robot(), horizon=9), episodes_out=file, fit=True, on_fitting=stop, fine_tune="60s")
    adapted = caught.value.adapted
    assert (adapted.episodes, adapted.fit, adapted.fine_tuned) == (3, None, None)
    assert adapted.policy.belief is not None
    assert arrays(file)["lengths"].tolist() == [9, 9, 9]


def test_another_signal_with_a_handler_keeps_them_too() -> None:
    def leave(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    def terminate(returned: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return returned

    before = signal.signal(signal.SIGTERM, leave)
    try:
        with pytest.raises(AdaptationInterrupted) as caught:
            rm.adapt(point_policy(), rm.wrap(Robot(at=7, step=terminate), horizon=5), episodes=3)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert isinstance(caught.value.__cause__, SystemExit)
    assert caught.value.__cause__.code == 143
    assert caught.value.adapted.episodes == 1


def test_ctrl_c_while_the_policy_thinks_waits_for_the_next_step() -> None:
    policy, robot = point_policy(), Robot()
    act, acts = policy.learner.act, []

    def act_and_interrupt(*args: Any) -> Any:
        acts.append(1)
        if len(acts) == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return act(*args)

    policy.learner.act = act_and_interrupt  # type: ignore[method-assign]
    with pytest.raises(AdaptationInterrupted) as caught:
        rm.adapt(policy, rm.wrap(robot, horizon=5), episodes=3)
    assert [episode.length for episode in caught.value.episodes] == [5, 1]
    assert len(robot.actions) == 6


def test_ctrl_c_in_the_last_adaptation_step_keeps_the_result() -> None:
    policy = point_policy("promp")
    adapt = policy.learner.adapt

    def adapt_and_interrupt(*args: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return adapt(*args)

    policy.learner.adapt = adapt_and_interrupt  # type: ignore[method-assign]
    with pytest.raises(AdaptationInterrupted) as caught:
        rm.adapt(policy, rm.wrap(Robot(), horizon=5), episodes=2)
    assert caught.value.adapted.episodes == 2

"""``robotmeta fit`` and ``robotmeta adapt --fit``: what they print, write and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import robotmeta as rm
from robotmeta.cli import main
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.policy import new_policy
from tests.robots import arrays

pytestmark = pytest.mark.slow

ROBOT = """
from gymnasium.wrappers import TimeLimit
from tests.robots import Robot, raising

class Told(Robot):
    metadata = {"observation_names": ["x", "y"], "action_names": ["dx", "dy"], "dt": 0.1}

def point():
    return TimeLimit(Told(), 30)
def broken():
    return TimeLimit(Told(at=7, step=raising(RuntimeError("servo 3 lost"))), 5)
"""

SHORT = """
import dataclasses
import robotmeta as rm

def family():
    return dataclasses.replace(rm.make("point-navigation"), horizon=5)
"""

Printed = Callable[..., str]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """Runs a command; returns what it prints."""

    def words(*arguments: object) -> str:
        main([str(argument) for argument in arguments])
        return capsys.readouterr().out

    return words


@pytest.fixture
def episodes(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Printed) -> Path:
    """Recorded episodes of a robot whose goal is (0.3, 0)."""
    (tmp_path / "robot.py").write_text(ROBOT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "episodes.npz"
    printed("fit", run, "--env", "robot.py:point", "--episodes", 2, "--episodes-out", file)
    return file


def test_a_task_is_found_and_shown_beside_its_true_values(run: Path, tmp_path: Path, printed: Printed) -> None:
    out, page = tmp_path / "fit.json", tmp_path / "fit.html"
    words = ("fit", run, "--task", "goal_x=0.3", "goal_y=-0.2", "--episodes", 2, "--out", out, "--report", page)
    said = printed(*words)
    for text in ("Fit to 2 episodes", "90 % interval", "true value", "goal_x", "0.3 m", f"Fit: {out}"):
        assert text in said
    assert "belief before" not in said, "this learner has none"
    result = json.loads(out.read_text())
    assert result["task"] == {"goal_x": 0.3, "goal_y": -0.2}
    assert result["parameters"]["goal_y"]["value"] == pytest.approx(-0.2, abs=0.02)
    assert np.shape(result["posterior"]["tasks"])[1] == 2
    assert "<svg" in page.read_text()
    printed(*words)
    assert {**json.loads(out.read_text()), "seconds": 0.0} == {**result, "seconds": 0.0}, "same seed, same numbers"


def test_a_robot_runs_the_episodes_asked_for_and_nothing_else(run: Path, episodes: Path, printed: Printed) -> None:
    assert arrays(episodes)["lengths"].tolist() == [30, 30]
    said = printed("fit", run, "--env", "robot.py:point", "--episodes", 2)
    assert "Runs 2 adaptation episodes: at most 60 control steps" in said
    assert "true value" not in said


def test_a_family_is_fitted_to_a_file(episodes: Path, printed: Printed) -> None:
    said = printed("fit", "point-navigation", "--log", episodes, "--known", "goal_y=0")
    assert "0.3 m" in said
    assert "Given: goal_y." in said
    rewardless = {name: values for name, values in arrays(episodes).items() if name != "rewards"}
    np.savez(episodes, allow_pickle=False, **rewardless)
    said = printed("fit", "point-navigation", "--log", episodes)
    assert "Not known from these episodes: goal_x, goal_y." in said
    assert "Fit to" not in said, "a table without rows"


def test_what_is_not_explained_and_what_is_saturated_is_said(episodes: Path, printed: Printed) -> None:
    content = arrays(episodes)
    content["observations"][:, 0] *= -1.0  # it moves the other way: no task does that
    content["last_observations"][:, 0] *= -1.0
    content["applied_actions"][:, 0] = np.sign(content["applied_actions"][:, 0])
    content["applied_actions"][:, 1] *= 0.5
    np.savez(episodes, allow_pickle=False, **content)
    said = printed("fit", "point-navigation", "--log", episodes)
    assert "No task of the family explains x" in said
    assert "needs --force" in said
    assert "50% of the actions were at their limit (saturated)." in said


def test_rewards_alone_that_are_not_explained_are_another_reward(episodes: Path, printed: Printed) -> None:
    content = arrays(episodes)
    content["rewards"] = np.random.default_rng(0).normal(size=content["rewards"].shape).astype(np.float32)
    np.savez(episodes, allow_pickle=False, **content)
    said = printed("fit", "point-navigation", "--log", episodes)
    assert "the environment has another reward than the family" in said
    assert "not like one of the family" not in said


def test_a_robot_that_fails_leaves_its_episodes(run: Path, episodes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["fit", str(run), "--env", "robot.py:broken", "--episodes-out", "broken.npz"])
    assert stopped.value.code == 1
    assert "servo 3 lost" in capsys.readouterr().err
    assert arrays(Path("broken.npz"))["lengths"].tolist() == [5, 1]


def test_progress_says_how_far_it_is(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robotmeta.progress.SILENT", 0.0)
    main(["fit", str(run), "--task", "goal_x=0.3", "--episodes", "1"])
    progress = capsys.readouterr().err
    assert "adaptation episodes" in progress
    assert "fitting 100%  cycle 5 of 5" in progress


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give one of --task, --env, --robot and --log, not none"),
        (
            ["--task", "goal_x=0.3", "--log", "a.npz"],
            "give one of --task, --env, --robot and --log, not --task and --log",
        ),
        (["--log", "a.npz", "--episodes", "2"], "--episodes is for --task, --env and --robot"),
        (["--task", "goal_x=0.3", "--horizon", "5"], "--horizon is for --env"),
        (["--task", "goal_x=0.3", "--known", "goal_z=1"], "no parameter 'goal_z'"),
        (["--task", "goal_x=0.3", "--known", "goal_x"], "'goal_x' is not NAME=VALUE"),
        (["--task", "goal_x=0.3", "--simulator", "mujoco"], "runs on: closed-form, not on mujoco"),
        (["--task", "goal_x=0.3", "--episodes", "0"], "episodes must be at least 1, not 0"),
        (["--log", "nothing.npz"], "cannot read nothing.npz: No such file or directory"),
    ],
)
def test_what_is_refused_is_one_line(
    words: list[str], said: str, run: Path, refused: Callable[[list[str]], str]
) -> None:
    assert said in refused(["fit", str(run), *words])


def test_a_family_alone_cannot_act(refused: Callable[[list[str]], str]) -> None:
    assert "need a policy, which acts there" in refused(["fit", "point-navigation", "--task", "goal_x=0.3"])
    assert "--family and --trust are for a policy" in refused(["fit", "point-navigation", "--log", "a", "--trust"])


# -- adapt --fit -------------------------------------------------------------------------------------------------------


def test_an_adaptation_shows_its_stages(run: Path, tmp_path: Path, printed: Printed) -> None:
    out, page = tmp_path / "result.json", tmp_path / "page.html"
    words = ["adapt", run, "--task", "goal_x=0.3", "--episodes", 2, "--evaluation-episodes", 2, "--fit"]
    said = printed(*words, "--known", "goal_y=0", "--fine-tune", 3000, "--json", out, "--report", page)
    for text in ("return without adaptation", "Fit to 2 episodes", "Given: goal_y.", "Fine-tuning: simulated return"):
        assert text in said
    assert said.index("Fit to") < said.index("Fine-tuning:")
    fitted = json.loads(out.read_text())["fit"]
    assert fitted["parameters"]["goal_x"]["known"] is True
    assert "posterior" not in fitted
    assert "after 2 episodes, fit and fine-tuning" in page.read_text()


def test_a_second_round_is_announced_and_run(run: Path, episodes: Path, printed: Printed) -> None:
    words = ["adapt", run, "--env", "robot.py:point", "--episodes", 1, "--fit", "--fine-tune", 2000, "--rounds", 2]
    said = printed(*words, "--episodes-out", episodes)
    assert "Runs 1 adaptation episode, 1 more episode of the fine-tuned policy: at most 60 control steps" in said
    assert "Episode 2 of 2" in said
    assert "Fit to 2 episodes" in said


def test_a_task_that_cannot_be_fitted_leaves_the_adapted_policy(
    tmp_path: Path, refused: Callable[[list[str]], str]
) -> None:
    family, policy = f"{tmp_path}/short.py:family", tmp_path / "policy.safetensors"
    (tmp_path / "short.py").write_text(SHORT)
    rm.save_policy(new_policy(RunConfig(family, "rl2", hyperparameters("rl2", {}))), policy)
    out, result = tmp_path / "adapted.safetensors", tmp_path / "adapted.json"
    short = ["adapt", str(policy), "--family", family, "--task", "goal_x=0.3", "--episodes", "1", "--fit"]
    line = refused([*short, "--out", str(out), "--json", str(result)])
    assert "needs at least 10 recorded steps, not 5" in line
    assert rm.load(out, family=family).belief is not None
    assert json.loads(result.read_text())["failed"] in line


def test_what_is_for_a_fit_is_refused_without_one(run: Path, refused: Callable[[list[str]], str]) -> None:
    words = ["adapt", str(run), "--task", "goal_x=0.3"]
    assert "--known is for --fit and --fine-tune" in refused([*words, "--known", "goal_x=0.3"])
    assert "--force is for --fit" in refused([*words, "--force"])
    assert "--rounds is for --fit with --fine-tune" in refused([*words, "--fit", "--rounds", "2"])
    assert "--force is for --fine-tune" in refused([*words, "--fit", "--force"])
    assert "no parameter 'goal_z'" in refused([*words, "--fit", "--known", "goal_z=0.3"])

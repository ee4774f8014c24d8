"""``robotmeta adapt --fine-tune``: what it prints, writes and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import robotmeta as rm
from robotmeta.adapters.gymnasium_out import FamilyEnv
from robotmeta.cli import main


@pytest.mark.slow
def test_it_says_what_was_gained_and_writes_the_policy(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robotmeta.progress.SILENT", 0.0)
    out, result, state = tmp_path / "tuned.safetensors", tmp_path / "result.json", tmp_path / "state"
    words = ["adapt", str(run), "--task", "goal_x=0.3", "--episodes", "1", "--evaluation-episodes", "2"]
    words += ["--fine-tune", "9000", "--fine-tune-out", str(state), "--out", str(out), "--json", str(result)]
    main(words)
    printed, progress = capsys.readouterr()
    assert "Fine-tuning: simulated return" in printed
    assert "control steps" in printed
    assert "return after fine-tuning" in printed
    assert f"Adapted policy: {out}" in printed
    assert "fine-tuning 100%" in progress
    written = json.loads(result.read_text())["fine_tuned"]
    assert written["steps"] >= 9000
    assert written["simulated"].keys() == {"return_before", "return_after", "gain"}
    assert rm.load(out).belief is not None
    main(words)  # goes on where it ended: at once, with the same result
    assert {**json.loads(result.read_text())["fine_tuned"], "seconds": 0.0} == {**written, "seconds": 0.0}


def test_what_is_refused_is_one_line(run: Path, tmp_path: Path, refused: Callable[[list[str]], str]) -> None:
    words = ["adapt", str(run), "--task", "goal_x=0.3"]
    assert "must be a time, such as '60s'" in refused([*words, "--fine-tune", "soon"])
    assert "must be positive" in refused([*words, "--fine-tune", "0s"])
    assert "--fine-tune-out is for --fine-tune" in refused([*words, "--fine-tune-out", str(tmp_path)])
    assert "--fine-tune-kl-weight is for --fine-tune" in refused([*words, "--fine-tune-kl-weight", "0.1"])
    tuned = [*words, "--fine-tune", "5s"]
    assert "learning_rate must be positive, not 0" in refused([*tuned, "--fine-tune-learning-rate", "0"])
    assert "kl_weight must be at least 0, not -1" in refused([*tuned, "--fine-tune-kl-weight", "-1"])
    robot = ["adapt", str(run), "--env", "nobody.py:make", "--fine-tune", "5s", "--fine-tune-out", str(tmp_path)]
    assert "would run new episodes" in refused(robot)
    file = tmp_path / "file"
    file.touch()
    assert "cannot write" in refused([*words, "--fine-tune", "5s", "--fine-tune-out", str(file)])


@pytest.mark.slow
def test_what_is_known_replaces_a_fit(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], refused: Callable[[list[str]], str]
) -> None:
    """``nominal`` stands for all parameters that are not named."""
    out = tmp_path / "result.json"
    words = ["adapt", str(run), "--task", "goal_x=0.3", "--episodes", "1", "--evaluation-episodes", "0"]
    words += ["--fine-tune", "2000", "--json", str(out), "--known"]
    before = []
    for known in (["goal_x=0.3", "goal_y=0"], ["nominal", "goal_x=0.3"], ["nominal"]):
        main([*words, *known])
        before.append(json.loads(out.read_text())["fine_tuned"]["simulated"]["return_before"])
    assert before[0] == before[1] != before[2]
    capsys.readouterr()
    assert "no parameter 'goal_z'" in refused([*words, "goal_z=0.3"])
    assert "'nominally' is not NAME=VALUE" in refused([*words, "nominally"])


class Counting(FamilyEnv):
    """Counts its episodes."""

    episodes = 0

    def reset(self, **options):  # type: ignore[no-untyped-def]
        self.episodes += 1
        return super().reset(**options)


@pytest.mark.parametrize(("evaluation", "episodes"), [(0, 2), (1, 5)])
def test_the_robot_runs_no_episode_for_fine_tuning(run: Path, evaluation: int, episodes: int) -> None:
    policy = rm.load(run)
    robot = Counting(policy.family, task={"goal_x": 0.3})
    with rm.wrap(robot, horizon=100) as world:
        adapted = rm.adapt(policy, world, episodes=2, evaluation_episodes=evaluation, fine_tune=3_000)
    assert robot.episodes == episodes
    assert adapted.fine_tuned is not None
    assert (adapted.return_fine_tuned is None) == (evaluation == 0)
    assert adapted.stopped is None

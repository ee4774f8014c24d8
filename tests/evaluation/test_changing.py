"""The split ``changing``: time to recover, by hand and for a policy."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import robotmeta as rm
from robotmeta.cli import main
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.evaluation.recovery import seconds_to_recover
from robotmeta.policy import Policy, new_policy
from tests.learning import HYPER, short

DT = 0.125  # a window is two steps


def test_time_to_recover_by_hand() -> None:
    series = np.array(
        [
            [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],  # not lowered
            [0.5, 0.5, 0.5, 1.0, 1.0, 1.0],  # the window of steps 3 and 4 is the first at 0.9 again
            [1.0, 1.0, 0.5, 0.5, 1.0, 1.0],  # a window before the fall does not count
            [0.5, 0.5, 0.5, 0.5, 0.5, 0.5],  # never
            [1.0, 1.0, np.nan, np.nan, np.nan, np.nan],  # the episode ended
        ]
    )
    seconds, lowered = seconds_to_recover(series, np.ones(5), DT)
    assert seconds.tolist() == [0.0, 5 * DT, 6 * DT, 6 * DT, 6 * DT]
    assert lowered.tolist() == [False, True, True, True, True]
    negative, _ = seconds_to_recover(np.array([[-1.0, -2.0, -1.0, -1.05]]), np.array([-1.0]), DT)
    assert negative.tolist() == [4 * DT]
    none, _ = seconds_to_recover(series[:1], np.array([np.nan]), DT)
    assert none.tolist() == [6 * DT]


def policy(**changes: object) -> Policy:
    family = short(12, changing=("goal_x",), name="moving-goal", **changes)
    config = RunConfig(
        family.name, "task-inference", hyperparameters("task-inference", HYPER["task-inference"]), seed=0
    )
    return new_policy(config, family=family)


def test_an_evaluation_of_changes_has_the_recovery_beside_the_curves() -> None:
    one, other = (rm.evaluate(policy(), split="changing", tasks=3, episodes=2, threads=t) for t in (1, 2))
    assert one.to_json()["recovery"] == other.to_json()["recovery"]
    assert one.split == "changing"
    assert one.episodes == [2]
    assert one.recovery is not None
    assert set(one.recovery.policies) == {"adapted", "zero_shot", "unchanged"}
    assert one.returns["from_scratch"] is not None
    assert one.recovery.step == 6
    assert one.returns["domain_randomized"] is None
    assert one.returns["unchanged"] is not None
    assert "After the change, reward is back" in one.verdict()
    assert "recovery" not in rm.evaluate(policy(), tasks=2, episodes=1, controls=()).to_json()


def test_where_the_task_stays_the_same_the_changed_episode_is_the_unchanged_one() -> None:
    chosen = policy()
    tasks = chosen.family.tasks("test", 4)
    found = rm.evaluate(chosen, tasks=dataclasses.replace(chosen.family.changes(tasks), before=tasks), episodes=1)
    adapted, unchanged = found.returns["adapted"], found.returns["unchanged"]
    assert adapted is not None
    assert unchanged is not None
    assert np.array_equal(adapted.values, unchanged.values)


def test_wrong_use_of_the_split_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(rm.UserError, match="has no changing split"):
        rm.evaluate(dataclasses.replace(policy(), family=short(12)), split="changing", tasks=2)
    with pytest.raises(rm.UserError, match="neither specialists nor fine-tuning"):
        rm.evaluate(policy(), split="changing", tasks=2, fine_tune="1s")
    with pytest.raises(SystemExit) as exit_:
        main(["evaluate", "pretrained:grasp", "--split", "changing", "--fine-tune", "10s"])
    assert exit_.value.code == 2
    assert "--split changing has neither" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_writes_numbers_and_a_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result, plot = tmp_path / "changing.json", tmp_path / "changing.svg"
    chosen = ["--split", "changing", "--tasks", "4", "--episodes", "1", "--controls", "zero_shot"]
    main(["evaluate", "pretrained:grasp", *chosen, "--json", str(result), "--plot", str(plot)])
    data = json.loads(result.read_text())
    assert data["recovery"]["measure"] == "reward"
    assert data["recovery"]["change_seconds"] == pytest.approx(2.0)
    assert len(data["recovery"]["policies"]["adapted"]["seconds"]["tasks"]) == 4
    assert "seconds from the change" in plot.read_text()
    assert "time until reward is back" in capsys.readouterr().out

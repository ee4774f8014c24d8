"""``robotmeta adapt`` and ``record``: what they print and write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import robotmeta as rm
from robotmeta.cli import main


@pytest.mark.slow
@pytest.mark.smoke
def test_adapt_evaluate_and_record_write_what_they_promise(run: Path, tmp_path: Path) -> None:
    adapted, result, curve = tmp_path / "adapted.safetensors", tmp_path / "result.json", tmp_path / "curve.png"
    main(["adapt", str(run), "--task", "goal_x=0.3", "--episodes", "2", "--out", str(adapted)])
    main(["evaluate", str(adapted), "--tasks", "3", "--episodes", "1", "--json", str(result), "--plot", str(curve)])
    written = json.loads(result.read_text())
    assert written["episodes"] == [0, 1]
    assert written["return"]["domain_randomized"] is None
    assert len(written["return"]["adapted"]["ci95"]) == 2
    assert curve.stat().st_size > 1000
    main(["record", str(run), "--episodes", "1", "--simulator", "closed-form", "--out", str(tmp_path / "film.mp4")])
    assert (tmp_path / "film.mp4").stat().st_size > 1000


@pytest.mark.slow
def test_adapt_reports_the_inferred_parameters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, result = tmp_path / "run", tmp_path / "result.json"
    rm.meta_train(
        "cheetah-direction", "task-inference", iterations=1, hyper={"meta_batch": 2}, out=folder, progress=False
    )
    main(["adapt", str(folder), "--task", "direction=backward", "--episodes", "1", "--json", str(result)])
    written = json.loads(result.read_text())
    assert written["inferred"]["direction"].keys() == {"value", "low", "high", "known", "kinds"}
    assert written["task"] == {"direction": -1.0}
    printed = capsys.readouterr().out
    assert "cheetah-direction, direction = backward" in printed
    # One meta-update is too few to infer it.
    assert "Not known after these episodes: direction." in printed


@pytest.mark.slow
def test_the_kind_of_a_fault_is_shown_where_one_is_inferred(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["adapt", "pretrained:quadruped", "--evaluation-episodes", "0", "--task", "robot=go2"]
    for fault, shown in (("none", False), ("fl_knee", True)):
        main([*command, f"faulty_joint={fault}"])
        lines = capsys.readouterr().out.splitlines()
        (joint,) = (line.split()[3] for line in lines if line.split()[1:2] == ["faulty_joint"])
        assert joint == fault
        assert any(line.split()[1:2] == ["fault"] for line in lines) is shown


def test_evaluation_episodes_measure_the_same_adapted_policy(tmp_path: Path) -> None:
    results, policies = {}, {}
    for count in ("1", "4"):
        result, file = tmp_path / f"{count}.json", tmp_path / f"{count}.safetensors"
        files = ["--json", str(result), "--out", str(file)]
        main(["adapt", "pretrained:cheetah-direction", "--episodes", "1", "--evaluation-episodes", count, *files])
        results[count] = json.loads(result.read_text())["return_before"]
        policies[count] = rm.load(file).belief
    assert results["1"] != results["4"]
    torch.testing.assert_close(policies["1"], policies["4"], rtol=0.0, atol=0.0)

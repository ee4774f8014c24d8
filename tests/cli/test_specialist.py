"""``robotmeta specialist``, and what ``robotmeta evaluate --specialists`` makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from robotmeta.cli import main

_BRIEF = ["--tasks", "1", "--steps", "1", "--worlds", "2", "--split", "test"]


@pytest.mark.slow
def test_the_specialists_of_a_run_are_found_in_its_folder(
    copy: Path, capsys: pytest.CaptureFixture[str], refused: Callable[[list[str]], str]
) -> None:
    main(["specialist", str(copy), *_BRIEF])
    assert "Specialists:" in capsys.readouterr().out
    content = json.loads((copy / "controls" / "specialists.json").read_text())
    assert content["splits"]["test"][0]["from"].keys() == {"scratch", "meta"}
    result = copy / "result.json"
    main(["evaluate", str(copy), "--episodes", "1", "--controls", "zero_shot", "--specialists", "--json", str(result)])
    measured = json.loads(result.read_text())
    assert (measured["tasks"], measured["split"]) == (1, "test")
    assert {"specialist", "random"} <= measured["return"].keys()
    assert {"adapted", "zero_shot", "domain_randomized", "fit_fine_tuned"} <= measured["share"].keys()
    assert measured["share"]["domain_randomized"] is None
    printed = capsys.readouterr().out
    assert "specialist" in printed
    file = copy / "controls" / "specialists.json"
    line = refused(["evaluate", str(copy), "--tasks", "2", "--specialists", str(file)])
    assert line == "robotmeta: split 'test' has 1 task with a specialist, not 2"


def test_missing_specialists_are_one_line_with_the_command(
    run: Path, refused: Callable[[list[str]], str], tmp_path: Path
) -> None:
    line = refused(["evaluate", str(run), "--specialists", str(tmp_path / "none.json")])
    assert line.endswith("make them with: robotmeta specialist point-navigation")


def test_mistakes_are_one_line(run: Path, refused: Callable[[list[str]], str]) -> None:
    assert "no family 'point-navigatoin'; nearest: point-navigation" in refused(["specialist", "point-navigatoin"])
    assert "the oracle control is trained with --learner domain-randomization --oracle" in refused(
        ["specialist", "point-navigation", "--oracle", str(run)]
    )
    assert "--family and --trust are for a policy" in refused(["specialist", "reach", "--family", "push"])
    assert "no split 'tset'; nearest: test" in refused(["specialist", "point-navigation", "--split", "tset"])
    assert "no simulator 'mujocu'; nearest: mujoco" in refused(["specialist", "reach", "--simulator", "mujocu"])
    assert "max_steps must be at least 1, not 0" in refused(["specialist", "point-navigation", "--steps", "0"])


def test_evaluations_without_specialists_have_no_share(run: Path, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    main(["evaluate", str(run), "--tasks", "2", "--episodes", "1", "--controls", "zero_shot", "--json", str(result)])
    measured = json.loads(result.read_text())
    assert set(measured["share"].values()) == {None}
    assert measured["return"].keys() == {"adapted", "zero_shot", "domain_randomized", "from_scratch", "oracle"}

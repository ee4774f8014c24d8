"""``--quiet`` and ``--json -``: what is left on stdout and stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from robotmeta.cli import main
from robotmeta.errors import RobotmetaWarning

Captured = pytest.CaptureFixture[str]
_ROBOT = """
from robotmeta.adapters.gymnasium_out import FamilyEnv

def point():
    return FamilyEnv("point-navigation", task={"goal_x": 0.3})
"""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress appears at once."""
    monkeypatch.setattr("robotmeta.progress.SILENT", 0.0)


def evaluation(run: Path) -> list[str]:
    return ["evaluate", str(run), "--tasks", "4", "--episodes", "1", "--controls", "zero_shot"]


def test_progress_of_an_evaluation_is_over_all_policies_and_episodes(run: Path, capsys: Captured) -> None:
    main(evaluation(run))
    assert capsys.readouterr().err.splitlines()[-1].startswith("evaluation 100%")


@pytest.mark.parametrize("place", ["before", "after"])
def test_quiet_leaves_the_result_alone(place: str, run: Path, capsys: Captured) -> None:
    main(evaluation(run))
    table = capsys.readouterr().out
    words = evaluation(run)
    main(["--quiet", *words] if place == "before" else [*words, "--quiet"])
    assert capsys.readouterr() == (table, "")


def test_quiet_leaves_out_hints_and_the_episodes_of_a_robot(
    run: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "robot.py").write_text(_ROBOT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    main(["adapt", str(run), "--env", "robot.py:point", "--horizon", "10", "--out", "a.safetensors", "--quiet"])
    printed, said = capsys.readouterr()
    assert said == ""
    assert "Episode" not in printed
    assert "Adapted policy: a.safetensors" in printed
    main(["train", "point-navigation", "--learner", "promp", "--iterations", "1", "--meta-batch", "4", "--quiet"])
    printed, said = capsys.readouterr()
    assert said == ""
    assert printed.startswith("runs/point-navigation-promp-0: 1 iterations")
    assert "Next:" not in printed


@pytest.mark.filterwarnings("default:of another package")
def test_quiet_leaves_errors_and_warnings(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, refused: Callable[[list[str]], str]
) -> None:
    assert "no policy at nowhere" in refused(["--quiet", "evaluate", "nowhere"])
    (tmp_path / "own.py").write_text(
        "import warnings, robotmeta\n"
        "from robotmeta.errors import RobotmetaWarning\n"
        "def family():\n"
        "    warnings.warn('mind the gap', RobotmetaWarning)\n"
        "    warnings.warn('of another package')\n"
        "    return robotmeta.make('point-navigation')\n"
    )
    assert issubclass(RobotmetaWarning, UserWarning)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    main(["--quiet", "families", "own.py:family"])
    said = capsys.readouterr().err
    assert "robotmeta: mind the gap" in said
    assert "of another package" in said


def test_a_hyphen_puts_the_result_on_stdout_and_all_else_on_stderr(run: Path, capsys: Captured) -> None:
    main([*evaluation(run), "--json", "-"])
    printed, said = capsys.readouterr()
    assert json.loads(printed)["tasks"] == 4
    assert "evaluation 100%" in said
    assert "zero-shot" in said
    assert not Path("-").exists()


@pytest.mark.slow
def test_results_of_other_commands_are_json_too(run: Path, tmp_path: Path, capsys: Captured) -> None:
    main(["export", str(run), "--out", str(tmp_path / "p.onnx"), "--json", "-"])
    assert json.loads(capsys.readouterr().out)["inputs"] == {"observation": 2}
    main(["fit", str(run), "--task", "goal_x=0.3", "--episodes", "1", "--json", "-"])
    assert json.loads(capsys.readouterr().out)["family"] == "point-navigation"
    words = ["train", "point-navigation", "--learner", "promp", "--iterations", "1", "--meta-batch", "4"]
    main([*words, "--out", str(tmp_path / "run"), "--json", "-"])
    written = json.loads(capsys.readouterr().out)
    assert (written["iterations"], written["finished"]) == (1, True)
    assert written["folder"] == str(tmp_path / "run")


@pytest.mark.parametrize("arguments", [[], ["--quiet"]])
def test_no_command_is_one_line_that_lists_them(arguments: list[str], refused: Callable[[list[str]], str]) -> None:
    assert "evaluate, specialist, record" in refused(arguments)

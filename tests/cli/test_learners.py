"""``robotmeta learners``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from robotmeta.cli import main
from robotmeta.cli.shared import console
from robotmeta.metalearners import LEARNERS


def test_learners_are_listed_with_how_they_adapt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "width", 200)
    main(["learners", "--json", str(tmp_path / "learners.json")])
    printed = capsys.readouterr().out
    assert "task-inference (default)" in printed
    described = json.loads((tmp_path / "learners.json").read_text())
    assert list(described) == list(LEARNERS)
    for learner in described.values():
        assert f" {learner['adaptation']} " in printed
        assert f" {learner['source']} " in printed


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_is_described_by_its_hyperparameters(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "width", 200)
    main(["learners", name, "--json", str(tmp_path / "learner.json")])
    printed = capsys.readouterr().out
    described = json.loads((tmp_path / "learner.json").read_text())
    config = LEARNERS[name].Config
    defaults = {h["name"]: h["default"] for h in described["hyperparameters"]}
    assert defaults == json.loads(json.dumps(dataclasses.asdict(config())))
    assert described["presets"] == config.presets
    for h in described["hyperparameters"]:
        assert h["description"], f"{h['name']} has no docstring"
        row = next(line for line in printed.splitlines() if f" {h['flag']} " in line)
        assert h["type"] in row
        assert h["description"].split()[0] in row
    for preset in config.presets:
        assert f"--preset {preset}: " in printed


def test_a_default_that_a_family_may_change_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    main(["learners", "rl2"])
    assert "or the family's" in " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_an_unknown_learner_is_one_line(refused: Callable[[list[str]], str]) -> None:
    assert "nearest: promp" in refused(["learners", "prompt"])

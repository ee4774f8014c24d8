"""``robotmeta policies``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import robotmeta as rm
from robotmeta.cli import main
from robotmeta.cli.shared import console
from robotmeta.errors import UserError
from robotmeta.manifest import results
from tests.learning import train


def test_every_pretrained_policy_says_how_it_was_made_and_what_it_reaches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "width", 200)
    main(["policies", "--json", str(tmp_path / "policies.json")])
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "policies.json").read_text())
    assert list(found) == [f"pretrained:{name}" for name in rm.pretrained()]
    for name, manifest in found.items():
        reached = manifest["about"]["results"]["test"]["return"]["adapted"]
        assert f"{reached['mean']:.1f}" in next(line for line in printed.splitlines() if f"{name} " in line)
        assert reached["ci95"][0] <= reached["mean"] <= reached["ci95"][1]
        assert manifest["about"]["command"].startswith("python benchmarks/learning.py")


@pytest.mark.slow
def test_a_policy_file_keeps_what_is_known_about_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = train("task-inference", tmp_path / "run", iterations=1).policy
    measured = rm.evaluate(policy, tasks=3, episodes=1, controls=("zero_shot",)).to_json()
    about = {"command": "make [it]", "results": {"test": results(measured)}}
    rm.save_policy(policy, tmp_path / "a.safetensors", about)
    main(["policies", str(tmp_path / "a.safetensors")])
    printed = capsys.readouterr().out
    assert "Command: make [it]" in printed
    assert f"{measured['return']['zero_shot']['mean'][-1]:.1f}" in printed
    assert rm.load(tmp_path / "a.safetensors", family=policy.family).env_steps == policy.env_steps
    rm.save_policy(policy, tmp_path / "b.safetensors")
    main(["policies", str(tmp_path / "b.safetensors")])
    assert "has no results" in capsys.readouterr().out


def test_what_is_no_policy_is_one_line(tmp_path: Path, refused: Callable[[list[str]], str]) -> None:
    assert "no pretrained policy 'gasp'; nearest: grasp" in refused(["policies", "pretrained:gasp"])
    (tmp_path / "a.txt").write_text("hello")
    assert "a.txt" in refused(["policies", str(tmp_path / "a.txt")])


@pytest.mark.parametrize(
    "about", [{"note": "mine"}, {"command": 3, "results": {}}, {"command": "a", "results": object()}]
)
def test_what_is_said_about_a_policy_can_be_read_again_or_is_refused(
    about: dict[str, Any], run: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="about must have a command, and results of"):
        rm.save_policy(rm.load(run), tmp_path / "a.safetensors", about)
    assert not list(tmp_path.iterdir())

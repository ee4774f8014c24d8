"""``robotmeta compare``: equal budgets, the same tasks, and nothing is averaged silently."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from robotmeta.cli import main
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder

Refused = Callable[[list[str]], str]


def command(out: Path, *words: str) -> list[str]:
    own = ["--budget=2k", "--tasks=4", "--episodes=1", "--jobs=2", f"--out={out}", f"--json={out / 'r.json'}"]
    return ["compare", "point-navigation", *own, *words, "--", "--meta-batch=4"]


@pytest.mark.slow
def test_learners_get_equal_budgets_and_are_compared_on_the_same_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command(tmp_path, "--learners=promp,maml", "--seeds=2")
    main(words)
    printed = capsys.readouterr().out
    assert "probability of improvement" in printed or "Not clearly worse" in printed
    found = json.loads((tmp_path / "r.json").read_text())
    assert list(found["learners"]) == ["promp", "maml"]
    for learner in found["learners"].values():
        assert learner["seeds"] == [0, 1]
        assert min(learner["env_steps"]) >= 2000
        assert learner["interquartile_mean"]["ci95"] is not None
    pairs = found["probability_of_improvement"]
    there, back = (pairs[f"{a} over {b}"]["value"] for a, b in (found["learners"], reversed(found["learners"])))
    assert there + back == pytest.approx(1.0)
    page = (tmp_path / "point-navigation-test.html").read_text()
    assert page.count("<svg") == 3
    folder = RunFolder(tmp_path / "point-navigation-promp-0")
    before = folder.metrics.stat().st_mtime_ns, folder.comparison("test").stat().st_mtime_ns
    main(words)  # everything is there already
    assert (folder.metrics.stat().st_mtime_ns, folder.comparison("test").stat().st_mtime_ns) == before
    main(["compare", *words[1:3], "--budget=20k", *words[4:7], "--learners=promp", "--seeds=1", "--", "--meta-batch=4"])
    assert read_metrics(folder.metrics)[-1]["env_steps"] >= 20_000  # a larger budget goes on


@pytest.mark.slow
def test_a_seed_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "point-navigation-promp-1"
    broken.mkdir()
    (broken / "checkpoints").symlink_to(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(command(tmp_path, "--learners=promp", "--seeds=0,1"))
    assert stopped.value.code == 1
    assert "promp, seed 1 is missing: robotmeta: " in capsys.readouterr().out
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["learners"]["promp"]["seeds"] == [0]
    assert found["learners"]["promp"]["interquartile_mean"]["ci95"] is None
    assert "seed 1 is missing" in (tmp_path / "point-navigation-test.html").read_text()


def test_mistakes_are_one_line(tmp_path: Path, refused: Refused) -> None:
    words = ["compare", "point-navigation", f"--out={tmp_path}"]
    assert "--budget must be a number of control steps" in refused([*words, "--budget=much"])
    assert "seeds must be at least 1" in refused([*words, "--seeds=0"])
    assert "nearest: promp" in refused([*words, "--learners=prompt"])
    assert "has no robots split" in refused([*words, "--split=robots"])
    assert "--iterations follows from --budget" in refused([*words, "--", "--iterations=3"])
    assert "make them with: robotmeta specialist" in refused([*words, "--specialists"])

"""``robotmeta compare``: equal budgets, the same tasks, and nothing is averaged silently."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from robotmeta.checkpoint_files import weights_of
from robotmeta.cli import main
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.training.budget import check_budget, to_budget
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder
from robotmeta.training.sweep import Planned

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


def test_a_run_beyond_the_budget_is_refused(run: Path, tmp_path: Path, refused: Refused) -> None:
    folder = shutil.copytree(run, tmp_path / "point-navigation-promp-0")
    steps = read_metrics(RunFolder(folder).metrics)[-1]["env_steps"]
    words = ["compare", "point-navigation", "--learners=promp", "--seeds=0,1", f"--out={tmp_path}", "--budget=10"]
    line = refused([*words, "--", "--meta-batch=4", "--episodes=2"])
    assert f"{folder} holds a run of {steps} control steps, beyond the budget of 10; choose --budget {steps}" in line
    assert not (tmp_path / "point-navigation-promp-1").exists()


class Growing:
    """A run whose episodes become longer from one iteration to the next, as those of a robot that learns to stand."""

    def __init__(self, path: Path) -> None:
        settings = {"meta_batch": 4, "episodes": 2}
        config = RunConfig("hopper-dynamics", "promp", hyperparameters("promp", settings), iterations=1)
        self.planned = Planned(config, RunFolder(path), ("--iterations", "1"))
        hyper = config.hyperparameters
        self.worlds = hyper.rollouts * hyper.tasks * hyper.episodes
        self.steps, self.lines = 0, list[str]()

    def train(self, iterations: int) -> None:
        """Writes the log and the checkpoint of a training."""
        while len(self.lines) < iterations:
            self.steps += self.worlds * min(1000, 20 + 3 * len(self.lines))
            found = {"iteration": len(self.lines), "env_steps": self.steps, "seconds": 1.0}
            self.lines.append(json.dumps({**found, "return_pre": 0.0, "return_post": 0.0}))
        weights = weights_of(self.planned.folder.path / "checkpoints" / f"{iterations:08d}")
        weights.parent.mkdir(parents=True)
        weights.touch()
        self.planned.folder.metrics.write_text("\n".join(self.lines))
        self.planned.folder.config.touch()


def test_a_run_whose_episodes_become_longer_ends_near_its_budget(tmp_path: Path) -> None:
    run, budget, extended = Growing(tmp_path / "run"), 500_000, 0
    while (iterations := to_budget(run.planned, budget, 1000).config.iterations) > len(run.lines):
        run.train(iterations)
        extended += 1
    assert budget <= run.steps < 1.1 * budget
    assert extended < 15
    check_budget(run.planned, budget)  # the same command is not refused


def test_mistakes_are_one_line(tmp_path: Path, refused: Refused) -> None:
    words = ["compare", "point-navigation", f"--out={tmp_path}"]
    assert "--budget must be a number of control steps" in refused([*words, "--budget=much"])
    assert "seeds must be at least 1" in refused([*words, "--seeds=0"])
    assert "the seed 20261201 alone is --seeds 20261201," in refused([*words, "--seeds=20261201"])
    assert "a split holds 1 to 1024 tasks, not 1025" in refused([*words, "--tasks=1025"])
    assert "nearest: promp" in refused([*words, "--learners=prompt"])
    assert "has no robots split" in refused([*words, "--split=robots"])
    assert "--iterations follows from --budget" in refused([*words, "--", "--iterations=3"])
    assert "make them with: robotmeta specialist" in refused([*words, "--specialists"])

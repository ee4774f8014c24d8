"""``robotmeta adapt --env``: what it prints and writes, also when the environment fails."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
import torch

import robotmeta as rm
from robotmeta.cli import main
from tests.robots import arrays

ROBOTS = """
import gymnasium, os, signal, sys
from tests.robots import Robot, raising
from gymnasium.wrappers import TimeLimit

class Told(Robot):
    metadata = {"observation_names": ["east", "north"], "action_names": ["dx", "dy"]}
    def close(self):
        print("closed", file=sys.stderr)

def good():
    return TimeLimit(Robot(), 5)
def broken():
    return TimeLimit(Robot(at=7, step=raising(RuntimeError("servo 3 lost"))), 5)
def dead():
    return TimeLimit(Robot(reset=raising(OSError("no port"))), 5)
def never():
    raise OSError("no port")
def stopped():
    return TimeLimit(Robot(at=7, step=lambda returned: os.kill(os.getpid(), signal.SIGINT)), 5)
def filling():
    def fill(returned):
        open("full", "w").close()
        return returned
    return TimeLimit(Robot(at=7, step=fill), 5)
def told():
    return TimeLimit(Told(), 5)
"""


class Command:
    """Runs ``robotmeta adapt`` with a robot in a file; the working folder has a space and a quote in its path."""

    def __init__(self, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.run, self._capsys = run, capsys

    def __call__(self, robot: str, *options: str, status: int = 0) -> tuple[list[str], list[str]]:
        return self.typed(["adapt", str(self.run), "--env", f"my robot.py:{robot}", *options], status=status)

    def typed(self, words: list[str], *, status: int = 0) -> tuple[list[str], list[str]]:
        """Lines of stdout and stderr, without the note that only numbers could be compared."""
        if status:
            with pytest.raises(SystemExit) as stopped:
                main(words)
            assert stopped.value.code == status
        else:
            main(words)
        out, err = (text.splitlines() for text in self._capsys.readouterr())
        return out, [line for line in err if "only the number of" not in line]


@pytest.fixture
def adapt(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    folder = tmp_path / "it's here"
    folder.mkdir()
    (folder / "my robot.py").write_text(ROBOTS)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return Command(run, capsys)


def test_it_says_what_it_will_run_and_each_episode_and_claims_nothing_else(adapt: Command) -> None:
    out, err = adapt("good", "--episodes", "2")
    assert out[0] == "point-navigation, my robot.py:good"
    assert out[1] == "Runs 2 adaptation episodes: at most 10 control steps of 0.1 s, 1 s in all."
    assert [line.split(":")[0] for line in out[2:4]] == ["Episode 1 of 2", "Episode 2 of 2"]
    assert out[2].endswith("5 steps, time limit")
    assert out[4:] == ["What adaptation gains was not measured; --evaluation-episodes N measures it."]
    assert err == []
    assert [file.name for file in Path().iterdir() if file.suffix in (".npz", ".safetensors")] == []


def test_evaluation_is_announced_and_measured(adapt: Command) -> None:
    out, _ = adapt("good", "--episodes", "2", "--evaluation-episodes", "3", "--max-steps", "1000", "--json", "r.json")
    assert out[1] == (
        "Runs 2 adaptation episodes, 3 evaluation episodes before and as many after: at most 40 control steps of "
        "0.1 s, 4 s in all."
    )
    assert out[-1].startswith("return without adaptation -")
    result = json.loads(Path("r.json").read_text())
    assert result["return_before"] < 0.0
    assert [e["phase"] for e in result["history"]] == ["adaptation"] * 2 + ["before"] * 3 + ["after"] * 3
    assert (result["broke"], result["stopped"], result["failed"], result["episodes"]) == (0, None, None, 2)


@pytest.mark.parametrize("given", [[], ["--out", "my $policy.safetensors", "--episodes-out", "my episodes.npz"]])
def test_after_a_failure_the_printed_command_goes_on(adapt: Command, given: list[str]) -> None:
    out, err = adapt("broken", "--episodes", "3", "--action-limit", "0.5", "--json", "r.json", *given, status=1)
    assert err == ["robotmeta: the environment failed in step 2 of episode 2: RuntimeError: servo 3 lost"]
    policy, episodes = (given[1], given[3]) if given else ("adapted.safetensors", "episodes.npz")
    assert out[-5:-1] == [
        "1 of 2 episodes broke.",
        f"1 whole adaptation episode of 3. Policy so far: {policy}",
        f"Episodes so far: {episodes}",
        "To go on:",
    ]
    result = json.loads(Path("r.json").read_text())
    assert (result["episodes"], result["broke"], result["return_after"]) == (1, 1, None)
    assert "servo 3 lost" in result["failed"]
    assert arrays(Path(episodes))["lengths"].tolist() == [5, 1]
    first = rm.load(policy).belief
    words = shlex.split(out[-1])
    assert words[:2] == ["robotmeta", "adapt"]
    assert {"--action-limit", "0.5", "--episodes", "2", "my robot.py:broken"} < set(words)
    mended = [word.replace(":broken", ":good") for word in words[1:]]
    again, _ = adapt.typed(mended)
    assert again[1] == "Runs 2 adaptation episodes: at most 10 control steps of 0.1 s, 1 s in all."
    second = rm.load(policy).belief
    assert first is not None
    assert second is not None
    assert any(not torch.equal(value, second[name]) for name, value in first.items())
    assert arrays(Path(episodes))["lengths"].tolist() == [5, 1], "the first episodes are still there"
    assert arrays(Path(episodes.replace(".npz", "-2.npz")))["lengths"].tolist() == [5, 5]


def test_a_default_place_never_replaces_a_file(adapt: Command) -> None:
    for name in ("adapted.safetensors", "episodes.npz"):
        Path(name).write_text("mine")
    out, _ = adapt("broken", "--episodes", "3", status=1)
    assert "Policy so far: adapted-2.safetensors" in "\n".join(out)
    assert "Episodes so far: episodes-2.npz" in out
    assert Path("adapted.safetensors").read_text() == Path("episodes.npz").read_text() == "mine"


def test_a_reset_and_a_construction_that_fail_are_one_line(adapt: Command) -> None:
    _, err = adapt("dead", status=1)
    assert err == ["robotmeta: the environment failed in reset of episode 1: OSError: no port"]
    out, err = adapt("never", status=1)
    assert out == []
    assert err == ["robotmeta: the environment failed in the construction of 'my robot.py:never': OSError: no port"]


def test_a_policy_that_cannot_be_written_does_not_cost_the_episodes(adapt: Command) -> None:
    out, err = adapt("filling", "--episodes", "2", "--out", "full/policy.safetensors", status=2)
    assert out[-1] == "Episodes: episodes.npz"
    assert "cannot write" in err[-1]
    assert arrays(Path("episodes.npz"))["lengths"].tolist() == [5, 5]


def test_ctrl_c_saves_and_is_status_130(adapt: Command) -> None:
    out, err = adapt("stopped", "--episodes", "3", "--out", "mine.safetensors", status=130)
    assert err == ["robotmeta: stopped"]
    assert rm.load("mine.safetensors").belief is not None
    assert out[-2] == "To go on:"


def test_a_limit_of_steps_ends_it_and_the_command_goes_on(adapt: Command) -> None:
    out, err = adapt("good", "--episodes", "3", "--max-steps", "7", "--out", "mine.safetensors")
    assert err == []
    assert out[1] == "Runs 3 adaptation episodes: at most 7 control steps of 0.1 s, 0.7 s in all."
    assert "Stopped early: the limit of 7 steps (max_steps) is reached." in out
    words = shlex.split(out[out.index("To go on:") + 1])
    adapt.typed([*words[1:], "--max-steps", "100"])


def test_names_are_mapped_one_flag_each_and_the_environment_is_closed(adapt: Command) -> None:
    _, err = adapt("told", "--map", "north=y", "--map", "east=x")
    assert err == ["closed"]
    out, err = adapt("told", "--map", "north=y", status=2)
    assert out == []
    assert err[0] == "closed"
    assert "observations it lacks: x, observations of its own: east" in err[1]
    _, err = adapt("told", "--map", "nort=y", "--map", "east=x", status=2)
    assert "no name 'nort'" in err[1]
    assert "nearest: north" in err[1]


def test_a_refused_adaptation_leaves_no_file(adapt: Command) -> None:
    before = set(Path().iterdir())
    adapt("told", status=2)
    adapt("good", "--episodes", "0", status=2)
    assert {file for file in Path().iterdir() if file.suffix in (".npz", ".safetensors")} <= before


def test_episodes_too_short_for_a_fit_are_kept(adapt: Command) -> None:
    words = ("good", "--episodes", "1", "--fit", "--out", "p.safetensors", "--json", "r.json")
    out, err = adapt(*words, status=2)
    assert err[-1].startswith("robotmeta: ")
    assert "5" in err[-1]
    assert "1 whole adaptation episode of 1. Policy so far: p.safetensors" in out
    assert rm.load("p.safetensors").belief is not None
    assert arrays(Path("episodes.npz"))["observations"].shape[-2] == 5
    assert json.loads(Path("r.json").read_text())["failed"] in err[-1]

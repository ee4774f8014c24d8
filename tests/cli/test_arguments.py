"""Arguments: a mistake is one line that says what is wrong and what exists, with exit status 2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import robotmeta as rm
from robotmeta.cli import main

Refused = Callable[[list[str]], str]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "cheeta-direction"], "nearest: cheetah-direction"),
        (["train", "point-navigation", "--learner", "prompt"], "nearest: promp"),
        (["train", "point-navigation", "--learner", "promp", "--inner-stp", "1"], "nearest: --inner-step"),
        (
            ["train", "point-navigation", "--epochs", "many"],
            "error parsing --epochs: invalid literal for int() with base 10: 'many'",
        ),
        (["train", "point-navigation", "--learner", "promp", "--preset", "papr"], "nearest: paper"),
        (["train", "point-navigation", "--iterations", "0"], "iterations must be at least 1"),
        (["train", "point-navigation", "--meta-batch", "0"], "meta_batch must be at least 1, not 0"),
        (["train", "point-navigation", "--minibatches", "0"], "minibatches must be at least 1, not 0"),
        (["train", "point-navigation", "--bptt", "-1"], "bptt must be at least 0, not -1"),
        (["train", "point-navigation", "--estimator-epochs", "-1"], "estimator_epochs must be at least 0, not -1"),
        (["train", "point-navigation", "--init-std", "0"], "init_std must be positive, not 0"),
        (["train", "point-navigation", "--desired-kl", "-1"], "desired_kl must be at least 0, not -1"),
        (
            ["train", "point-navigation", "--learner", "promp", "--min-std", "-1"],
            "min_std must be positive, not -1",
        ),
        (
            ["train", "point-navigation", "--learner", "maml", "--adaptation-steps", "0"],
            "adaptation_steps must be at least 1, not 0",
        ),
        (
            ["train", "point-navigation", "--learner", "domain-randomization", "--adaptation-steps", "1"],
            "domain-randomization does not adapt: adaptation_steps must be 0, not 1",
        ),
        (
            ["train", "point-navigation", "--learner", "promp", "--surrogate", "bogus"],
            "there are: lvc, log_likelihood, dice",
        ),
        (["train", "point-navigation", "--learning-rate", "-1"], "learning_rate must be at least 0, not -1"),
        (["train", "point-navigation", "--learning-rate", "NaN"], "learning_rate must be a finite number"),
        (["train", "point-navigation", "--discount", "5"], "discount must be between 0 and 1, not 5"),
        (["train", "point-navigation", "--seed", "-1"], "seed must be at least 0, not -1"),
        (["train", "point-navigation", "--checkpoint-every", "0"], "checkpoint_every must be at least 1, not 0"),
        (["train", "point-navigation", "--lerner", "rl2"], "nearest: --learner (see robotmeta train --help)"),
        (["train", "point-navigation", "--iterations", "1.5"], "--iterations: invalid literal for int()"),
        (["trian"], "nearest: train"),
        (["train", "point-navigation", "--device", "tpu-9"], "there are: auto, cpu, cuda"),
        (["train", "point-navigation", "--device", "meta"], "there are: auto, cpu, cuda"),
        (["train", "point-navigation", "--simulator", "mujocu"], "nearest: mujoco"),
        (["train", "point-navigation", "--simulator", "mujoco"], "runs on: closed-form"),
        (["train", "point-navigation", "--threads", "0"], "threads must be at least 1"),
        (["train"], "there are: point-navigation"),
        (["families", "nowhere"], "there are: point-navigation"),
        (["evaluate", "nowhere"], "no policy at nowhere"),
        (["evaluate", "pretrained:quadrupled"], "nearest: quadruped"),
        (["train", "--resume", "nowhere"], "no run at nowhere"),
        (["report", "pretrained:grasp"], "run must be a run folder; pretrained:grasp has no config.json"),
        (["bench", "--repeats", "0"], "repeats must be at least 1, not 0"),
    ],
)
def test_a_name_that_does_not_exist_is_one_line_that_lists_what_does(
    arguments: list[str],
    expected: str,
    refused: Refused,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert expected in refused(arguments)
    assert not list(tmp_path.iterdir()), "a refused command leaves nothing behind"


_HUGE = "1" + "0" * 400
_LONG = "n" * 300


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "point-navigation", "--out", "a", "--meta-batch", "1000000000"], "GB of memory or more; there are"),
        (["train", "point-navigation", "--out", "a", "--episodes", _HUGE], "GB of memory or more; there are"),
        (["train", "point-navigation", "--out", "a", "--hidden", "60000", "60000"], "a policy with these layers would"),
        (["train", "point-navigation", "--out", "a", "--adaptation-steps", "1000000000"], "GB of memory or more"),
        (["train", "point-navigation", "--out", "a", "--iterations", _HUGE], "iterations must be below"),
        (["evaluate", "{run}", "--episodes", "1000000000000"], "1000000000000 adaptation episodes would need"),
        (["evaluate", "{run}", "--tasks", "1000000000"], "a split holds 1 to 1024 tasks"),
        (["adapt", "{run}", "--episodes", _HUGE], "episodes must be at most"),
        (["adapt", "{run}", "--evaluation-episodes", "1000000000"], "would need"),
        (["record", "{run}", "--episodes", "1000000000000", "--out", "a.mp4"], "would need"),
        (["bench", "point-navigation", "--worlds", "40000000000"], "would need"),
        (["adapt", "{run}", "--task", "self=1"], "no parameter 'self' in family"),
        (["adapt", "{run}", "--task", "name=1"], "no parameter 'name' in family"),
        (["evaluate", _LONG], "File name too long"),
        (["train", "point-navigation", "--out", _LONG], "File name too long"),
        (["train", "--resume", _LONG], "File name too long"),
        (["report", _LONG], "File name too long"),
        (["adapt", "{run}", "--out", _LONG], "File name too long"),
        (["evaluate", "a\0b"], "an argument contains a NUL character"),
        (["evaluate", "/dev/zero"], "no policy at /dev/zero: it is no file"),
        (["families", "a\x1b[31m\nb:c"], r"cannot import module 'a\x1b[31m\nb'"),
    ],
)
def test_what_no_machine_has_room_for_is_one_line_at_once(
    arguments: list[str],
    expected: str,
    run: Path,
    refused: Refused,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert expected in refused([argument.format(run=run) for argument in arguments])
    assert not list(tmp_path.iterdir()), "a refused command leaves nothing behind"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["evaluate", "{run}", "--split", "tset"], "nearest: test"),
        (["evaluate", "{run}", "--episodes", "0"], "episodes must be at least 1"),
        (["evaluate", "{run}", "--tasks", "0"], "1 to 1024 tasks"),
        (["evaluate", "{run}", "--controls", "zero"], "nearest: zero_shot"),
        (["adapt", "{run}", "--task", "goal_z=1"], "nearest: goal_"),
        (["adapt", "{run}", "--task", "goal_x=far"], "'far' is not a number"),
        (["adapt", "{run}", "--task", "goal_x=9"], "outside its physical range"),
        (["adapt", "{run}", "--task", "goal_x"], "not NAME=VALUE"),
        (["adapt", "{run}", "--task", "goal_x=0.1", "goal_x=0.2"], "goal_x is given twice"),
        (["adapt", "{run}", "--episodes", "-1"], "episodes must be at least 1"),
        (["adapt", "{run}", "--evaluation-episodes", "-1"], "evaluation_episodes must be at least 0, not -1"),
        (["adapt", "{run}", "--seed", "-1"], "seed must be at least 0, not -1"),
        (["adapt", "{run}", "--horizon", "9"], "--horizon is for --env"),
        (["adapt", "{run}", "--map", "a=b"], "--map is for --env"),
        (["adapt", "{run}", "--env", "Pendulum-v1", "--map", "a"], "'a' is not NAME=VALUE"),
        (["adapt", "{run}", "--env", "Pendulum-v1", "--max-steps", "0"], "max_steps must be at least 1, not 0"),
        (["adapt", "{run}", "--env", "Pendulum-v1", "--timeout", "0"], "timeout must be positive, not 0"),
        (["adapt", "{run}", "--simulator", "mujocu"], "nearest: mujoco"),
        (["evaluate", "{run}", "--simulator", "mujoco"], "runs on: closed-form"),
        (["record", "{run}", "--simulator", "mujoco"], "runs on: closed-form"),
        (
            ["adapt", "{run}", "--env", "Pendulum-v1", "--simulator", "mujoco"],
            "simulator must be None for an environment",
        ),
        (["adapt", "{run}", "--out", "{run}"], "cannot write {run}: Is a directory"),
        (["adapt", "{run}", "--json", "{run}/config.json/result.json"], "config.json is not a folder"),
        (["evaluate", "{run}", "--plot", "curve.bogus"], "no plot format '.bogus'"),
        (["evaluate", "{run}", "--oracle", "{run}"], "is trained with --learner domain-randomization --oracle;"),
        (["evaluate", "{run}", "--domain-randomized", "{run}"], "this one learned with promp"),
        (
            ["evaluate", "{run}", "--oracle", "pretrained:grasp"],
            "trained on family 'grasp', which family 'point-nav",
        ),
        (["evaluate", "pretrained:grasp", "--controls", "oracle"], "give a control that is trained already with --or"),
        (["train", "--resume", "{run}", "--seed", "5"], "--resume continues a run as it was configured"),
        (["train", "--resume", "{run}", "--learner", "rl2"], "--resume continues a run as it was configured"),
        (["train", "--resume", "{run}", "--iterations", "1"], "iterations must be at least 2, the number that"),
        (["train", "--resume", "{run}", "--iterations", "-7"], "iterations must be at least 1, not -7"),
        (["adapt", "{run}", "--env", "HalfCheeta-v5"], "HalfCheetah-v5"),
        (["adapt", "{run}", "--env", "HalfCheetah-v5"], "needs these 2: x [m], y [m]"),
        (["record", "{run}", "--out", "film.avi"], ".mp4"),
        (["train", "point-navigation", "--out", "{run}"], "already holds a run"),
        (["bench", "point-navigation"], "family 'point-navigation' has none"),
        (["bench", "--worlds", "0"], "worlds must be a multiple of 40"),
        (["bench", "all", "--worlds", "50"], "worlds must be a multiple of 40"),
    ],
)
def test_a_wrong_value_is_one_line_that_says_what_is_right(
    run: Path, arguments: list[str], expected: str, refused: Refused
) -> None:
    before = (run / "config.json").read_bytes()
    assert expected.format(run=run) in refused([argument.format(run=run) for argument in arguments])
    assert (run / "config.json").read_bytes() == before


@pytest.mark.parametrize("mistake", [["--split", "tset"], ["--tasks", "0"], ["--episodes", "0"], ["--simulator", "x"]])
def test_a_mistake_is_found_before_controls_are_trained(copy: Path, mistake: list[str], refused: Refused) -> None:
    refused(["evaluate", str(copy), "--controls", "oracle", *mistake])
    assert not (copy / "controls").exists()


@pytest.mark.parametrize("option", [["--out", ""], ["--out="]])
@pytest.mark.parametrize("command", ["train", "sweep", "compare"])
def test_a_folder_without_a_name_is_not_the_working_folder(
    command: str, option: list[str], tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = refused([command, "point-navigation", *option])
    assert line == "robotmeta: --out is empty: give a file or a folder"
    assert not list(tmp_path.iterdir())


def test_two_outputs_never_share_a_file(run: Path, tmp_path: Path, refused: Refused) -> None:
    both = ["--json", str(tmp_path / "a.gif"), "--video", str(tmp_path / "b" / ".." / "a.gif")]
    assert "two outputs have the name" in refused(["adapt", str(run), *both])
    assert not list(tmp_path.iterdir())


_OUTPUTS = [("adapt", "--out"), ("evaluate", "--json"), ("export", "--out"), ("record", "--json"), ("report", "--out")]


@pytest.mark.parametrize("command", _OUTPUTS)
@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "checkpoints/00000002/policy.safetensors"])
def test_an_output_never_replaces_what_a_run_needs(
    name: str, command: tuple[str, str], copy: Path, refused: Refused
) -> None:
    before = (copy / name).read_bytes()
    (verb, option) = command
    assert "belongs to the run in" in refused([verb, str(copy), option, str(copy / name)])
    assert (copy / name).read_bytes() == before


@pytest.mark.parametrize("command", [("adapt", "--json"), *_OUTPUTS[1:4], ("specialist", "--out")])
def test_an_output_never_replaces_what_the_command_reads(
    command: tuple[str, str], run: Path, tmp_path: Path, refused: Refused
) -> None:
    policy = tmp_path / "policy.safetensors"
    rm.save_policy(rm.load(run), policy)
    before = policy.read_bytes()
    (verb, option) = command
    assert "would be lost" in refused([verb, str(policy), option, str(tmp_path / "b" / ".." / policy.name)])
    assert policy.read_bytes() == before


def test_an_adapted_policy_may_take_the_place_of_the_policy(run: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.safetensors"
    rm.save_policy(rm.load(run), policy)
    main(["adapt", str(policy), "--episodes", "1", "--out", str(policy)])
    assert rm.load(policy).belief is not None

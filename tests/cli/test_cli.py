"""The command line keeps its promises: exit status, one clear line, files where they were asked for."""

from __future__ import annotations

import ctypes.util
import dataclasses
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import robotmeta as rm
from robotmeta.cli.commands import main
from robotmeta.evaluation.controls import control_policy
from robotmeta.files import write_text
from robotmeta.metalearners.ppo import PPOConfig
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder

_TINY = {"meta_batch": 4, "episodes": 2}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    rm.meta_train("point-navigation", "promp", iterations=2, out=folder, hyper=_TINY, progress=False)
    return folder


def _refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Runs a command that must be refused; returns its one line."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "cheeta-direction"], "nearest: cheetah-direction"),
        (["train", "point-navigation", "--learner", "prompt"], "nearest: promp"),
        (["train", "point-navigation", "--learner", "promp", "--hyper", "inner_stp=1"], "nearest: inner_step"),
        (["train", "point-navigation", "--hyper", "epochs=many"], "epochs is an int"),
        (["train", "point-navigation", "--learner", "promp", "--preset", "papr"], "nearest: paper"),
        (["train", "point-navigation", "--iterations", "0"], "iterations must be at least 1"),
        (["train", "point-navigation", "--hyper", "meta_batch=0"], "meta_batch must be at least 1, not 0"),
        (["train", "point-navigation", "--hyper", "minibatches=0"], "minibatches must be at least 1, not 0"),
        (["train", "point-navigation", "--hyper", "bptt=-1"], "bptt must be at least 0, not -1"),
        (["train", "point-navigation", "--hyper", "estimator_epochs=0"], "estimator_epochs must be at least 1, not 0"),
        (["train", "point-navigation", "--hyper", "init_std=0"], "init_std must be positive, not 0"),
        (["train", "point-navigation", "--hyper", "desired_kl=-1"], "desired_kl must be at least 0, not -1"),
        (
            ["train", "point-navigation", "--learner", "promp", "--hyper", "min_std=-1"],
            "min_std must be positive, not -1",
        ),
        (
            ["train", "point-navigation", "--learner", "maml", "--hyper", "adaptation_steps=0"],
            "adaptation_steps must be at least 1, not 0",
        ),
        (
            ["train", "point-navigation", "--learner", "domain-randomization", "--hyper", "adaptation_steps=1"],
            "domain-randomization does not adapt: adaptation_steps must be 0, not 1",
        ),
        (
            ["train", "point-navigation", "--learner", "promp", "--hyper", "surrogate=bogus"],
            "there are: lvc, log_likelihood, dice",
        ),
        (["train", "point-navigation", "--hyper", "learning_rate=-1"], "learning_rate must be at least 0, not -1"),
        (["train", "point-navigation", "--hyper", "learning_rate=NaN"], "learning_rate must be a finite number"),
        (["train", "point-navigation", "--hyper", "discount=5"], "discount must be between 0 and 1, not 5"),
        (["train", "point-navigation", "--seed", "-1"], "seed must be at least 0, not -1"),
        (["train", "point-navigation", "--checkpoint-every", "0"], "checkpoint_every must be at least 1, not 0"),
        (["train", "point-navigation", "--lerner", "rl2"], "nearest: --learner (see robotmeta train --help)"),
        (["train", "point-navigation", "--iterations", "1.5"], "--iterations: invalid literal for int()"),
        (["trian"], "there are: demo, families, train,"),
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
        (["bench", "--repeats", "0"], "at least 1 repetition, not 0"),
    ],
)
def test_a_name_that_does_not_exist_is_one_line_that_lists_what_does(
    arguments: list[str],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert expected in _refused(arguments, capsys)
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
        (["adapt", "{run}", "--seed", "-1"], "seed must be at least 0, not -1"),
        (["adapt", "{run}", "--horizon", "9"], "--horizon is for --env"),
        (["adapt", "{run}", "--out", "{run}"], "cannot write {run}: Is a directory"),
        (["adapt", "{run}", "--json", "{run}/config.json/result.json"], "config.json is not a folder"),
        (["evaluate", "{run}", "--plot", "curve.bogus"], "no plot format '.bogus'"),
        (["evaluate", "{run}", "--oracle", "{run}"], "is trained with --learner domain-randomization --hyper oracle"),
        (["evaluate", "{run}", "--domain-randomized", "{run}"], "this one learned with promp"),
        (["evaluate", "{run}", "--oracle", "pretrained:grasp"], "trained on family 'grasp', the policy on 'point-nav"),
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
        (["bench", "--worlds", "0"], "a multiple of 40, not 0"),
        (["bench", "all", "--worlds", "50"], "a multiple of 40, not 50"),
    ],
)
def test_a_wrong_value_is_one_line_that_says_what_is_right(
    run: Path, arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "config.json").read_bytes()
    assert expected.format(run=run) in _refused([argument.format(run=run) for argument in arguments], capsys)
    assert (run / "config.json").read_bytes() == before


def test_a_pickle_is_refused_unread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old.pkl", tmp_path / "new.pt"
    old.write_bytes(pickle.dumps({"weights": [1.0]}))
    torch.save({"weights": torch.ones(1)}, new)
    for file in (old, new):
        assert "is a pickle" in _refused(["evaluate", str(file)], capsys)


def test_a_policy_file_that_begins_as_a_pickle_does_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.safetensors"
    for length in range(256):  # of the header, whose low byte comes first
        save_file({"weights": torch.ones(1)}, file, metadata={"note": "x" * length})
        if file.read_bytes()[:1] == b"\x80":
            break
    assert file.read_bytes()[:1] == b"\x80"
    assert "no manifest" in _refused(["evaluate", str(file)], capsys)


def test_a_truncated_checkpoint_is_named(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (RunFolder(run).checkpoints()[-1] / "policy.safetensors").read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole[: len(whole) // 2])
    assert "truncated" in _refused(["evaluate", str(cut)], capsys)


def _copied(run: Path, folder: Path) -> Path:
    shutil.copytree(run, folder)
    return folder


def test_a_checkpoint_that_is_damaged_is_named_with_the_one_before(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = _copied(run, tmp_path / "run")
    (last,) = RunFolder(copy).checkpoints()
    newest = last.with_name("00000003")
    shutil.copytree(last, newest)
    (newest / "policy.safetensors").write_bytes(b"cut")
    line = _refused(["train", "--resume", str(copy), "--iterations", "4"], capsys)
    assert f"to go on from {last}, remove {newest}" in line
    shutil.rmtree(newest)
    main(["train", "--resume", str(copy), "--iterations", "3"])
    assert rm.load(copy).iteration == 3


def test_a_checkpoint_of_another_run_is_not_resumed(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = _copied(run, tmp_path / "run")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "seed": 7}))
    assert "does not belong to the run that" in _refused(["train", "--resume", str(copy), "--iterations", "3"], capsys)


@pytest.mark.parametrize("damage", ["[]", "{", "{}", '{"family": "point-navigation", "colour": 1}', "\x00\xff"])
def test_a_damaged_description_of_a_run_is_one_line(
    run: Path, damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = _copied(run, tmp_path / "run")
    (copy / "config.json").write_text(damage, encoding="latin-1")
    for command in (["train", "--resume", str(copy)], ["report", str(copy), "--tasks", "2", "--episodes", "1"]):
        assert "config.json is damaged" in _refused(command, capsys)


@pytest.mark.parametrize("lost", ["config", "space", "iteration", "everything"])
def test_a_damaged_manifest_is_one_line(
    run: Path, lost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with safe_open(RunFolder(run).checkpoints()[-1] / "policy.safetensors", framework="pt") as file:
        manifest = json.loads(file.metadata()["robotmeta"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    manifest.pop(lost, None)
    text = "not JSON" if lost == "everything" else json.dumps(manifest)
    save_file(tensors, tmp_path / "policy.safetensors", metadata={"robotmeta": text})
    line = _refused(["adapt", str(tmp_path / "policy.safetensors")], capsys)
    assert "the manifest of" in line
    assert "is damaged" in line


def test_a_log_that_is_damaged_costs_no_more_than_its_lines(run: Path, tmp_path: Path) -> None:
    copy = _copied(run, tmp_path / "run")
    (copy / "metrics.jsonl").write_bytes(b'[1, 2]\n\xff\xfe\n{"iteration"')
    main(["train", "--resume", str(copy), "--iterations", "3"])
    assert [line["iteration"] for line in read_metrics(RunFolder(copy).metrics)] == [2]


def test_two_processes_never_train_in_one_folder(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = _copied(run, tmp_path / "run")
    with RunFolder(copy).locked():
        line = _refused(["train", "--resume", str(copy), "--iterations", "3"], capsys)
    assert line == f"robotmeta: another process is training in {copy}"
    main(["train", "--resume", str(copy), "--iterations", "3"])


def test_what_is_written_to_stays_a_link_or_a_pipe(tmp_path: Path) -> None:
    file, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    file.write_text("before")
    link.symlink_to(file)
    write_text(link, "after")
    assert link.is_symlink()
    assert file.read_text() == "after"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(pipe.read_text)
        write_text(pipe, "through")
        assert read.result(timeout=10) == "through"
    assert pipe.is_fifo()


def test_a_disk_that_fills_up_while_logging_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_full(file: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        return open(  # noqa: PTH123
            "/dev/full" if file.name == "metrics.jsonl" and mode == "a" else file, mode, *args, **options
        )

    if not Path("/dev/full").exists():
        pytest.skip("this system has no full disk to write to")
    monkeypatch.setattr(Path, "open", open_full)
    command = ["train", "point-navigation", "--learner", "promp", "--hyper", "meta_batch=4", "--out", str(tmp_path)]
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--iterations", "1"])
    assert stopped.value.code == 2
    assert "metrics.jsonl: No space left on device" in capsys.readouterr().err.splitlines()[-1]


def test_a_report_shows_the_controls_that_were_trained(run: Path, tmp_path: Path) -> None:
    copy = _copied(run, tmp_path / "run")
    control_policy("domain_randomized", rm.load(copy), copy)
    main(["report", str(copy), "--tasks", "3", "--episodes", "1"])
    page = (copy / "report.html").read_text()
    assert "domain-randomized" in page
    assert "Controls that were not run: oracle." in page


def test_an_unwritable_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("not a folder")
    line = _refused(["train", "point-navigation", "--out", str(tmp_path / "file" / "run")], capsys)
    assert "cannot write" in line


def test_families_are_described_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["families", "cheetah-dynamics", "--json", str(tmp_path / "family.json")])
    described = json.loads((tmp_path / "family.json").read_text())
    assert [p["name"] for p in described["parameters"]][:2] == ["mass", "friction"]
    assert "leg_length" in capsys.readouterr().out


def test_adapt_evaluate_and_record_write_what_they_promise(run: Path, tmp_path: Path) -> None:
    adapted, result, curve = tmp_path / "adapted.safetensors", tmp_path / "result.json", tmp_path / "curve.png"
    main(["adapt", str(run), "--task", "goal_x=0.3", "--episodes", "2", "--out", str(adapted)])
    main(["evaluate", str(adapted), "--tasks", "3", "--episodes", "1", "--json", str(result), "--plot", str(curve)])
    written = json.loads(result.read_text())
    assert written["episodes"] == [0, 1]
    assert written["return"]["domain_randomized"] is None
    assert len(written["return"]["adapted"]["ci95"]) == 2
    assert curve.stat().st_size > 1000
    main(["record", str(run), "--episodes", "1", "--out", str(tmp_path / "film.mp4")])
    assert (tmp_path / "film.mp4").stat().st_size > 1000


def test_adapt_says_what_it_thinks_the_task_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, result = tmp_path / "run", tmp_path / "result.json"
    rm.meta_train(
        "cheetah-direction", "task-inference", iterations=1, hyper={"meta_batch": 2}, out=folder, progress=False
    )
    main(["adapt", str(folder), "--task", "direction=backward", "--episodes", "1", "--json", str(result)])
    written = json.loads(result.read_text())
    assert written["inferred"]["direction"].keys() == {"value", "low", "high", "known", "kinds"}
    assert written["task"] == {"direction": -1.0}
    # After one meta-update it cannot know.
    told = capsys.readouterr().out
    assert "cheetah-direction, direction = backward" in told
    assert "Not to be told from these episodes: direction." in told


def test_trained_controls_get_as_many_steps_as_the_policy(run: Path, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    controls = ["zero_shot", "domain_randomized", "oracle"]
    main(["evaluate", str(run), "--tasks", "3", "--episodes", "1", "--controls", *controls, "--json", str(result)])
    curves = json.loads(result.read_text())["return"]
    assert curves["from_scratch"] is None
    for name in controls:
        assert curves[name] is not None
    policy, control = rm.load(run), rm.load(run / "controls" / "oracle")
    assert control.learner.config.oracle
    assert control.env_steps >= policy.env_steps


def test_a_control_explores_steps_and_discounts_as_the_policy_does(tmp_path: Path) -> None:
    trained = rm.meta_train(
        "point-navigation",
        iterations=1,
        out=tmp_path,
        hyper={"init_std": 0.2, "desired_kl": 0.01, "discount": 0.9},
        progress=False,
    )
    control = control_policy("domain_randomized", trained.policy, tmp_path).config.hyperparameters
    assert isinstance(control, PPOConfig)
    assert (control.init_std, control.desired_kl, control.discount) == (0.2, 0.01, 0.9)


def test_a_control_whose_episodes_end_early_trains_until_it_has_had_as_many_steps(tmp_path: Path) -> None:
    hopper = rm.meta_train("hopper-dynamics", iterations=1, out=tmp_path, hyper={"meta_batch": 2}, progress=False)
    policy = dataclasses.replace(hopper.policy, env_steps=48 * 2 * hopper.policy.family.horizon)  # one full iteration
    control = control_policy("domain_randomized", policy, tmp_path)
    assert control.env_steps >= policy.env_steps
    assert control.iteration > 1


def test_without_a_gl_library_only_the_video_is_missing(run: Path, tmp_path: Path) -> None:
    """OSMesa stands for any library that was asked for and is not there."""
    if ctypes.util.find_library("OSMesa"):
        pytest.skip("OSMesa is installed here, so it cannot stand for a missing library")
    environment = {**os.environ, "MUJOCO_GL": "osmesa", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "robotmeta.cli"]
    demo = subprocess.run(
        [*command, "demo", "--iterations", "1", "--out", str(tmp_path / "demo")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode == 0, demo.stderr
    assert "No video: pictures need a GL library" in demo.stdout
    assert "apt-get install" in demo.stdout
    assert (tmp_path / "demo" / "report.html").exists()


def _rewritten(run: Path, file: Path, **changes: object) -> Path:
    source = RunFolder(run).checkpoints()[-1] / "policy.safetensors"
    with safe_open(source, framework="pt") as opened:
        described = json.loads(opened.metadata()["robotmeta"])
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    save_file(tensors, file, metadata={"robotmeta": json.dumps({**described, **changes})})
    return file


def test_a_checkpoint_of_another_schema_or_family_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = _rewritten(run, tmp_path / "newer.safetensors", schema=99)
    assert "has schema 99, this version reads schema 2 and 3" in _refused(["evaluate", str(newer)], capsys)
    space = {"names": ["goal_x", "goal_y"], "digest": "of other ranges"}
    other = _rewritten(run, tmp_path / "other.safetensors", space=space)
    assert "another version of family 'point-navigation'" in _refused(["evaluate", str(other)], capsys)
    with pytest.raises(rm.UserError, match="not 'cheetah-direction'"):
        rm.load(run, family=rm.make("cheetah-direction"))


def _start(run: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "robotmeta.cli", "train", *more, "--checkpoint-every", "1"]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


def _wait_for_checkpoint(run: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not RunFolder(run).checkpoints():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def _weights(run: Path) -> dict[str, torch.Tensor]:
    return rm.load(run).learner.state_dict()


def test_a_killed_run_resumes_to_the_same_bits_as_one_that_was_not(tmp_path: Path) -> None:
    options = ["point-navigation", "--learner", "promp", "--iterations", "40", "--hyper", "meta_batch=4", "episodes=2"]
    killed, stopped, whole = tmp_path / "killed", tmp_path / "stopped", tmp_path / "whole"
    for folder, how in ((killed, signal.SIGKILL), (stopped, signal.SIGINT)):
        process = _start(folder, *options, "--out", str(folder))
        _wait_for_checkpoint(folder, process)
        process.send_signal(how)
        out, _ = process.communicate(timeout=60)
        if how == signal.SIGINT:
            assert process.returncode == 0
            assert b"--resume" in out
    main(["train", *options, "--out", str(whole)])
    for folder in (killed, stopped):
        main(["train", "--resume", str(folder)])
        resumed, expected = _weights(folder), _weights(whole)
        assert all(torch.equal(resumed[name], expected[name]) for name in expected)
        metrics = [json.loads(line)["iteration"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert metrics == list(range(40)), "no iteration is lost or logged twice"


def test_a_full_disk_costs_nothing_that_was_saved(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = rm.load(run)
    before = RunFolder(run).checkpoints()

    def full(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(rm.UserError, match="No space left on device"):
        RunFolder(run).save(policy)
    assert RunFolder(run).checkpoints() == before
    assert not list((run / "checkpoints").glob(".partial-*"))
    rm.load(run)

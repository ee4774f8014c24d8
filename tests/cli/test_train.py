"""``robotmeta train``: runs are interrupted, killed, resumed, and meet full disks."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import robotmeta as rm
from robotmeta.cli import main
from robotmeta.training.run_folder import RunFolder

Refused = Callable[[list[str]], str]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE is 2, but RANK is not set"),
        ({"WORLD_SIZE": "2", "RANK": "1"}, "WORLD_SIZE is 2, but MASTER_ADDR is not set"),
        (
            {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "x", "MASTER_ADDR": "localhost", "MASTER_PORT": "y"},
            "MASTER_PORT must be a whole number, not 'y'",
        ),
        ({"WORLD_SIZE": "1", "LOCAL_RANK": "x"}, "LOCAL_RANK must be a whole number, not 'x'"),
    ],
)
def test_ranks_that_cannot_find_each_other_are_one_line(
    place: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    assert said in refused(["train", "point-navigation", "--out", str(tmp_path / "run")])
    assert not (tmp_path / "run").exists()


def test_a_process_that_trains_alone_tells_its_mistakes_whatever_its_place(
    monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "3")  # as of a scheduler that starts programs of all kinds
    assert "no policy at nowhere" in refused(["evaluate", "nowhere"])


def test_two_processes_never_train_in_one_folder(copy: Path, refused: Refused) -> None:
    with RunFolder(copy).locked():
        line = refused(["train", "--resume", str(copy), "--iterations", "3"])
    assert line == f"robotmeta: another process is training in {copy}"
    main(["train", "--resume", str(copy), "--iterations", "3"])


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
    command = ["train", "point-navigation", "--learner", "promp", "--meta-batch", "4", "--out", str(tmp_path)]
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--iterations", "1"])
    assert stopped.value.code == 2
    assert "metrics.jsonl: No space left on device" in capsys.readouterr().err.splitlines()[-1]


def test_an_unwritable_folder_is_named(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "file").write_text("not a folder")
    line = refused(["train", "point-navigation", "--out", str(tmp_path / "file" / "run")])
    assert "cannot write" in line


def _start(*options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "robotmeta.cli", "train", *options, "--checkpoint-every", "1"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)


def _wait_for_checkpoint(run: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not RunFolder(run).checkpoints():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def _weights(run: Path) -> dict[str, torch.Tensor]:
    return rm.load(run).learner.state_dict()


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bits_as_one_that_was_not(tmp_path: Path) -> None:
    options = ["point-navigation", "--learner", "promp", "--meta-batch", "4", "--episodes", "2", "--iterations"]
    killed, stopped, whole = tmp_path / "killed", tmp_path / "stopped", tmp_path / "whole"
    for folder, how, iterations in ((killed, signal.SIGKILL, 16), (stopped, signal.SIGINT, 1000)):
        process = _start(*options, str(iterations), "--out", str(folder))
        _wait_for_checkpoint(folder, process)
        process.send_signal(how)
        out, _ = process.communicate(timeout=60)
        if how == signal.SIGINT:
            assert process.returncode == 130
            assert b"--resume" in out
    main(["train", "--resume", str(killed)])
    assert rm.load(killed).iteration == 16
    total = max(16, 1 + rm.load(stopped).iteration)
    main(["train", *options, str(total), "--out", str(whole)])
    for folder in (killed, stopped):
        main(["train", "--resume", str(folder), "--iterations", str(total)])
        resumed, expected = _weights(folder), _weights(whole)
        assert all(torch.equal(resumed[name], expected[name]) for name in expected)
        metrics = [json.loads(line)["iteration"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert metrics == list(range(total)), "no iteration is lost or logged twice"


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


def test_the_commands_it_prints_can_be_pasted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "it's my $run"
    command = ["train", "point-navigation", "--learner", "promp", "--iterations", "1", "--meta-batch", "2"]
    main([*command, "--out", str(folder)])
    hints = capsys.readouterr().out.splitlines()[-1].removeprefix("Next: ").split("    ")
    assert [shlex.split(hint) for hint in hints] == [
        ["robotmeta", command, str(folder)] for command in ("evaluate", "record", "report")
    ]

"""``torchrun -m robotmeta train``: restarts, signals and mistakes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from robotmeta.training.run_folder import RunFolder
from tests.learning import same

pytestmark = pytest.mark.slow

_SMALL = ("point-navigation", "--learner=task-inference", "--meta-batch=4", "--hidden-size=16", "--epochs=1")
_TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node")


def start(ranks: int, *options: str, restarts: int = 0) -> subprocess.Popen[str]:
    command = [*_TORCHRUN, str(ranks), "--max-restarts", str(restarts), "-m", "robotmeta", "train", *_SMALL, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def own_lines(output: str) -> list[str]:
    """What the command says; torchrun adds a report of its own."""
    return [line for line in output.splitlines() if line.startswith("robotmeta: ")]


def wait_for(iteration: int, run: Path, process: subprocess.Popen[str]) -> None:
    while RunFolder(run).iteration < iteration:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def children(process: subprocess.Popen[str]) -> list[int]:
    """The ranks, in their order."""
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    place = {int(e.partition("=")[2]): int(pid) for pid in found for e in environment(pid) if e.startswith("RANK=")}
    return [place[rank] for rank in sorted(place)]


def environment(pid: str) -> list[str]:
    return Path(f"/proc/{pid}/environ").read_text().split("\0")


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(RunFolder(run).checkpoints()[-1] / "policy.safetensors")


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the ranks in /proc")
def test_a_killed_rank_is_started_again_and_training_ends_with_the_right_weights(tmp_path: Path) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    options = ("--iterations", "8", "--checkpoint-every", "2", "--out")
    process = start(2, *options, str(run), restarts=1)
    wait_for(2, run, process)
    os.kill(children(process)[1], signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    start(2, *options, str(whole)).communicate(timeout=120)
    assert RunFolder(run).iteration == 8
    assert same(weights(run), weights(whole))


@pytest.mark.parametrize("number", [signal.SIGTERM])  # Ctrl-C takes the same way
def test_a_signal_to_torchrun_saves_a_checkpoint_and_says_how_to_continue(number: int, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start(2, "--iterations", "100000", "--checkpoint-every", "1", "--out", str(run))
    wait_for(2, run, process)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert f"iterations; continue with: robotmeta train --resume {run}" in output, output
    assert own_lines(output) == []


@pytest.mark.parametrize(
    ("ranks", "options", "said"),
    [
        (3, (), "robotmeta: 3 ranks cannot share a meta_batch of 4 tasks evenly; numbers of ranks that can: 1, 2, 4"),
        (2, ("--learning-rate", "-1"), "robotmeta: learning_rate must be at least 0, not -1.0"),
    ],
)
def test_a_mistake_is_one_line_of_the_first_rank(
    ranks: int, options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    process = start(ranks, *options, "--out", str(tmp_path / "run"))
    output, _ = process.communicate(timeout=60)
    assert own_lines(output) == [said], output
    assert "exitcode  : 2" in output
    assert not (tmp_path / "run").exists()

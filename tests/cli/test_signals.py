"""Signals end a command with their status: a training saves a checkpoint, others remove their partial files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import robotmeta as rm
from robotmeta.training.run_folder import RunFolder

pytestmark = pytest.mark.slow


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "robotmeta.cli", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wait_for(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_training_that_is_stopped_saves_and_says_how_to_go_on(number: signal.Signals, tmp_path: Path) -> None:
    run = tmp_path / "a run"
    options = ["--learner", "promp", "--meta-batch", "2", "--iterations", "100000", "--out", run]
    process = start("train", "point-navigation", *options)
    wait_for((run / "metrics.jsonl").exists, process)
    wait_for(lambda: (run / "metrics.jsonl").read_text(), process)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    done = rm.load(run).iteration
    assert f"Stopped after {done} iterations; continue with: robotmeta train --resume '{run}'\n" in out


def test_a_command_that_is_stopped_leaves_no_partial_file(run: Path, tmp_path: Path) -> None:
    process = start("record", run, "--episodes", "3", "--out", tmp_path / "film.mp4")
    wait_for(lambda: list(tmp_path.iterdir()), process)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (143, "robotmeta: stopped\n")
    assert list(tmp_path.iterdir()) == []


def test_a_second_signal_stops_a_training_at_once(tmp_path: Path) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import dataclasses, time, pathlib, robotmeta\n"
        "point = robotmeta.make('point-navigation')\n"
        "def reward(step):\n"
        "    pathlib.Path('begun').touch()\n"
        "    time.sleep(0.5)\n"
        "    return point.reward(step)\n"
        "def family():\n"
        "    return dataclasses.replace(point, reward=reward)\n"
    )
    command = [sys.executable, "-m", "robotmeta.cli", "train", "slow.py:family", "--out", "run", "--meta-batch", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    wait_for((tmp_path / "run" / "metrics.jsonl").exists, process)
    time.sleep(0.3)
    for number in (signal.SIGTERM, signal.SIGTERM):
        process.send_signal(number)
        time.sleep(0.3)
    _, said = process.communicate(timeout=10)  # an iteration takes minutes
    assert (process.returncode, said) == (143, "robotmeta: stopped\n")
    assert RunFolder(tmp_path / "run").checkpoints() == []


@pytest.mark.parametrize("module", ["ctypes.util", "tyro", "torch"])
def test_ctrl_c_while_importing_is_one_line(module: str) -> None:
    command = [sys.executable, "-m", "robotmeta.cli", "families"]
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}  # says what is imported
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    while f"| {module}" not in " ".join(process.stderr.readline().split()):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    *_, last = [line for line in said.splitlines() if not line.startswith("import time:")]
    assert (process.returncode, last) == (130, "robotmeta: stopped")
    assert "Traceback" not in said


def test_a_process_that_only_imports_the_package_keeps_its_signals() -> None:
    code = "import signal, robotmeta; assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    subprocess.run([sys.executable, "-c", code], check=True)

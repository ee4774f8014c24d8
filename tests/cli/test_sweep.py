"""``robotmeta sweep``: it trains what is left, skips what is finished, and stops all at once."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import robotmeta as rm
from robotmeta.cli import main
from robotmeta.files import plain_name
from robotmeta.training.run_folder import RunFolder

Refused = Callable[[list[str]], str]

_SWEEP = ["sweep", "point-navigation", "--learners=promp"]
_SMALL = ["--meta-batch=4", "--episodes=2"]


@pytest.mark.slow
def test_a_sweep_trains_all_runs_and_the_same_command_skips_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = tmp_path / "sweep.json"
    command = [*_SWEEP, "--seeds=0,1", "--jobs=2", f"--out={tmp_path}", f"--json={result}", "--", *_SMALL]
    main([*command, "--iterations=2"])
    assert "mean of 2" in capsys.readouterr().out
    runs = json.loads(result.read_text())["runs"]
    assert [(run["learner"], run["seed"], run["iterations"], run["finished"]) for run in runs] == [
        ("promp", 0, 2, True),
        ("promp", 1, 2, True),
    ]
    log = RunFolder(Path(runs[0]["folder"])).metrics
    before = log.stat().st_mtime_ns
    main([*command, "--iterations=2"])
    assert log.stat().st_mtime_ns == before
    assert "is finished already" in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_stops_all_runs_with_a_checkpoint_and_the_same_command_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "robotmeta", *_SWEEP, "--seeds=0,1", "--jobs=2", f"--out={tmp_path}", "--"]
    process = subprocess.Popen(
        [*command, *_SMALL, "--iterations=100000", "--checkpoint-every=1"], stdout=subprocess.PIPE, text=True
    )
    runs = [RunFolder(tmp_path / f"point-navigation-promp-{seed}") for seed in (0, 1)]
    while not all(run.iteration for run in runs):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGINT
    assert "2 of 2 runs are not finished; continue with: robotmeta sweep point-navigation" in output
    made = [run.iteration for run in runs]
    for run in runs:
        with run.locked():  # no process trains there any more
            pass
    finished = subprocess.run([*command, *_SMALL, f"--iterations={max(made) + 1}"], check=False, capture_output=True)
    assert finished.returncode == 0
    assert [run.iteration for run in runs] == [max(made) + 1] * 2


@pytest.mark.slow
def test_a_run_that_fails_is_named_with_its_error_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "point-navigation-promp-0"
    broken.mkdir()
    (broken / "checkpoints").symlink_to(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main([*_SWEEP, "--seeds=0,1", "--jobs=2", f"--out={tmp_path}", "--", *_SMALL, "--iterations=1"])
    assert stopped.value.code == 1
    said = f"promp, seed 0 failed: robotmeta: {broken / 'checkpoints'} is a link out of the run folder"
    printed = capsys.readouterr()
    assert said in printed.err
    assert "mean of" not in printed.out  # of one run
    assert RunFolder(tmp_path / "point-navigation-promp-1").iteration == 1


def test_a_mistake_in_any_run_is_one_line_before_the_first_begins(tmp_path: Path, refused: Refused) -> None:
    out = f"--out={tmp_path / 'runs'}"
    assert "no learner 'prom'" in refused(["sweep", "point-navigation", "--learners=promp,prom", out])
    assert "--seeds must be whole numbers" in refused([*_SWEEP, "--seeds=0,x", out])
    assert "--seeds must be different names" in refused([*_SWEEP, "--seeds=1,1", out])
    assert "--seeds must be different numbers" in refused([*_SWEEP, "--seeds=0,00", out])
    assert "hidden_size" in refused([*_SWEEP, out, "--", "--hidden-size", "3"]).replace("-", "_")
    assert "--seed is chosen by the sweep" in refused([*_SWEEP, out, "--", "--seed", "3"])
    assert "no cluster 'slrm'; nearest: slurm" in refused([*_SWEEP, "--cluster=slrm", out])
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", ["sweep", "compare"])
def test_a_run_of_another_version_of_the_family_is_refused(
    command: str, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.py"
    file.write_text(
        "import dataclasses\nfrom robotmeta.envs import make\n\n"
        "def family():\n    return dataclasses.replace(make('point-navigation'), horizon=20)\n"
    )
    rm.meta_train(
        "mine.py:family",
        "promp",
        iterations=1,
        out=tmp_path / "runs" / f"{plain_name('mine.py:family')}-promp-0",
        hyper={"meta_batch": 4, "episodes": 2},
        progress=False,
    )
    file.write_text(file.read_text().replace("horizon=20", "horizon=130"))  # not as long: else an old .pyc may count
    sys.modules.pop(str(file), None)  # as in a new process
    line = refused([command, "mine.py:family", "--learners=promp", "--seeds=0,1", "--out=runs", "--", *_SMALL])
    assert "was trained on another version of family 'mine.py:family'" in line
    assert "the horizon is 20 control steps in the file and 130 control steps in the family" in line


@pytest.mark.skipif(importlib.util.find_spec("submitit") is not None, reason="submitit is installed")
def test_a_cluster_without_submitit_is_one_line(tmp_path: Path, refused: Refused) -> None:
    line = refused([*_SWEEP, "--cluster=slurm", f"--out={tmp_path}"])
    assert line == "robotmeta: --cluster needs submitit; install it with: pip install 'robotmeta[cluster]'"
